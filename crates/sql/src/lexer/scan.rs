//! Where a token ends, by its first byte and the dialect.

use super::{Kind, Lexer};
use crate::{Dialect, error::Opened};

/// What escapes the closing quote within quotes, beside writing it twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Backslash,
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

impl Lexer<'_> {
    fn at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.position + ahead).copied().unwrap_or(0)
    }

    /// Moves behind the token whose first byte is given.
    pub(super) fn scan(&mut self, first: u8) -> Result<Kind, Opened> {
        match first {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
                Ok(self.run(Kind::Space, |byte| byte.is_ascii_whitespace() || byte == 0x0b))
            }
            b'-' if self.at(1) == b'-' && self.is_dash_comment() => Ok(self.line_comment()),
            b'#' if self.dialect == Dialect::Mysql => Ok(self.line_comment()),
            b'/' if self.at(1) == b'*' => self.block_comment(),
            b'*' if self.executable.is_some() && self.at(1) == b'/' => {
                self.executable = None;
                self.position += 2;
                Ok(Kind::ExecutableEnd)
            }
            b'\'' => self.quoted(b'\'', self.usual_escape(), Kind::Text, Opened::Text),
            b'"' if self.dialect == Dialect::Mysql => {
                self.quoted(b'"', Escape::Backslash, Kind::Text, Opened::Text)
            }
            b'"' => self.quoted(b'"', Escape::None, Kind::Name, Opened::Name),
            b'`' if self.dialect != Dialect::Postgres => {
                self.quoted(b'`', Escape::None, Kind::Name, Opened::Name)
            }
            b'[' if self.dialect == Dialect::Sqlite => {
                self.quoted(b']', Escape::None, Kind::Name, Opened::Name)
            }
            b'$' if self.dialect == Dialect::Postgres => self.dollar(),
            b'0'..=b'9' => Ok(self.number()),
            b'.' if self.at(1).is_ascii_digit() => Ok(self.number()),
            byte if is_word_start(byte) || (byte == b'$' && self.dialect == Dialect::Mysql) => self.word(),
            _ => {
                self.position += 1;
                Ok(Kind::Symbol)
            }
        }
    }

    fn usual_escape(&self) -> Escape {
        if self.dialect == Dialect::Mysql { Escape::Backslash } else { Escape::None }
    }

    fn run(&mut self, kind: Kind, belongs: impl Fn(u8) -> bool) -> Kind {
        let rest = &self.bytes[self.position..];
        self.position += rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len());
        kind
    }

    /// MySQL wants white space, a control character or the end behind the dashes: `5--1` is six.
    fn is_dash_comment(&self) -> bool {
        self.dialect != Dialect::Mysql
            || self.bytes.get(self.position + 2).is_none_or(|&byte| byte <= b' ' || byte == 0x7f)
    }

    /// To the end of the line, which does not belong to it.
    fn line_comment(&mut self) -> Kind {
        let postgres = self.dialect == Dialect::Postgres;
        self.run(Kind::Comment, |byte| byte != b'\n' && !(postgres && byte == b'\r'))
    }

    fn block_comment(&mut self) -> Result<Kind, Opened> {
        if self.dialect == Dialect::Mysql && self.executable.is_none() {
            let marked = match (self.at(2), self.at(3)) {
                (b'!', _) => 3,
                (b'M', b'!') => 4,
                _ => 0,
            };
            if marked > 0 {
                self.executable = Some(self.position);
                self.position += marked;
                return Ok(self.run(Kind::ExecutableBegin, |byte| byte.is_ascii_digit()));
            }
        }
        let nests = self.dialect == Dialect::Postgres;
        let mut depth = 1_usize;
        self.position += 2;
        while self.position < self.bytes.len() {
            match (self.at(0), self.at(1)) {
                (b'*', b'/') => {
                    self.position += 2;
                    depth -= 1;
                    if depth == 0 {
                        return Ok(Kind::Comment);
                    }
                }
                (b'/', b'*') if nests => {
                    self.position += 2;
                    depth += 1;
                }
                _ => self.position += 1,
            }
        }
        Err(Opened::Comment)
    }

    fn quoted(&mut self, close: u8, escape: Escape, kind: Kind, opened: Opened) -> Result<Kind, Opened> {
        self.position += 1;
        while let Some(&byte) = self.bytes.get(self.position) {
            self.position += 1;
            if byte == b'\\' && escape == Escape::Backslash {
                self.position = (self.position + 1).min(self.bytes.len());
            } else if byte == close {
                if self.at(0) != close || close == b']' {
                    return Ok(kind);
                }
                self.position += 1;
            }
        }
        Err(opened)
    }

    /// `$tag$ … $tag$`, a parameter (`$1`), or only a dollar.
    fn dollar(&mut self) -> Result<Kind, Opened> {
        let rest = &self.bytes[self.position..];
        let tag =
            rest[1..].iter().position(|&byte| !is_word(byte) || byte == b'$').map_or(rest.len(), |at| at + 1);
        let is_tag = rest.get(tag) == Some(&b'$') && rest.get(1).is_some_and(|byte| !byte.is_ascii_digit());
        if !is_tag {
            self.position += 1;
            return Ok(self.run(Kind::Symbol, |byte| byte.is_ascii_digit()));
        }
        let tag = &rest[..=tag];
        match find(&rest[tag.len()..], tag) {
            Some(at) => {
                self.position += tag.len() + at + tag.len();
                Ok(Kind::Text)
            }
            None => Err(Opened::Dollar(String::from_utf8_lossy(tag).into_owned())),
        }
    }

    /// Digits with a fraction and an exponent. A letter right behind belongs to it: `1e5`, `0xFF`; what MySQL
    /// takes for a name that begins with a digit ends up as one token as well.
    fn number(&mut self) -> Kind {
        let mut previous = 0_u8;
        while let Some(&byte) = self.bytes.get(self.position) {
            let sign =
                matches!(byte, b'+' | b'-') && matches!(previous, b'e' | b'E') && self.at(1).is_ascii_digit();
            if !(is_word(byte) || byte == b'.' || sign) || self.at_delimiter().is_some() {
                break;
            }
            previous = byte;
            self.position += 1;
        }
        Kind::Number
    }

    fn word(&mut self) -> Result<Kind, Opened> {
        let start = self.position;
        loop {
            self.position += 1;
            if !is_word(self.at(0)) || self.position >= self.bytes.len() || self.at_delimiter().is_some() {
                break;
            }
        }
        let word = &self.bytes[start..self.position];
        match (self.at(0), word) {
            (b'\'', [b'e' | b'E']) if self.dialect == Dialect::Postgres => {
                self.quoted(b'\'', Escape::Backslash, Kind::Text, Opened::Text)
            }
            (b'\'', [b'b' | b'B' | b'x' | b'X' | b'n' | b'N']) => {
                self.quoted(b'\'', self.usual_escape(), Kind::Text, Opened::Text)
            }
            // `U&'…'` and `U&"…"`.
            (b'&', [b'u' | b'U'])
                if self.dialect == Dialect::Postgres && matches!(self.at(1), b'\'' | b'"') =>
            {
                self.position += 1;
                match self.at(0) {
                    b'\'' => self.quoted(b'\'', Escape::None, Kind::Text, Opened::Text),
                    quote => self.quoted(quote, Escape::None, Kind::Name, Opened::Name),
                }
            }
            // `_utf8mb4'…'`.
            (b'\'', [b'_', ..]) if self.dialect == Dialect::Mysql => {
                self.quoted(b'\'', Escape::Backslash, Kind::Text, Opened::Text)
            }
            _ => Ok(Kind::Word),
        }
    }
}

/// Where `needle` begins in `bytes`. It begins with a dollar, which is rare in code: each one is looked at.
fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|&byte| byte == needle[0]) {
        if bytes[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
