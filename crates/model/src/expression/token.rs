//! The words of an expression, with their places.

use super::BadExpression;

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Name(String),
    Int(i64),
    Double(f64),
    Text(String),
    Sign(&'static str),
}

/// A word and where it stands, in characters from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) at: usize,
}

/// The signs, the longer ones first.
const SIGNS: [&str; 22] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ".", ",",
    "?", ":",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, BadExpression> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text[..text.len() - rest.len()].chars().count() + 1;
        let refuse = |what: String| BadExpression { at, what };
        let Some(first) = rest.chars().next() else { break };
        let (word, after) = if first == '"' || first == '\'' {
            quoted(rest, first).map_err(refuse)?
        } else if first.is_ascii_digit() {
            number(rest).map_err(refuse)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Word::Name(rest[..end].to_owned()), &rest[end..])
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| refuse(format!("{first:?} is nothing that an expression has")))?;
            (Word::Sign(sign), &rest[sign.len()..])
        };
        tokens.push(Token { word, at });
        rest = after;
    }
    Ok(tokens)
}

fn number(text: &str) -> Result<(Word, &str), String> {
    let digits = |from: usize| {
        let rest = &text[from..];
        from + rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
    };
    let mut end = digits(0);
    let mut is_double = false;
    if text[end..].starts_with('.') && text[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        (end, is_double) = (digits(end + 1), true);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let until = digits(end + 1 + sign);
        if until > end + 1 + sign {
            (end, is_double) = (until, true);
        }
    }
    let (number, rest) = text.split_at(end);
    let word = if is_double {
        number.parse().ok().filter(|number: &f64| number.is_finite()).map(Word::Double)
    } else {
        number.parse().ok().map(Word::Int)
    };
    word.map(|word| (word, rest)).ok_or_else(|| format!("the number {number} is too large"))
}

fn quoted(text: &str, quote: char) -> Result<(Word, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, 't')) => '\t',
                Some((_, c @ ('\\' | '"' | '\''))) => c,
                _ => return Err("in a text, \\ stands before n, t, a quote or another \\".to_owned()),
            }),
            c if c == quote => return Ok((Word::Text(value), &text[at + 1..])),
            c => value.push(c),
        }
    }
    Err("the text has no end".to_owned())
}
