//! The lines that begin a section.

use super::keys::{self, Pairs};
use crate::words;

/// What a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Expand,
    Backfill,
    Contract,
    Down,
    Check,
    Recipe,
}

/// The beginning of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    /// The recipe's name; empty for sections.
    pub recipe: String,
    pub pairs: Pairs,
}

const NAMES: [&str; 6] = ["expand", "backfill", "contract", "down", "check", "recipe"];

/// Reads a comment line that stands at a line's beginning. None for a comment that is only that.
pub(super) fn parse(line: &str) -> Result<Option<Header>, String> {
    let Some(text) = line.strip_prefix("--") else { return Ok(None) };
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let kind = match word {
        "expand" => Kind::Expand,
        "backfill" => Kind::Backfill,
        "contract" => Kind::Contract,
        "down" => Kind::Down,
        "check" => Kind::Check,
        "recipe" => Kind::Recipe,
        _ => return unknown(word, rest),
    };
    let comment = |reason: String| {
        format!(
            "`-- {word}` begins a section, and {reason}; if this is a mere comment, begin it with another word"
        )
    };
    let (recipe, rest) = match kind {
        Kind::Recipe => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        _ => ("", rest),
    };
    if kind == Kind::Recipe && recipe.is_empty() {
        return Err(
            "`-- recipe` wants the name of a recipe behind it, `rename-column` for instance".to_owned()
        );
    }
    let pairs = keys::parse(rest).map_err(comment)?;
    if !matches!(kind, Kind::Backfill | Kind::Recipe)
        && let Some(key) = pairs.keys().next()
    {
        return Err(format!("`-- {word}` takes no keys, and `{key}` is one: remove it"));
    }
    Ok(Some(Header { kind, recipe: recipe.to_owned(), pairs }))
}

/// A comment that looks like a section is a slip; a sentence is a comment.
fn unknown(word: &str, rest: &str) -> Result<Option<Header>, String> {
    if word.starts_with("migrate:") || word == "+goose" {
        let text = "this marker is another tool's: begin with `-- expand`, or set `format` in `[database]` to that tool";
        return Err(text.to_owned());
    }
    let alone = rest.is_empty() || keys::parse(rest).is_ok();
    match words::nearest(word, NAMES).filter(|_| alone) {
        Some(meant) => Err(format!(
            "`-- {word}` is no section (did you mean `-- {meant}`?): there are {}",
            words::list(NAMES)
        )),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_from_comments() {
        for (line, wanted) in [
            ("-- expand", Ok(Some(Kind::Expand))),
            ("--check", Ok(Some(Kind::Check))),
            ("-- backfill table=users key=id batch=500 gate=contract", Ok(Some(Kind::Backfill))),
            ("-- recipe drop-column table=users column=name", Ok(Some(Kind::Recipe))),
            ("-- adds the users of the shop", Ok(None)),
            ("-- checks for rows without a name", Ok(None)),
            ("-- ====================", Ok(None)),
            ("--", Ok(None)),
            ("-- exapnd", Err("did you mean `-- expand`")),
            ("-- Contract", Err("did you mean `-- contract`")),
            ("-- contract after the window", Err("begins a section")),
            ("-- down force=yes", Err("takes no keys")),
            ("-- migrate:up", Err("another tool's")),
            ("-- +goose Up", Err("another tool's")),
            ("-- recipe", Err("the name of a recipe")),
            ("-- backfill table=users table=carts", Err("twice")),
        ] {
            match (parse(line), wanted) {
                (Ok(header), Ok(kind)) => assert_eq!(header.map(|header| header.kind), kind, "{line}"),
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{line}: {reason}"),
                (other, _) => panic!("{line}: {other:?}"),
            }
        }
    }
}
