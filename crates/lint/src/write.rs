//! SQL that fixes write.

use bascule_sql::{Dialect, Name};

/// A name as it has to be written, in quotes where it needs them.
pub(crate) fn quoted(name: &str, dialect: Dialect) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if plain {
        return name.to_owned();
    }
    match dialect {
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A name for what belongs to a table and a column, as the servers make it themselves.
pub(crate) fn joined(table: &Name, column: &str, what: &str) -> String {
    let mut name = format!("{}_{column}_{what}", table.name);
    while name.len() > 63 {
        name.remove(0);
    }
    name
}

/// A text without words that follow one another, for the first time that they stand there.
pub(crate) fn without_words(text: &str, words: &str) -> String {
    match text.to_ascii_lowercase().find(&words.to_ascii_lowercase()) {
        Some(at) => format!("{}{}", &text[..at], text[at + words.len()..].trim_start()),
        None => text.to_owned(),
    }
}
