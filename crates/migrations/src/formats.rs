//! One reader for each convention, and what they share.

pub(crate) mod bascule;
pub(crate) mod dbmate;
pub(crate) mod diesel;
pub(crate) mod flyway;
pub(crate) mod golang_migrate;
pub(crate) mod goose;
mod paired;
pub(crate) mod refinery;
pub(crate) mod sqlx;

use std::cmp::Ordering;
use std::collections::HashMap;

use bascule_sql::Statement;

use crate::checksum;
use crate::folder::FolderError;
use crate::format::Format;
use crate::migration::{Migration, Origin, Part, ToolSum, Transactions, Turn, Version};

/// A plain migration: everything that it does is one part, until it is phased.
pub(crate) struct Plain<'a> {
    pub format: Format,
    pub version: String,
    pub name: String,
    pub path: &'a str,
    pub up: String,
    pub statements: Vec<Statement>,
    pub down_file: Option<String>,
    pub down: Option<Vec<Statement>>,
    pub transactions: Transactions,
    pub turn: Turn,
    pub sums: Vec<ToolSum>,
}

impl Plain<'_> {
    pub(crate) fn migration(self) -> Migration {
        Migration {
            version: Version(self.version),
            name: self.name,
            path: self.path.to_owned(),
            checksum: checksum::of(&self.up),
            up: self.up,
            down_file: self.down_file,
            parts: vec![Part::Expand { statements: self.statements }],
            down: self.down,
            checks: vec![],
            transactions: self.transactions,
            origin: Origin { format: self.format, turn: self.turn, sums: self.sums },
            notes: vec![],
        }
    }
}

/// What two spellings of one version have in common; none where it is no version of that convention.
pub(crate) fn canonical(format: Format, version: &str) -> Option<String> {
    match format {
        // Compared as text, by the tool too.
        Format::Bascule | Format::Dbmate => Some(version.to_owned()),
        Format::Diesel => Some(version.replace('-', "")),
        Format::GolangMigrate | Format::Goose | Format::Sqlx | Format::Refinery => {
            version.parse::<i64>().ok().map(|number| number.to_string())
        }
        Format::Flyway => match version.strip_prefix("R__") {
            Some(_) => Some(version.to_owned()),
            None => flyway::parts(version).map(|parts| parts.join(".")),
        },
    }
}

/// Which of two versions is applied first; none where one of them is no version of that convention.
pub(crate) fn order(format: Format, one: &str, other: &str) -> Option<Ordering> {
    match format {
        Format::Bascule | Format::Dbmate | Format::Diesel => {
            Some(canonical(format, one)?.cmp(&canonical(format, other)?))
        }
        Format::GolangMigrate | Format::Goose | Format::Sqlx | Format::Refinery => {
            Some(one.parse::<i64>().ok()?.cmp(&other.parse::<i64>().ok()?))
        }
        Format::Flyway => Some(flyway::compare(&flyway::parts(one)?, &flyway::parts(other)?)),
    }
}

/// The same for every version: its own text where it is none of that convention.
pub(crate) fn key(format: Format, version: &str) -> String {
    canonical(format, version).unwrap_or_else(|| version.to_owned())
}

/// Refuses two files with one version.
pub(crate) fn no_duplicates(format: Format, list: &[Migration]) -> Result<(), FolderError> {
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(list.len());
    for migration in list {
        let version = &migration.version.0;
        if let Some(other) = seen.insert(key(format, version), &migration.path) {
            return Err(FolderError::Duplicate {
                version: version.clone(),
                path: migration.path.clone(),
                other: other.to_owned(),
            });
        }
    }
    Ok(())
}

/// A number that fits a column of 64 bits.
pub(crate) fn number(path: &str, digits: &str, tool: Format) -> Result<i64, FolderError> {
    digits.parse().map_err(|_| FolderError::TooLarge {
        path: path.to_owned(),
        version: digits.to_owned(),
        most: i64::MAX,
        tool,
    })
}

/// How many characters of a name are digits before anything else.
pub(crate) fn leading_digits(name: &str) -> usize {
    name.len() - name.trim_start_matches(|at: char| at.is_ascii_digit()).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_version_are_one() {
        for (format, one, other) in [
            (Format::Sqlx, "1", "0001"),
            (Format::GolangMigrate, "000010", "10"),
            (Format::Diesel, "2026-01-01-120000", "20260101120000"),
            (Format::Flyway, "1.0", "1"),
            (Format::Flyway, "01_2", "1.2"),
        ] {
            assert_eq!(canonical(format, one), canonical(format, other), "{format}");
        }
        assert_ne!(canonical(Format::Dbmate, "1"), canonical(Format::Dbmate, "01"));
        assert_eq!(canonical(Format::Sqlx, "x"), None);
    }
}
