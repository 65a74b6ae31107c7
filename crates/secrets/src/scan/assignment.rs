//! `name = "literal"` in whichever language: a name that says that it is a secret, and what stands behind it.

use std::ops::Range;

use bascule_model::secret_shape::{Strength, name_says_so, strength};

/// How values are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// In quotes.
    Code,
    /// Also without.
    Settings,
}

impl FileKind {
    pub(super) fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ends = [
            ".env",
            ".ini",
            ".cfg",
            ".conf",
            ".properties",
            ".yml",
            ".yaml",
            ".sh",
            ".tfvars",
            ".npmrc",
            ".pypirc",
            ".netrc",
        ];
        let is_settings =
            name.starts_with(".env") || name.starts_with("Dockerfile") || name.ends_with(".dockerfile");
        if is_settings || ends.iter().any(|end| name.ends_with(end)) { Self::Settings } else { Self::Code }
    }
}

/// A name and what is given to it.
pub(super) struct Assignment<'t> {
    pub(super) name: &'t str,
    pub(super) value: Range<usize>,
    pub(super) strength: Strength,
}

/// The assignment whose name has a word of secrets at `at`; none when it says otherwise, or nothing is given to it.
pub(super) fn at(text: &str, at: usize, kind: FileKind) -> Option<Assignment<'_>> {
    let bytes = text.as_bytes();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let start = at - bytes[..at].iter().rev().take(120).take_while(|byte| is_name(byte)).count();
    let end = at + bytes[at..].iter().take(120).take_while(|byte| is_name(byte)).count();
    let name = text.get(start..end)?.trim_matches(['-', '.']);
    if !name_says_so(name.rsplit('.').next().unwrap_or(name)) {
        return None;
    }
    let line_end = end + bytes[end..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - end);
    let mut rest = text.get(end..line_end)?;
    rest = rest.strip_prefix(['"', '\'', '`', ']']).unwrap_or(rest);
    rest = rest.strip_prefix(']').unwrap_or(rest).trim_start();
    // The type of a constant: `: &str = `.
    if let Some((kind, after)) = rest.strip_prefix(':').and_then(|typed| typed.split_once('='))
        && !kind.contains(['"', '\'', '`', '='])
        && kind.len() < 40
        && !after.starts_with('=')
    {
        rest = after;
    } else {
        rest = ["=>", ":=", "==", "=", ":"].iter().find_map(|operator| rest.strip_prefix(operator)).or_else(
            || {
                // `ENV NAME value` of a Dockerfile.
                (kind == FileKind::Settings && text[..start].trim_end().ends_with("ENV")).then_some(rest)
            },
        )?;
    }
    let rest = rest.trim_start();
    let from = line_end - rest.len();
    let value = match rest.chars().next()? {
        quote @ ('"' | '\'' | '`') => {
            let inner = &rest[1..];
            let length = closing(inner, quote)?;
            from + 1..from + 1 + length
        }
        _ if kind == FileKind::Settings => {
            let length = rest.find([' ', '\t', '#', ';', '\r']).unwrap_or(rest.len());
            from..from + length
        }
        _ => return None,
    };
    let strength = strength(&text[value.clone()]);
    Some(Assignment { name, value, strength })
}

/// Where a quote is closed.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}
