//! Names: read as SQL reads them, written so that nothing in them can be mistaken.

use bascule_sql::Dialect;

use crate::checksum;

/// The longest name that all three kinds of database keep whole, in bytes (PostgreSQL's).
const LONGEST: usize = 63;

/// A table, perhaps with a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    parts: Vec<String>,
    dialect: Dialect,
}

impl Table {
    pub(super) fn read(written: &str, dialect: Dialect) -> Option<Self> {
        let parts = parts(written, dialect)?;
        (parts.len() <= 2).then_some(Self { parts, dialect })
    }

    /// Its own name, without the schema.
    pub(super) fn own(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// As SQL.
    pub(super) fn sql(&self) -> String {
        self.parts.iter().map(|part| quoted(part, self.dialect)).collect::<Vec<_>>().join(".")
    }

    /// Something of that name in its schema, as SQL.
    pub(super) fn beside(&self, name: &str) -> String {
        let mut parts = self.parts.clone();
        parts.pop();
        parts.push(name.to_owned());
        Self { parts, dialect: self.dialect }.sql()
    }
}

/// An identifier, whatever is in it.
pub(super) fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A list of columns.
pub(super) fn list(columns: &[String], dialect: Dialect) -> String {
    columns.iter().map(|column| quoted(column, dialect)).collect::<Vec<_>>().join(", ")
}

/// The parts of a name without their quotes; what is not quoted is folded as the database folds it.
pub(super) fn parts(written: &str, dialect: Dialect) -> Option<Vec<String>> {
    let mut parts = vec![];
    let mut rest = written;
    loop {
        let (part, tail) = part(rest, dialect)?;
        parts.push(part);
        match tail.strip_prefix('.') {
            Some(next) => rest = next,
            None => return tail.is_empty().then_some(parts),
        }
    }
}

fn part(text: &str, dialect: Dialect) -> Option<(String, &str)> {
    for quote in ['"', '`'] {
        if let Some(inside) = text.strip_prefix(quote) {
            let (name, tail) = inside.split_once(quote)?;
            return (!name.is_empty()).then(|| (name.to_owned(), tail));
        }
    }
    let end = text.find(|at: char| !at.is_alphanumeric() && at != '_' && at != '$').unwrap_or(text.len());
    let (name, tail) = text.split_at(end);
    let folded = if dialect == Dialect::Postgres { name.to_lowercase() } else { name.to_owned() };
    (!name.is_empty()).then_some((folded, tail))
}

/// A name of our own for something that belongs to a table: shortened with a checksum where it would be too long.
pub(super) fn made(words: &[&str]) -> String {
    let name = words.join("_");
    if name.len() <= LONGEST {
        return name;
    }
    let sum = checksum::of(&name);
    let kept: String = name
        .chars()
        .scan(0, |size, at| {
            *size += at.len_utf8();
            (*size <= LONGEST - 9).then_some(at)
        })
        .collect();
    format!("{kept}_{}", sum.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_database_reads_them() {
        let table = |written, dialect| Table::read(written, dialect).map(|table| table.sql());
        assert_eq!(table("Shop.Users", Dialect::Postgres).unwrap(), "\"shop\".\"users\"");
        assert_eq!(table("\"Users\"", Dialect::Postgres).unwrap(), "\"Users\"");
        assert_eq!(table("Users", Dialect::Mysql).unwrap(), "`Users`");
        assert_eq!(table("order", Dialect::Sqlite).unwrap(), "\"order\"");
        for wrong in ["", "a.", "a b", "a;drop", "\"a", "a.b.c"] {
            assert_eq!(table(wrong, Dialect::Postgres), None, "{wrong}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_and_stays_its_own() {
        let long = "a".repeat(50);
        let (one, other) = (made(&["bascule", &long, "first"]), made(&["bascule", &long, "second"]));
        assert!(one.len() <= LONGEST && one != other, "{one} {other}");
        assert_eq!(made(&["bascule", "users", "name"]), "bascule_users_name");
    }
}
