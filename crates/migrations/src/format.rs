//! The conventions in which migrations are written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Our own: one file `<14 digits>_<name>.sql` with sections.
    #[default]
    Bascule,
    /// dbmate: `<digits>….sql` with `-- migrate:up` and `-- migrate:down`.
    Dbmate,
    /// golang-migrate: `<number>_<name>.up.sql` and `….down.sql`.
    GolangMigrate,
    /// goose: `<number>_<name>.sql` with `-- +goose Up`.
    Goose,
    /// sqlx: `<number>_<name>.sql`, or `….up.sql` and `….down.sql`.
    Sqlx,
    /// Diesel: folders with `up.sql` and `down.sql`.
    Diesel,
    /// refinery: `V<number>__<name>.sql`, `U…` where the order does not matter.
    Refinery,
    /// Flyway: `V<1.2.3>__<name>.sql`, `U…` to undo, `R__<name>.sql` again at every change.
    Flyway,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FormatWish {
    /// As the files look.
    #[default]
    Auto,
    /// As it is said.
    Named(Format),
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Bascule,
        Self::Dbmate,
        Self::GolangMigrate,
        Self::Goose,
        Self::Sqlx,
        Self::Diesel,
        Self::Refinery,
        Self::Flyway,
    ];

    /// Its name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bascule => "bascule",
            Self::Dbmate => "dbmate",
            Self::GolangMigrate => "golang-migrate",
            Self::Goose => "goose",
            Self::Sqlx => "sqlx",
            Self::Diesel => "diesel",
            Self::Refinery => "refinery",
            Self::Flyway => "flyway",
        }
    }

    /// Its files' names, as an example.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::Bascule | Self::Dbmate => "20260101120000_add_users.sql",
            Self::GolangMigrate => "000001_add_users.up.sql",
            Self::Goose => "00001_add_users.sql",
            Self::Sqlx => "0001_add_users.sql",
            Self::Diesel => "2026-01-01-120000_add_users/up.sql",
            Self::Refinery => "V1__add_users.sql",
            Self::Flyway => "V1.1__add_users.sql",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FormatWish {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let named = Format::ALL.into_iter().find(|format| format.name() == text);
        named.map(Self::Named).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// No format is called that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no format of migrations: it is `auto`, `bascule`, `dbmate`, `golang-migrate`, `goose`, `sqlx`, `diesel`, `refinery` or `flyway`"
)]
pub struct UnknownFormat(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(FormatWish::Named(format)));
            assert_eq!(serde_json::to_string(&format).unwrap(), format!("\"{}\"", format.name()));
        }
        assert_eq!("auto".parse(), Ok(FormatWish::Auto));
        assert!("liquibase".parse::<FormatWish>().is_err());
    }
}
