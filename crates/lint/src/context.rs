//! What is known beside the files.

use bascule_sql::{Dialect, Name};
use jiff::civil::Date;

/// A server's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third; 0 with PostgreSQL.
    pub patch: u32,
    /// It is MariaDB, whose numbers are others than MySQL's.
    pub mariadb: bool,
}

/// A column that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// Its type, as the catalog shows it (`character varying(20)`).
    pub data_type: String,
    /// It takes no `NULL`.
    pub not_null: bool,
}

/// A table that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFacts {
    /// Its name.
    pub name: Name,
    /// Its rows, as far as they are known; an estimate is enough.
    pub rows: Option<u64>,
    /// Its columns; none where they were not asked for.
    pub columns: Vec<ColumnFacts>,
    /// Its indexes, by name.
    pub indexes: Vec<String>,
    /// MySQL: how often columns came and went in an instant (`INNODB_TABLES.TOTAL_ROW_VERSIONS`).
    pub row_versions: Option<u32>,
}

/// What is known of the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Database {
    /// None is at hand. The migrations may be any, also ones that were applied long ago.
    #[default]
    Unknown,
    /// These tables are there; the migrations are what is pending, and are applied together.
    Tables(Vec<TableFacts>),
}

/// Who uses the database while migrations are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Live {
    /// That is not known: a release is taken to run.
    #[default]
    Unknown,
    /// A release runs.
    Release,
    /// Nobody: the database is new, or nothing is deployed.
    Nobody,
}

/// In which phase statements of files without phases are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phases {
    /// What can wait for the contract does, as it is split when it is applied.
    #[default]
    ByClass,
    /// As the parts say.
    AsWritten,
}

/// What is known beside the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The kind of SQL.
    pub dialect: Dialect,
    /// The server's version, where it was asked.
    pub version: Option<ServerVersion>,
    /// What is in the database.
    pub database: Database,
    /// Who uses it.
    pub live: Live,
    /// How phases are told.
    pub phases: Phases,
    /// Today, for suppressions that end.
    pub today: Date,
}

impl Context {
    /// Nothing is known but the kind of SQL.
    #[must_use]
    pub fn of(dialect: Dialect, today: Date) -> Self {
        Self {
            dialect,
            version: None,
            database: Database::Unknown,
            live: Live::Unknown,
            phases: Phases::ByClass,
            today,
        }
    }

    /// What is known of a table.
    #[must_use]
    pub fn table(&self, name: &Name) -> Option<&TableFacts> {
        match &self.database {
            Database::Unknown => None,
            Database::Tables(tables) => tables.iter().find(|table| table.name.matches(name, self.dialect)),
        }
    }

    /// Whether the server is at least that version of MySQL; MariaDB and an unknown one are not.
    pub(crate) fn is_mysql_since(&self, major: u32, minor: u32) -> bool {
        self.version
            .is_some_and(|version| !version.mariadb && (version.major, version.minor) >= (major, minor))
    }

    /// Whether the server is known to be MariaDB.
    pub(crate) fn is_mariadb(&self) -> bool {
        self.version.is_some_and(|version| version.mariadb)
    }
}
