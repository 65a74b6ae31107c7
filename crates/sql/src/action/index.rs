//! Indexes.

use serde::{Deserialize, Serialize};

use crate::Name;

/// What an index goes by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IndexColumn {
    /// A column, by its name.
    Column {
        /// The name.
        name: String,
    },
    /// An expression, as it is written.
    Expression {
        /// The expression.
        written: String,
    },
}

/// `CREATE INDEX`; MySQL's `ALTER TABLE … ADD INDEX` as well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateIndex {
    /// Its name, where one is written.
    pub index: Option<Name>,
    /// The table.
    pub table: Name,
    /// What it goes by.
    pub columns: Vec<IndexColumn>,
    /// No two rows may have the same.
    pub unique: bool,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `FULLTEXT` or `SPATIAL` (MySQL), or the method behind `USING`, in lower case.
    pub method: Option<String>,
    /// `WHERE`: only some of the rows.
    pub partial: bool,
    /// `ON ONLY`: not at the partitions.
    pub only: bool,
}

/// `REINDEX`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reindex {
    /// `INDEX`, `TABLE`, `SCHEMA`, `DATABASE`, `SYSTEM`, in upper case; empty with SQLite.
    pub what: String,
    /// Of what, where it is written.
    pub name: Option<Name>,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
}
