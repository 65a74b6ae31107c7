//! `${NAME}` in texts of the manifest.
//!
//! `${NAME}` is replaced when an environment is resolved; `$PORT` and the other instance variables, with or without
//! braces, stay open until an instance starts; `$$` is a dollar sign; any other `$` is what it is (a shell's `$HOME`).

use std::ops::Range;

use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::reader::Reader;
use crate::manifest::types::{INSTANCE_VARIABLES, Located};

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// As it stands.
    Literal(&'a str),
    /// Open until an instance starts.
    Instance(&'a str),
    /// To be replaced; with its place in the text, in bytes.
    Variable(&'a str, Range<usize>),
    /// `${` without a name and `}`; the same place.
    Broken(Range<usize>),
}

/// Whether a variable may have this name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether the name is Bascule's to set.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == "PORT" || name.starts_with("BASCULE_")
}

/// Takes a text apart. Never fails: what is wrong is a piece of its own.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut literal_start = 0;
    while let Some(found) = text[at..].find('$') {
        let dollar = at + found;
        let after = &text[dollar + 1..];
        let (piece, length) = if after.starts_with('$') {
            (Piece::Literal("$"), 2)
        } else if let Some(inner) = after.strip_prefix('{') {
            match inner.split_once('}') {
                Some((name, _)) if is_variable_name(name) => {
                    let length = name.len() + 3;
                    let is_open = INSTANCE_VARIABLES.contains(&name);
                    let variable = Piece::Variable(name, dollar..dollar + length);
                    (if is_open { Piece::Instance(name) } else { variable }, length)
                }
                _ => (Piece::Broken(dollar..dollar + 2), 2),
            }
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let name = &after[..end];
            if INSTANCE_VARIABLES.contains(&name) {
                (Piece::Instance(name), name.len() + 1)
            } else {
                at = dollar + 1;
                continue;
            }
        };
        if literal_start < dollar {
            pieces.push(Piece::Literal(&text[literal_start..dollar]));
        }
        pieces.push(piece);
        at = dollar + length;
        literal_start = at;
    }
    if literal_start < text.len() {
        pieces.push(Piece::Literal(&text[literal_start..]));
    }
    pieces
}

/// A command of the shell as a text of the manifest that means the same: `$PORT` is filled in for the instance, every other
/// variable is left to the shell.
#[must_use]
pub fn command_text(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(dollar) = rest.find('$') {
        text.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let is_port = after.starts_with("{PORT}")
            || after
                .strip_prefix("PORT")
                .is_some_and(|tail| !tail.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        text.push_str(if is_port { "$" } else { "$$" });
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Reports what is wrong with the text itself. Says nothing of what stands in it: it may be a secret.
pub(crate) fn check(reader: &mut Reader, key: &str, text: &Located<String>) {
    let report = |message: String| {
        Diagnostic::new(Code::BadValue, &text.span, message)
            .label("expected ${NAME}, or $$ for a dollar sign")
            .help("write ${NAME} for a variable, with letters, digits and _ in the name")
    };
    if text.value.contains('\0') {
        reader.report(
            report(format!("`{key}` has a NUL character in it")).label("cannot be handed to a process"),
        );
    }
    for piece in pieces(&text.value) {
        match piece {
            Piece::Broken(_) => {
                reader.report(report(format!("`{key}`: a variable is not closed or has no name")));
            }
            Piece::Variable(name, _) if is_reserved(name) => {
                let known = INSTANCE_VARIABLES.map(|name| format!("${{{name}}}")).join(", ");
                reader.report(
                    report(format!("`{key}`: there is no variable `{name}`"))
                        .label("names that begin with BASCULE_ are Bascule's")
                        .help(format!("an instance has {known}")),
                );
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_the_shell_keeps_its_meaning() {
        for (line, text) in [
            ("serve -p $PORT ${PORT}", "serve -p $PORT ${PORT}"),
            ("echo $PORTS ${PORT:-80} $HOME $$", "echo $$PORTS $${PORT:-80} $$HOME $$$$"),
        ] {
            assert_eq!(command_text(line), text);
        }
    }

    #[test]
    fn a_text_is_taken_apart() {
        use Piece::{Broken, Instance, Literal, Variable};
        for (text, expected) in [
            ("", vec![]),
            ("plain", vec![Literal("plain")]),
            ("a${B}c", vec![Literal("a"), Variable("B", 1..5), Literal("c")]),
            ("$PORT:${PORT}", vec![Instance("PORT"), Literal(":"), Instance("PORT")]),
            ("$PORTS $HOME", vec![Literal("$PORTS $HOME")]),
            ("$$PORT", vec![Literal("$"), Literal("PORT")]),
            ("5$", vec![Literal("5$")]),
            ("${", vec![Broken(0..2)]),
            ("${a b}", vec![Broken(0..2), Literal("a b}")]),
            ("${}é", vec![Broken(0..2), Literal("}é")]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }
}
