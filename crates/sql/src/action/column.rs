//! Columns and constraints, as statements write them.

use serde::{Deserialize, Serialize};

use crate::Name;

/// A type as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DataType {
    /// Its name in lower case, with single spaces and without arguments (`character varying`, `int unsigned`).
    pub name: String,
    /// What stands in parentheses, without spaces around (`["10", "2"]`).
    pub arguments: Vec<String>,
    /// Whether it is an array.
    pub array: bool,
    /// As it is written.
    pub written: String,
}

/// A default value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DefaultValue {
    /// The same for each row of a statement: a literal, `now()`, a cast of one.
    Constant {
        /// As it is written.
        written: String,
    },
    /// `NULL`.
    Null,
    /// Another one for each row (`random()`, `gen_random_uuid()`, `nextval('…')`).
    Volatile {
        /// As it is written.
        written: String,
    },
    /// A function or an expression of which that is not known.
    Unknown {
        /// As it is written.
        written: String,
    },
}

/// A value that is computed from other columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generated {
    /// Computed when it is written; it takes room.
    Stored,
    /// Computed when it is read.
    Virtual,
}

/// A column of `CREATE TABLE` or `ADD COLUMN`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// Its name as the server knows it.
    pub name: String,
    /// Its type; SQLite allows none.
    pub data_type: Option<DataType>,
    /// `NOT NULL` is written (a primary key's columns are not null without it).
    pub not_null: bool,
    /// Its default, where one is written.
    pub default: Option<DefaultValue>,
    /// Whether it is computed.
    pub generated: Option<Generated>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: bool,
    /// `serial` and its like, `AUTO_INCREMENT`, `AUTOINCREMENT`.
    pub auto_increment: bool,
    /// `PRIMARY KEY` at the column.
    pub primary_key: bool,
    /// `UNIQUE` at the column.
    pub unique: bool,
    /// `REFERENCES` at the column: the table.
    pub references: Option<Name>,
    /// `CHECK` at the column.
    pub check: bool,
    /// MySQL: `ON UPDATE CURRENT_TIMESTAMP`.
    pub on_update: bool,
    /// MySQL: a comment, a character set or a collation is written at the column.
    pub collation: bool,
}

/// What a constraint asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `CHECK (…)`.
    Check {
        /// What is in the parentheses, as it is written.
        expression: String,
    },
    /// `FOREIGN KEY (…) REFERENCES …`.
    ForeignKey {
        /// The columns.
        columns: Vec<String>,
        /// The table that is referred to.
        references: Name,
        /// Its columns, where they are written.
        referred: Vec<String>,
    },
    /// `UNIQUE (…)`.
    Unique {
        /// The columns; none with `USING INDEX`.
        columns: Vec<String>,
    },
    /// `PRIMARY KEY (…)`.
    PrimaryKey {
        /// The columns; none with `USING INDEX`.
        columns: Vec<String>,
    },
    /// `EXCLUDE …`.
    Exclude,
    /// PostgreSQL 18: `NOT NULL column`.
    NotNull {
        /// The column.
        column: String,
    },
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Constraint {
    /// Its name as the server knows it, where one is written.
    pub name: Option<String>,
    /// What it asks.
    #[serde(flatten)]
    pub kind: ConstraintKind,
    /// `NOT VALID` (PostgreSQL), `NOT ENFORCED` (MySQL): rows that are there are not looked at.
    pub not_valid: bool,
    /// `USING INDEX`: the index that it is made of.
    pub using_index: Option<String>,
}
