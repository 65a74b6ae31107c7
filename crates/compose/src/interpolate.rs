//! `${NAME}`, `${NAME:-default}` and the like of compose files (the Compose Specification, section "Interpolation").

use crate::notes::Notes;
use crate::secret;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'t> {
    Literal(&'t str),
    Variable {
        name: &'t str,
        default: Option<&'t str>,
    },
    /// Something that a manifest has no word for, as it is written.
    Foreign(&'t str),
}

/// Where a text stands, for notes.
pub(crate) struct Place<'a> {
    pub(crate) line: usize,
    pub(crate) name: &'a str,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        if dollar > 0 {
            pieces.push(Piece::Literal(&rest[..dollar]));
        }
        let after = &rest[dollar + 1..];
        let name_end =
            |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        if let Some(tail) = after.strip_prefix('$') {
            pieces.push(Piece::Literal("$"));
            rest = tail;
        } else if let Some((inner, tail)) = after.strip_prefix('{').and_then(closed) {
            let (name, rule) = inner.split_at(name_end(inner));
            let default = rule.strip_prefix(":-").or_else(|| rule.strip_prefix('-'));
            let is_required = rule.starts_with('?') || rule.starts_with(":?");
            pieces.push(if !name.is_empty() && (rule.is_empty() || is_required || default.is_some()) {
                Piece::Variable { name, default }
            } else {
                Piece::Foreign(inner)
            });
            rest = tail;
        } else {
            let (name, tail) = after.split_at(name_end(after));
            let is_name = name.starts_with(|c: char| !c.is_ascii_digit());
            pieces.push(if is_name { Piece::Variable { name, default: None } } else { Piece::Literal("$") });
            rest = if is_name { tail } else { after };
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    pieces
}

/// The text up to the brace that closes, and what follows it; defaults may have variables of their own.
fn closed(text: &str) -> Option<(&str, &str)> {
    let mut open = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 0 => return Some((&text[..at], &text[at + 1..])),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn is_ours(name: &str) -> bool {
    name == "PORT" || name.starts_with("BASCULE_")
}

/// Whether the text has a variable in it.
pub(crate) fn has_variables(text: &str) -> bool {
    pieces(text).iter().any(|piece| !matches!(piece, Piece::Literal(_)))
}

/// Whether the text is one variable and nothing else, with no default.
pub(crate) fn is_bare_variable(text: &str) -> bool {
    matches!(pieces(text).as_slice(), [Piece::Variable { default: None, .. }])
}

/// A text for a place of the manifest that takes `${NAME}`: variables are kept, defaults go to the notes. None when it cannot be
/// said there.
pub(crate) fn kept(text: &str, at: &Place<'_>, notes: &mut Notes) -> Option<String> {
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Literal(literal) => out.push_str(&literal.replace('$', "$$")),
            Piece::Variable { name, default: Some(default) } if is_ours(name) => {
                out.push_str(&default.replace('$', "$$"));
                notes.add(
                    at.line,
                    at.name,
                    format!("`{name}` is Bascule's own to set: its default is written instead"),
                );
            }
            Piece::Variable { name, default: None } if is_ours(name) => {
                let says = format!(
                    "left out: `{name}` is Bascule's own to set, so that nothing else can be meant by it"
                );
                notes.add(at.line, at.name, says);
                return None;
            }
            Piece::Variable { name, default } => {
                out.push_str(&format!("${{{name}}}"));
                if let Some(default) = default {
                    let says = if default.is_empty() {
                        format!(
                            "`${{{name}}}` has an empty default there, and none here: set {name} in the env file or your shell"
                        )
                    } else if secret::is_secret(name, default) || secret::is_secret(at.name, default) {
                        format!(
                            "`${{{name}}}` has a default that looks like a secret: set {name} in the env file or your shell"
                        )
                    } else {
                        format!(
                            "`${{{name}}}` has the default \"{default}\" there, and none here: set {name} in the env file or your shell"
                        )
                    };
                    notes.add(at.line, at.name, says);
                }
            }
            Piece::Foreign(inner) => {
                let says = format!("left out: `${{{inner}}}` cannot be said in a manifest");
                notes.add(at.line, at.name, says);
                return None;
            }
        }
    }
    Some(out)
}

/// A text for a place that takes no variables: defaults are written. None when there is none; a note says so.
pub(crate) fn plain(text: &str, at: &Place<'_>, notes: &mut Notes) -> Option<String> {
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Variable { name, default: Some(default) } => {
                let (default, mut nested) = (default, Notes::default());
                out.push_str(&plain(default, at, &mut nested)?);
                notes.add(
                    at.line,
                    at.name,
                    format!("no variable can stand here: `{name}` is written as its default"),
                );
            }
            Piece::Variable { name, default: None } => {
                notes.add(
                    at.line,
                    at.name,
                    format!("left out: no variable can stand here, and `{name}` has no default"),
                );
                return None;
            }
            Piece::Foreign(inner) => {
                notes.add(at.line, at.name, format!("left out: `${{{inner}}}` cannot be said in a manifest"));
                return None;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_kept_or_replaced() {
        for (text, kept_as, plain_as, count) in [
            ("a", Some("a"), Some("a"), 0),
            ("$A/${B}", Some("${A}/${B}"), None, 1),
            ("${A:-x}", Some("${A}"), Some("x"), 2),
            ("${A:?say it}", Some("${A}"), None, 1),
            ("${A:-${B:-y}}", Some("${A}"), Some("y"), 2),
            ("$$HOME", Some("$$HOME"), Some("$HOME"), 0),
            ("${A:+x}", None, None, 2),
            ("${PORT:-3000}", Some("3000"), Some("3000"), 2),
            ("5$", Some("5$$"), Some("5$"), 0),
        ] {
            let mut notes = Notes::default();
            let at = || Place { line: 1, name: "x" };
            assert_eq!(kept(text, &at(), &mut notes).as_deref(), kept_as, "{text}");
            assert_eq!(plain(text, &at(), &mut notes).as_deref(), plain_as, "{text}");
            assert_eq!(notes.into_vec().len().min(2), if kept_as.is_none() { 1 } else { count }, "{text}");
        }
    }
}
