//! The columns that batches go by, and how their values become text and literals again without losing anything. Pure.

use bascule_sql::Dialect;

use super::error::Error;
use crate::{identifier, literal};

/// How values of a column are read as text and written as literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL: the type's own text, cast back to it.
    Postgres {
        /// The type, as PostgreSQL writes it.
        data_type: String,
    },
    /// MySQL: a number, as it is. As a string it would be compared as a floating-point number.
    Number,
    /// MySQL: text, as its bytes and with its own collation, so that the index is used.
    Text {
        /// Its character set.
        charset: String,
        /// Its collation.
        collation: String,
    },
    /// MySQL: bytes.
    Bytes,
    /// MySQL: times, UUIDs and the like, whose text holds neither quotes nor backslashes.
    Quoted,
    /// SQLite: whatever the row holds, as `quote()` writes it.
    Sqlite,
    /// A type whose values do not compare as their texts say: refused.
    Unusable {
        /// The type.
        data_type: String,
    },
}

/// A column of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name as the server knows it.
    pub name: String,
    /// How its values are written.
    pub kind: Kind,
}

/// The columns that batches go by, in the order of their index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The kind of SQL.
    pub dialect: Dialect,
    /// At least one.
    pub columns: Vec<KeyColumn>,
}

impl KeyColumn {
    /// The expression that reads its value as text.
    #[must_use]
    pub fn text(&self, dialect: Dialect) -> String {
        let name = identifier(dialect, &self.name);
        match self.kind {
            Kind::Postgres { .. } => format!("{name}::text"),
            Kind::Number | Kind::Quoted | Kind::Unusable { .. } => format!("CAST({name} AS CHAR)"),
            Kind::Text { .. } | Kind::Bytes => format!("HEX({name})"),
            Kind::Sqlite => format!("quote({name})"),
        }
    }

    /// A value that was read as text, as a literal of the column's type.
    ///
    /// # Errors
    /// [`Error::KeyValue`] for what was never read like that.
    pub fn literal(&self, value: &str) -> Result<String, Error> {
        let wrong = || Error::KeyValue { column: self.name.clone(), value: value.to_owned() };
        let hexadecimal = || value.bytes().all(|byte| byte.is_ascii_hexdigit());
        match &self.kind {
            Kind::Postgres { data_type } => Ok(format!("{}::{data_type}", literal(Dialect::Postgres, value))),
            Kind::Number if number(value) => Ok(value.to_owned()),
            Kind::Text { charset, collation } if hexadecimal() => {
                Ok(format!("_{charset} X'{value}' COLLATE {collation}"))
            }
            Kind::Bytes if hexadecimal() => Ok(format!("X'{value}'")),
            Kind::Quoted if value.chars().all(|at| at.is_ascii_alphanumeric() || " .:+-/".contains(at)) => {
                Ok(format!("'{value}'"))
            }
            Kind::Sqlite if quoted(value) => Ok(value.to_owned()),
            _ => Err(wrong()),
        }
    }
}

/// Digits, with a sign and a point.
fn number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// What SQLite's `quote()` gives for a number, a text and bytes.
fn quoted(value: &str) -> bool {
    let inner = |text: &str| text.strip_suffix('\'').map(str::to_owned);
    if let Some(text) = value.strip_prefix('\'').and_then(inner) {
        return !text.replace("''", "").contains('\'');
    }
    if let Some(bytes) = value.strip_prefix("X'").and_then(inner) {
        return bytes.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    value.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: Kind, value: &str) -> Option<String> {
        KeyColumn { name: "id".to_owned(), kind }.literal(value).ok()
    }

    #[test]
    fn a_value_becomes_a_literal_of_its_type() {
        let text = || Kind::Text { charset: "latin1".to_owned(), collation: "latin1_bin".to_owned() };
        for (kind, value, literal) in [
            (Kind::Postgres { data_type: "bigint".to_owned() }, "7", Some("'7'::bigint")),
            (Kind::Postgres { data_type: "text".to_owned() }, "O'Neil", Some("'O''Neil'::text")),
            (Kind::Number, "-12.50", Some("-12.50")),
            (Kind::Number, "1 OR 1=1", None),
            (text(), "4f27", Some("_latin1 X'4f27' COLLATE latin1_bin")),
            (text(), "4f' --", None),
            (Kind::Bytes, "00FF", Some("X'00FF'")),
            (Kind::Quoted, "2026-01-01 10:00:00.5", Some("'2026-01-01 10:00:00.5'")),
            (Kind::Quoted, "a'b", None),
            (Kind::Sqlite, "'it''s'", Some("'it''s'")),
            (Kind::Sqlite, "'it's'", None),
            (Kind::Sqlite, "X'00'", Some("X'00'")),
            (Kind::Sqlite, "-5", Some("-5")),
            (Kind::Sqlite, "5; DROP TABLE x", None),
            (Kind::Sqlite, "NULL", None),
        ] {
            assert_eq!(of(kind.clone(), value).as_deref(), literal, "{kind:?} {value}");
        }
    }
}
