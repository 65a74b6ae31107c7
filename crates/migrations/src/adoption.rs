//! The tables in which other tools keep what they applied: their names and shapes, what a row of them means for the files, and how to
//! write rows so that a project can go back to its tool. Facts and SQL; somebody else runs it.

mod read;
mod rows;
mod sql;
mod table;

use bascule_sql::Dialect;

pub use self::rows::{Adopted, AdoptedMigration, AdoptionError, Comparison, UnknownRow};
use crate::folder::MigrationSet;
use crate::format::Format;
use crate::migration::Migration;

/// How wide refinery's versions are, which its checksums depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Width {
    /// 32 bits.
    #[default]
    Narrow,
    /// 64 bits (its feature `int8-versions`).
    Wide,
}

/// A tool's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Whose.
    pub tool: Format,
    /// Its name; the tool's default unless it was changed.
    pub table: String,
    /// How wide its versions are (refinery).
    pub width: Width,
}

/// The table of a tool; none for our own format, whose journal it is not.
#[must_use]
pub fn adoption(tool: Format) -> Option<Adoption> {
    let table = table::name(tool)?.to_owned();
    Some(Adoption { tool, table, width: Width::default() })
}

impl Adoption {
    /// The same under another name, where the tool was told to use one.
    #[must_use]
    pub fn named(mut self, table: &str) -> Self {
        table.clone_into(&mut self.table);
        self
    }

    /// A query for the names of its columns, one a row; no row where there is no such table.
    #[must_use]
    pub fn columns_query(&self, dialect: Dialect) -> String {
        table::columns_query(&self.table, dialect)
    }

    /// Whether a table of these columns is this tool's: several tools call theirs `schema_migrations`.
    #[must_use]
    pub fn fits(&self, columns: &[String]) -> bool {
        table::fits(self.tool, columns)
    }

    /// A query for its rows, in the order of application. Each row is five texts: version, name, checksum, `1` when it went well or
    /// `0`, and what the row says.
    #[must_use]
    pub fn read_query(&self, dialect: Dialect) -> String {
        read::query(self.tool, &sql::identifier(&self.table, dialect), dialect)
    }

    /// What the rows of [`Adoption::read_query`] mean for these files.
    ///
    /// # Errors
    /// When a migration had failed, or the version is of no file although the table keeps no other.
    pub fn adopt(&self, set: &MigrationSet, rows: &[Vec<Option<String>>]) -> Result<Adopted, AdoptionError> {
        rows::adopt(self, set, rows)
    }

    /// Makes the table as the tool would.
    #[must_use]
    pub fn create(&self, dialect: Dialect) -> Vec<String> {
        table::create(self.tool, &self.table, self.width, dialect)
    }

    /// Writes down that a migration is applied, as the tool would. `at` is the time (RFC 3339, UTC). golang-migrate keeps one row, that
    /// of the last migration: only that one is to be recorded.
    #[must_use]
    pub fn record(&self, migration: &Migration, at: &str, dialect: Dialect) -> Vec<String> {
        table::record(self, migration, at, dialect)
    }

    /// Writes down that a migration was taken back. `before` is the one that is the last one then.
    #[must_use]
    pub fn forget(&self, migration: &Migration, before: Option<&Migration>, dialect: Dialect) -> Vec<String> {
        table::forget(self, migration, before, dialect)
    }
}
