//! A text in tokens, byte by byte: every byte is in one token, so that what was written can be cut out again.
//!
//! It knows what a dialect quotes and comments, and nothing of grammar. It goes over the text once.

mod scan;
#[cfg(test)]
mod tests;

use crate::{Dialect, error::Opened};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// White space.
    Space,
    /// A comment.
    Comment,
    /// A key word or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A string, with what stands before its quote (`E`, `N`, `x`).
    Text,
    /// A number.
    Number,
    /// A single character of anything else.
    Symbol,
    /// `/*!50003` or `/*M!100000`: what follows is for MySQL no comment.
    ExecutableBegin,
    /// The `*/` of such a one.
    ExecutableEnd,
}

impl Kind {
    /// Whether a server sees it as a part of a statement.
    pub(crate) fn significant(self) -> bool {
        !matches!(self, Self::Space | Self::Comment)
    }
}

/// A token's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The text ends within something that was opened at `start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unclosed {
    pub(crate) start: usize,
    pub(crate) opened: Opened,
}

/// Goes over a text once.
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    position: usize,
    dialect: Dialect,
    /// Where an executable comment was opened.
    executable: Option<usize>,
    /// A delimiter of MySQL's client other than `;`: a word ends before it.
    delimiter: Option<&'a [u8]>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str, dialect: Dialect) -> Self {
        let position = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { bytes: text.as_bytes(), position, dialect, executable: None, delimiter: None }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Whether it is within an executable comment.
    pub(crate) fn in_executable(&self) -> bool {
        self.executable.is_some()
    }

    /// Goes on at another place, which is not before this one.
    pub(crate) fn skip_to(&mut self, position: usize) {
        self.position = position.clamp(self.position, self.bytes.len());
    }

    pub(crate) fn set_delimiter(&mut self, delimiter: Option<&'a [u8]>) {
        self.delimiter = delimiter;
    }

    /// Whether the delimiter of MySQL's client stands here.
    pub(crate) fn at_delimiter(&self) -> Option<usize> {
        let delimiter = self.delimiter?;
        self.bytes[self.position..].starts_with(delimiter).then_some(delimiter.len())
    }

    /// The next token.
    pub(crate) fn token(&mut self) -> Option<Result<Token, Unclosed>> {
        let start = self.position;
        let Some(&first) = self.bytes.get(start) else {
            let opened = self.executable.take()?;
            return Some(Err(Unclosed { start: opened, opened: Opened::Comment }));
        };
        let scanned = self.scan(first);
        Some(match scanned {
            Ok(kind) => {
                debug_assert!(self.position > start, "every token has a byte");
                Ok(Token { kind, start, end: self.position })
            }
            Err(opened) => {
                self.position = self.bytes.len();
                self.executable = None;
                Err(Unclosed { start, opened })
            }
        })
    }
}
