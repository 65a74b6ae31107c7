//! What a text must look like to be a secret: tokens as providers hand them out, keys, addresses with a password, and what
//! stands under a name that says so. No I/O; nothing here repeats a text that it looks at.
//!
//! Holds: a placeholder, a variable or an example is not taken for a secret.

mod address;
mod literal;
mod placeholder;
mod shapes;

use std::ops::Range;

pub use address::password_in;
pub use literal::{Strength, name_says_so, strength};
pub use placeholder::is_placeholder;
pub use shapes::SHAPES;

/// How one kind of secret is written.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The name of the rule, as in `github-token`.
    pub rule: &'static str,
    /// What it is, in words: `a token of GitHub`.
    pub what: &'static str,
    /// With which texts it begins; what is looked for first.
    pub starts: &'static [&'static str],
    /// What follows.
    rest: &'static [Part],
}

/// A part of a shape.
#[derive(Debug, Clone, Copy)]
enum Part {
    Text(&'static str),
    /// Between so many and so many characters of a kind; as many as there are.
    Of(Kind, usize, usize),
    /// Line breaks, also as they are written in JSON, and spaces.
    Breaks,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Letters and digits.
    Alphanumeric,
    /// And `_` and `-`.
    Word,
    /// Capitals and digits.
    Upper,
    /// Hexadecimal digits, small letters.
    Hex,
    Digit,
    /// Of base64.
    Base64,
}

impl Kind {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || b"_-".contains(&byte),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Digit => byte.is_ascii_digit(),
            Self::Base64 => byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
        }
    }
}

impl Shape {
    /// Where the secret is that begins with one of the starts at `at`; none when it only begins so, stands within a word,
    /// or is a placeholder.
    #[must_use]
    pub fn at(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        let start =
            self.starts.iter().find(|start| bytes[at.min(bytes.len())..].starts_with(start.as_bytes()))?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let begins_with_word = start.as_bytes().first().is_some_and(|byte| is_word(*byte));
        if begins_with_word && at > 0 && is_word(bytes[at - 1]) && !is_escape(&bytes[..at]) {
            return None;
        }
        let mut end = at + start.len();
        for part in self.rest {
            match part {
                Part::Text(expected) => {
                    bytes[end..].starts_with(expected.as_bytes()).then_some(())?;
                    end += expected.len();
                }
                Part::Of(kind, least, most) => {
                    let length = bytes[end..].iter().take(*most).take_while(|byte| kind.has(**byte)).count();
                    (length >= *least).then_some(())?;
                    end += length;
                }
                Part::Breaks => end += breaks(&bytes[end..]),
            }
        }
        // One of a fixed length that goes on is something else.
        if let Some(Part::Of(_, least, most)) = self.rest.last()
            && least == most
            && bytes.get(end).is_some_and(|byte| is_word(*byte))
        {
            return None;
        }
        let body = &text[at + start.len()..end];
        (!placeholder::is_filler(body)).then_some(at..end)
    }
}

/// Whether what stands before is `\n`, `\t` or `\r` as it is written in code.
fn is_escape(before: &[u8]) -> bool {
    matches!(before, [.., b'\\', b'n' | b't' | b'r'])
}

fn breaks(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match &bytes[at..] {
            [b'\n' | b'\r' | b' ' | b'\t' | b'"' | b'+' | b'\'' | b'|' | b'#', ..] => at += 1,
            [b'\\', b'n' | b'r', ..] => at += 2,
            _ => return at,
        }
    }
}

/// The first secret in a text that is one for certain, whatever its name: its place and its shape.
#[must_use]
pub fn certain(text: &str) -> Option<(Range<usize>, &'static Shape)> {
    SHAPES.iter().find_map(|shape| {
        let mut places = shape.starts.iter().flat_map(|start| text.match_indices(start).map(|(at, _)| at));
        places.find_map(|at| shape.at(text, at)).map(|place| (place, shape))
    })
}

#[cfg(test)]
mod tests;
