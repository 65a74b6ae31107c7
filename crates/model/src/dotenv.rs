//! `.env` files: lines of `KEY=VALUE`. No I/O.
//!
//! A value stands in `'…'` or in backticks and is taken as it is; in `"…"`, where `\n`, `\t`, `\r`, `\"`, `\\` and `\$` are escapes;
//! or without quotes up to ` #` or the end of the line. In quotes it may have several lines. In double quotes and without
//! quotes `${NAME}` is replaced by what the file says of it (above or below), else by what `outside` says; `${NAME:-default}`
//! has a default for one that is missing or empty, `${NAME-default}` for one that is missing; `$$` is a dollar sign, and any
//! other `$` is what it is. `NAME=${NAME}` means the one outside. `export ` in front is passed over. Of a key that stands twice
//! the last one counts. Line breaks of Windows and a byte order mark are taken as they are meant.
//!
//! Holds: a mistake has a line and names of variables, and never a value.

mod expand;
mod parse;

use std::collections::BTreeMap;

/// A value, and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: String,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry(***, line {})", self.line)
    }
}

/// What is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: Why,
}

/// Kinds of mistakes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Not `KEY=VALUE`.
    #[error("it is not KEY=VALUE: {0}")]
    Form(&'static str),
    /// `${` that is no variable.
    #[error("`${{` without a name and `}}`: write $$ for a dollar sign")]
    Broken,
    /// A variable that nobody sets; by which way it was come to, the key of the line first.
    #[error("the variable {name} is not set ({})", chain.join(" needs "))]
    Missing {
        /// Which.
        name: String,
        /// The names on the way to it, itself included.
        chain: Vec<String>,
    },
    /// Variables that need each other.
    #[error("{} leads back to itself", chain.join(" needs "))]
    Cycle {
        /// The names, the first one once more at the end.
        chain: Vec<String>,
    },
    /// Longer than a process can be given.
    #[error("its value is longer than 128 KiB")]
    Long,
}

/// The entries of a file, and every mistake in it, by line; what has a mistake is not among the entries. `outside` is asked
/// for what the file itself does not say.
#[must_use]
pub fn read(text: &str, outside: &dyn Fn(&str) -> Option<String>) -> (BTreeMap<String, Entry>, Vec<Mistake>) {
    let (written, mut mistakes) = parse::parse(text);
    let (entries, more) = expand::expand(&written, outside);
    mistakes.extend(more);
    mistakes.sort_by_key(|mistake| mistake.line);
    mistakes.dedup();
    (entries, mistakes)
}

#[cfg(test)]
mod tests;
