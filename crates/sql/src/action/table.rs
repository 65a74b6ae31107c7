//! What is done to tables beyond their columns and constraints.

use serde::{Deserialize, Serialize};

use super::{Column, Constraint};
use crate::Name;

/// `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateTable {
    /// The table.
    pub table: Name,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its constraints beside those at columns.
    pub constraints: Vec<Constraint>,
    /// It goes with its session.
    pub temporary: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// It is filled from a query (`AS SELECT …`).
    pub from_query: bool,
    /// `PARTITION OF`: the table that it becomes a part of.
    pub partition_of: Option<Name>,
    /// `LIKE` or `INHERITS`: the tables whose columns it has as well.
    pub like: Vec<Name>,
}

/// A change of a table as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum TableChange {
    /// `OWNER TO`.
    Owner,
    /// `SET SCHEMA`.
    Schema {
        /// The new one.
        schema: String,
    },
    /// `SET TABLESPACE`: the table is copied.
    Tablespace,
    /// `SET LOGGED` or `SET UNLOGGED`: the table is copied.
    Logged,
    /// `SET ACCESS METHOD`: the table is copied.
    AccessMethod,
    /// `SET (…)`, `RESET (…)`: parameters of storage, of autovacuum.
    Parameters,
    /// `ALTER COLUMN … SET STATISTICS`, `SET (n_distinct = …)`.
    Statistics,
    /// `ALTER COLUMN … SET STORAGE`, `SET COMPRESSION`.
    Storage,
    /// `ALTER COLUMN … ADD/SET/DROP … IDENTITY`.
    Identity,
    /// `ALTER COLUMN … DROP EXPRESSION`, `SET EXPRESSION`.
    Expression {
        /// `SET`: every row is written anew.
        set: bool,
    },
    /// `ENABLE TRIGGER`, `DISABLE TRIGGER`, and those of rules.
    Triggers,
    /// `ENABLE ROW LEVEL SECURITY` and its like.
    RowSecurity,
    /// `CLUSTER ON`, `SET WITHOUT CLUSTER`.
    ClusterOn,
    /// `REPLICA IDENTITY`.
    ReplicaIdentity,
    /// `INHERIT`, `NO INHERIT`, `OF`, `NOT OF`.
    Inheritance,
    /// `ATTACH PARTITION`, or MySQL's `ADD PARTITION`.
    AttachPartition {
        /// The part, where it is a table.
        partition: Option<Name>,
    },
    /// `DETACH PARTITION`.
    DetachPartition {
        /// The part.
        partition: Name,
        /// `CONCURRENTLY`.
        concurrently: bool,
        /// `FINALIZE`: what was interrupted is brought to its end.
        finalize: bool,
    },
    /// MySQL: `DROP PARTITION`, `TRUNCATE PARTITION`: rows go.
    DropPartition,
    /// MySQL: partitions are made anew.
    Repartition,
    /// MySQL: `ENGINE = …`, `FORCE`, `ROW_FORMAT`: the table is copied.
    Rebuild,
    /// MySQL: `CONVERT TO CHARACTER SET`.
    ConvertCharacterSet,
    /// MySQL: `COMMENT`, `AUTO_INCREMENT`, `DEFAULT CHARACTER SET`: only what the table says of itself.
    Options,
    /// `RENAME CONSTRAINT`.
    RenameConstraint {
        /// The old name.
        constraint: String,
        /// The new one.
        to: String,
    },
    /// MySQL: `RENAME INDEX`.
    RenameIndex {
        /// The old name.
        index: String,
        /// The new one.
        to: String,
    },
    /// MySQL: an index is hidden from the planner or shown to it.
    IndexVisibility,
    /// `ALTER CONSTRAINT`: deferrable, enforced.
    AlterConstraint,
    /// MySQL: `DISABLE KEYS`, `ENABLE KEYS`.
    Keys,
    /// MySQL: `ORDER BY`: the table is copied.
    OrderBy,
    /// MySQL: `DISCARD TABLESPACE`, `IMPORT TABLESPACE`.
    ExchangeTablespace,
    /// Something that is not known.
    Unknown {
        /// The first words of it.
        words: String,
    },
}
