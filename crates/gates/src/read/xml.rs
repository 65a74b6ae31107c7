//! XML as a stream of elements: what readers of reports need of it, and nothing more.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, escape};

use super::Unreadable;

/// Deeper nesting is no report.
const DEEPEST: usize = 256;

/// What is met.
pub enum Node<'a> {
    /// An element begins; one without content is followed by its end.
    Begin(&'a str, &'a Attributes<'a>),
    /// Text, as it stands there.
    Text(&'a str),
    /// An element ends.
    End(&'a str),
}

/// The attributes of an element.
pub struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// All of them, with what they are called. What cannot be unescaped is as it stands there.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let mut attributes = self.0.attributes();
        attributes.with_checks(false);
        attributes.flatten().map(|one| {
            let value = match one.value {
                Cow::Borrowed(raw) => escape::unescape(raw).unwrap_or(Cow::Borrowed(raw)),
                Cow::Owned(raw) => escape::unescape(&raw).map(Cow::into_owned).unwrap_or(raw).into(),
            };
            (one.key.into_inner(), value)
        })
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<String> {
        self.iter().find(|(called, _)| *called == name).map(|(_, value)| value.into_owned())
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.trim().parse().ok()
    }
}

/// Walks through a document to its end. One that is cut off is unreadable.
pub fn walk(text: &str, mut visit: impl FnMut(Node<'_>) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
    let mut reader = Reader::from_str(text);
    let mut open = 0_usize;
    let mut seen = 0_usize;
    loop {
        let event = reader.read_event().map_err(|error| {
            let upto = usize::try_from(reader.error_position()).unwrap_or(0).min(text.len());
            let line = text.as_bytes()[..upto].iter().filter(|byte| **byte == b'\n').count() + 1;
            Unreadable::at(line, format!("it is no XML: {error}"))
        })?;
        match event {
            Event::Start(element) => {
                open += 1;
                seen += 1;
                if open > DEEPEST {
                    return Err(Unreadable::new(format!("it is nested deeper than {DEEPEST} elements")));
                }
                visit(Node::Begin(local(element.name().as_ref()), &Attributes(&element)))?;
            }
            Event::Empty(element) => {
                seen += 1;
                let name = element.name();
                visit(Node::Begin(local(name.as_ref()), &Attributes(&element)))?;
                visit(Node::End(local(name.as_ref())))?;
            }
            Event::End(element) => {
                open = open.saturating_sub(1);
                visit(Node::End(local(element.name().as_ref())))?;
            }
            Event::Text(text) => visit(Node::Text(&text))?,
            Event::Eof if open > 0 => {
                return Err(Unreadable::new("it is cut off: not all elements are closed"));
            }
            Event::Eof if seen == 0 => return Err(Unreadable::new("it is no XML: there is no element")),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// The name of the outermost element.
pub fn root(text: &str) -> Result<String, Unreadable> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => {
                return Ok(local(element.name().as_ref()).to_owned());
            }
            Ok(Event::Eof) | Err(_) => return Err(Unreadable::new("it is no XML: there is no element")),
            Ok(_) => {}
        }
    }
}

/// A name without its namespace.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
