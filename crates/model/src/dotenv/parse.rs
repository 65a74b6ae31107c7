//! From the text to keys and the pieces of their values.

use super::{Mistake, Why};
use crate::manifest::is_variable_name;

/// A key and what is written for it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: Vec<Piece>,
}

/// A piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Variable { name: String, default: Option<Default> },
}

/// What stands in for a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Default {
    /// Whether also for one that is empty.
    pub(super) when: When,
    pub(super) value: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Missing,
    MissingOrEmpty,
}

pub(super) fn parse(text: &str) -> (Vec<Written>, Vec<Mistake>) {
    let (mut written, mut mistakes) = (Vec::new(), Vec::new());
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let content = first.trim();
        if content.is_empty() || content.starts_with('#') {
            rest = after;
            continue;
        }
        let content =
            content.strip_prefix("export").filter(|tail| tail.starts_with([' ', '\t'])).unwrap_or(content);
        let mut refuse = |why| mistakes.push(Mistake { line, why });
        let Some((key, _)) = content.split_once('=') else {
            refuse(Why::Form("there is no \"=\""));
            rest = after;
            continue;
        };
        let key = key.trim();
        if !is_variable_name(key) {
            refuse(Why::Form("the key is not letters, digits and _"));
            rest = after;
            continue;
        }
        // In quotes the value may have several lines: it is looked for in all of the rest.
        let start = rest.find('=').map_or(rest.len(), |equals| equals + 1);
        match value(&rest[start..]) {
            Ok((pieces, length)) => {
                written.push(Written { line, key: key.to_owned(), value: pieces });
                line += rest[start..start + length].matches('\n').count();
                rest = rest[start + length..].split_once('\n').map_or("", |(_, after)| after);
            }
            Err(why) => {
                refuse(why);
                rest = after;
            }
        }
    }
    (written, mistakes)
}

/// The value at the start of a text, and how many bytes it takes up to the end of its last line.
fn value(text: &str) -> Result<(Vec<Piece>, usize), Why> {
    let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
    let start = &text[indent..];
    let quote = start.chars().next().filter(|c| ['"', '\'', '`'].contains(c));
    let Some(quote) = quote else {
        let line = start.split('\n').next().unwrap_or_default();
        let is_comment = |at: &usize| line[..*at].is_empty() || line[..*at].ends_with([' ', '\t']);
        let end = line.match_indices('#').map(|(at, _)| at).find(is_comment).unwrap_or(line.len());
        let plain = line[..end].trim();
        has_no_nul(plain)?;
        return Ok((pieces(plain, Escapes::None)?, indent + line.len()));
    };
    let end = closing(&start[1..], quote).ok_or(Why::Form("the quote is not closed"))?;
    let inner = start[1..=end].replace("\r\n", "\n");
    let tail = start[end + 2..].split('\n').next().unwrap_or_default();
    if !tail.trim().is_empty() && !tail.trim_start().starts_with('#') {
        return Err(Why::Form("something stands behind the closing quote"));
    }
    has_no_nul(&inner)?;
    let pieces = if quote == '"' { pieces(&inner, Escapes::Backslash)? } else { vec![Piece::Literal(inner)] };
    Ok((pieces, indent + end + 2 + tail.len()))
}

fn has_no_nul(text: &str) -> Result<(), Why> {
    if text.contains('\0') { Err(Why::Form("it has a NUL character in it")) } else { Ok(()) }
}

/// Where the quote is closed, in bytes.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' && quote == '"' {
            is_escaped = true;
        } else if c == quote {
            return Some(at);
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Backslash,
}

/// Takes a value apart.
fn pieces(text: &str, escapes: Escapes) -> Result<Vec<Piece>, Why> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\\']) {
        literal.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest[at..].starts_with('\\') {
            let next = after.chars().next().filter(|_| escapes == Escapes::Backslash);
            match next {
                Some('n') => literal.push('\n'),
                Some('t') => literal.push('\t'),
                Some('r') => literal.push('\r'),
                Some(plain @ ('"' | '\\' | '$')) => literal.push(plain),
                Some(other) => literal.extend(['\\', other]),
                None => literal.push('\\'),
            }
            rest = &after[next.map_or(0, char::len_utf8)..];
        } else if let Some(tail) = after.strip_prefix('$') {
            literal.push('$');
            rest = tail;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = matching(inner).ok_or(Why::Broken)?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(variable(&inner[..end], escapes)?);
            rest = &inner[end + 1..];
        } else {
            literal.push('$');
            rest = after;
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// Where the brace is closed that was opened before the text.
fn matching(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        before = c;
    }
    None
}

fn variable(inner: &str, escapes: Escapes) -> Result<Piece, Why> {
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, tail) = inner.split_at(end);
    if !is_variable_name(name) {
        return Err(Why::Broken);
    }
    let (when, default) = match (tail.strip_prefix(":-"), tail.strip_prefix('-')) {
        (Some(default), _) => (When::MissingOrEmpty, default),
        (None, Some(default)) => (When::Missing, default),
        (None, None) if tail.is_empty() => {
            return Ok(Piece::Variable { name: name.to_owned(), default: None });
        }
        (None, None) => return Err(Why::Broken),
    };
    let value = pieces(default, escapes)?;
    Ok(Piece::Variable { name: name.to_owned(), default: Some(Default { when, value }) })
}
