//! Secrets taken out of whatever is shown: each is found in every form in which programs print values, and
//! replaced by `[secret NAME]`.
//!
//! Holds: what comes out does not depend on how the input was cut into pieces. Where finds overlap, all of what
//! they cover goes, so that no part of a secret is left beside the mark. No byte is given out that may still turn
//! out to be the beginning of a secret. [`Terminal`] alone makes two exceptions, for what is no news to whoever sits there.
//!
//! Found are: the value as it is, each line of it from 6 characters on, and both as they are written in JSON (also
//! in JSON within JSON), for a shell (single and double quotes, `$'…'`, backslashes), in a URL (`%` in capitals
//! or not, `+` or `%20`), in XML and SQL; and the whole in base64 (at all three offsets, both alphabets, wrapped
//! lines of 64 and 76 where it begins the text) and hex. Values below 4 bytes are not looked for: they would be
//! found everywhere. See [`Redactor::unsearched`].

mod escape;
mod forms;
mod machine;
mod ordinary;
mod stream;
mod terminal;

use std::borrow::Cow;
use std::sync::Arc;

pub use ordinary::{Standing, is_ordinary, names_a_secret};
pub use stream::Stream;
pub use terminal::Terminal;

use crate::SecretValue;
use machine::Machine;

/// Shorter values are not looked for, in bytes.
pub const SHORTEST: usize = 4;

/// Finds secrets and puts their names in their place. Cheap to clone.
#[derive(Clone)]
pub struct Redactor {
    machine: Option<Arc<Machine>>,
    unsearched: Vec<String>,
}

impl Redactor {
    /// One that knows these secrets, by the names that are shown.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a SecretValue)>) -> Self {
        let mut patterns = Vec::new();
        let mut unsearched = Vec::new();
        for (name, value) in secrets {
            let forms = forms::of(value.expose());
            if forms.is_empty() {
                unsearched.push(name.to_owned());
            } else {
                patterns.push((name.to_owned(), forms));
            }
        }
        Self { machine: Machine::new(patterns).map(Arc::new), unsearched }
    }

    /// One that knows none.
    #[must_use]
    pub fn none() -> Self {
        Self { machine: None, unsearched: Vec::new() }
    }

    /// The names of those that are too short to be looked for.
    #[must_use]
    pub fn unsearched(&self) -> &[String] {
        &self.unsearched
    }

    /// For a text that comes in pieces.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::new(self.machine.clone())
    }

    /// For what a terminal shows while somebody types.
    #[must_use]
    pub fn terminal(&self) -> Terminal {
        Terminal::new(self.stream())
    }

    /// The bytes without the secrets in them.
    #[must_use]
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut stream = self.stream();
        stream.push(bytes, &mut out);
        stream.finish(&mut out);
        out
    }

    /// The text without the secrets in it.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.machine.as_ref().is_none_or(|machine| !machine.finds_in(text.as_bytes())) {
            return Cow::Borrowed(text);
        }
        // A find begins and ends where characters do, except in bytes that no text has.
        Cow::Owned(String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned())
    }

    /// Every text in a JSON value, keys included.
    pub fn json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => {
                if let Cow::Owned(redacted) = self.text(text) {
                    *text = redacted;
                }
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            serde_json::Value::Object(map) => {
                let entries = std::mem::take(map);
                for (key, mut value) in entries {
                    self.json(&mut value);
                    map.insert(self.text(&key).into_owned(), value);
                }
            }
            _ => {}
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(***)")
    }
}

#[cfg(test)]
mod tests;
