//! A small tree over the events of the YAML parser: every node with its line, aliases followed, merge keys (`<<`) merged.
//!
//! Holds: the tree has at most [`LARGEST`] nodes, whatever aliases multiply, and is at most [`DEEPEST`] deep.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::error::YamlError;

/// More nodes than any file that a person wrote.
const LARGEST: usize = 100_000;
const DEEPEST: usize = 64;

/// A node and the line where it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub line: usize,
    /// How it is written.
    pub style: Style,
    /// What it is.
    pub value: Value,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// As a word, which may be a number or a truth value; so is everything that is no text.
    #[default]
    Plain,
    /// In quotes, as a block, or with the tag of a text.
    Quoted,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A text, number or truth value, as it is written.
    Text(String),
    /// Nodes in their order.
    List(Vec<Node>),
    /// In the order of the file; the line is the key's.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The entries of a map; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; a single text is a list of one.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            Value::Text(_) => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// The text; none of anything else.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is `true`, in any of YAML's ways.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.text().is_some_and(|text| ["true", "yes", "on"].contains(&text.to_ascii_lowercase().as_str()))
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(elements) => elements.iter().map(Self::count).sum::<usize>(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            _ => 0,
        }
    }
}

/// Reads one document.
///
/// # Errors
/// What is no YAML, a second document, and what is larger or deeper than anything that a person wrote.
pub fn parse(text: &str) -> Result<Node, YamlError> {
    let mut all = documents(text)?.into_iter();
    let first = all.next().unwrap_or(Node { line: 1, style: Style::Plain, value: Value::Null });
    match all.next() {
        Some(second) => {
            let says = "a second document begins here".to_owned();
            Err(YamlError::Shape { line: second.line, says })
        }
        None => Ok(first),
    }
}

/// Reads all documents, but for those in which there is nothing.
///
/// # Errors
/// As [`parse`], without a limit to how many there are.
pub fn documents(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0 };
    let mut all = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(all),
            (Event::StreamStart | Event::DocumentEnd | Event::Nothing, _) => {}
            // An anchor is known in its own document.
            (Event::DocumentStart(_), _) => reader.anchors.clear(),
            (event, line) => {
                let node = reader.node(event, line, 0)?;
                if node.value != Value::Null {
                    all.push(node);
                }
            }
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), YamlError> {
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, 0)),
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => {
                Err(YamlError::Syntax { line: error.marker().line(), says: error.info().to_owned() })
            }
        }
    }

    fn grow(&mut self, by: usize, line: usize) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(by);
        if self.nodes <= LARGEST {
            return Ok(());
        }
        Err(YamlError::Shape { line, says: "its anchors make it far too large".to_owned() })
    }

    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, YamlError> {
        if depth > DEEPEST {
            return Err(YamlError::Shape { line, says: "it is nested too deep".to_owned() });
        }
        self.grow(1, line)?;
        let mut style = Style::Plain;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let says = "an alias refers to what contains it".to_owned();
                    return Err(YamlError::Shape { line, says });
                };
                self.grow(size, line)?;
                return Ok(Node { line, style: node.style, value: node.value });
            }
            Event::Scalar(text, written, anchor, tag) => {
                let is_a_text = tag.is_some_and(|tag| tag.suffix == "str");
                if written != ScalarStyle::Plain || is_a_text {
                    style = Style::Quoted;
                }
                let is_null =
                    style == Style::Plain && ["", "~", "null", "Null", "NULL"].contains(&text.as_ref());
                (anchor, if is_null { Value::Null } else { Value::Text(text.into_owned()) })
            }
            Event::SequenceStart(anchor, _) => {
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, line) => elements.push(self.node(event, line, depth + 1)?),
                    }
                }
                (anchor, Value::List(elements))
            }
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            _ => return Err(YamlError::Syntax { line, says: "a value was expected here".to_owned() }),
        };
        let node = Node { line, style, value };
        if anchor > 0 {
            let size = node.count();
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn map(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut merged: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, line) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                event => self.node(event, line, depth + 1)?,
            };
            let (event, value_line) = self.next()?;
            let value = self.node(event, value_line, depth + 1)?;
            let name = match key.value {
                Value::Text(name) => name,
                _ => return Err(YamlError::Shape { line, says: "a key is no text".to_owned() }),
            };
            if name == "<<" {
                // Of several maps the first one counts, and all of them less than what stands here itself.
                let maps = if let Value::List(maps) = value.value { maps } else { vec![value] };
                for map in maps {
                    let Value::Map(more) = map.value else {
                        return Err(YamlError::Shape { line, says: "`<<` merges no map".to_owned() });
                    };
                    for (name, node) in more {
                        if merged.iter().all(|(earlier, _)| *earlier != name) {
                            merged.push((name, node));
                        }
                    }
                }
                continue;
            }
            if entries.iter().any(|(earlier, _)| *earlier == name) {
                return Err(YamlError::Syntax {
                    line,
                    says: format!("the key `{name}` stands here a second time"),
                });
            }
            entries.push((name, Node { line, style: value.style, value: value.value }));
        }
        for (name, node) in merged {
            if entries.iter().all(|(own, _)| *own != name) {
                entries.push((name, node));
            }
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_keys_and_aliases() {
        let root = parse("x: &x {a: 1, b: 2}\ny: &y\n  c: 3\nz:\n  <<: [*x, *y]\n  b: 9\nl: *x\n").unwrap();
        let z = root.get("z").unwrap();
        let texts: Vec<_> = ["a", "b", "c"].map(|key| z.get(key).unwrap().text().unwrap().to_owned()).into();
        assert_eq!(texts, ["1", "9", "3"]);
        assert_eq!(root.get("l").unwrap().get("b").unwrap().text(), Some("2"));
        assert_eq!(z.get("b").unwrap().line, 6);
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_line() {
        for (text, line) in [
            ("a: 1\nb: [1, 2\n", 3),
            ("a: 1\na: 2\n", 2),
            ("a: 1\n  b: 2\n", 2),
            ("a: *nobody\n", 1),
            ("a: 1\n---\nb: 2\n", 3),
        ] {
            let error = parse(text).unwrap_err();
            let (YamlError::Syntax { line: at, .. } | YamlError::Shape { line: at, .. }) = error;
            assert_eq!(at, line, "{text}");
        }
    }

    #[test]
    fn several_documents_with_their_lines() {
        let all = documents("# first\na: &x 1\n---\n\n---\nb: 2\n...\n---\n[3]\n").unwrap();
        assert_eq!(all.iter().map(|one| one.line).collect::<Vec<_>>(), [2, 6, 9]);
        assert!(documents("a: &x 1\n---\nb: *x\n").is_err(), "an anchor of another document");
        assert_eq!(documents("# nothing\n").unwrap(), []);
    }

    #[test]
    fn a_file_that_multiplies_itself_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let more = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{more}]\n"));
        }
        assert!(matches!(parse(&text), Err(YamlError::Shape { .. })));
        assert!(parse(&"[".repeat(5000)).is_err());
    }
}
