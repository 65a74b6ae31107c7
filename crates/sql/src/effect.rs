//! What a statement means for the releases that run on the database.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Name;

macro_rules! words {
    ($name:ident { $($variant:ident => $text:literal),* $(,)? }) => {
        impl $name {
            /// As it is shown.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

/// What kind of change a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It adds: the release that runs can go on.
    Expand,
    /// It takes what the release that runs may still need; no rows are lost.
    Contract,
    /// It takes data.
    Destructive,
    /// It changes rows, not the schema.
    Data,
    /// It only concerns the session or the care of what is there: settings, transactions, `ANALYZE`.
    Session,
    /// It is not understood.
    Unknown,
}

words!(Class {
    Expand => "expand",
    Contract => "contract",
    Destructive => "destructive",
    Data => "data",
    Session => "session",
    Unknown => "unknown",
});

/// From when the new release needs a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// It may count on it from its start, so that it cannot wait for the contract.
    AtStart,
    /// It can start without; so the statement can wait until the former release is gone.
    Later,
}

words!(Needed { AtStart => "at the start", Later => "later" });

/// A mode in which a statement holds a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// PostgreSQL: reading.
    AccessShare,
    /// PostgreSQL: `SELECT … FOR UPDATE`; the table that is referred to.
    RowShare,
    /// PostgreSQL: writing rows.
    RowExclusive,
    /// PostgreSQL: `VALIDATE`, `ANALYZE`, `CREATE INDEX CONCURRENTLY`.
    ShareUpdateExclusive,
    /// PostgreSQL: `CREATE INDEX`.
    Share,
    /// PostgreSQL: foreign keys, triggers.
    ShareRowExclusive,
    /// PostgreSQL: `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    Exclusive,
    /// PostgreSQL: most of `ALTER TABLE`.
    AccessExclusive,
    /// MySQL: the metadata of a table, for a moment at the beginning and at the end.
    MetadataBrief,
    /// MySQL: the table can be read, not written, as long as it takes (`LOCK=SHARED`).
    MetadataShared,
    /// MySQL: nobody else, as long as it takes (`LOCK=EXCLUSIVE`).
    MetadataExclusive,
    /// SQLite: the file's one write lock.
    FileWrite,
    /// SQLite: the file for itself alone.
    FileExclusive,
}

words!(LockMode {
    AccessShare => "ACCESS SHARE",
    RowShare => "ROW SHARE",
    RowExclusive => "ROW EXCLUSIVE",
    ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
    Share => "SHARE",
    ShareRowExclusive => "SHARE ROW EXCLUSIVE",
    Exclusive => "EXCLUSIVE",
    AccessExclusive => "ACCESS EXCLUSIVE",
    MetadataBrief => "metadata lock, brief",
    MetadataShared => "metadata lock, SHARED",
    MetadataExclusive => "metadata lock, EXCLUSIVE",
    FileWrite => "write lock of the file",
    FileExclusive => "exclusive lock of the file",
});

/// A lock on a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableLock {
    /// The table.
    pub table: Name,
    /// The mode.
    pub mode: LockMode,
}

/// Whom a statement keeps out while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocks {
    /// Nobody who reads or writes rows.
    Nothing,
    /// Who writes.
    Writes,
    /// Who reads or writes.
    ReadsAndWrites,
}

words!(Blocks { Nothing => "nothing", Writes => "writes", ReadsAndWrites => "reads and writes" });

/// How long what a statement blocks is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Only for a change of the catalog, whatever is in the table.
    Moment,
    /// The longer, the more rows there are (a scan, an index, a copy).
    Rows,
    /// That is not known.
    Unknown,
}

words!(Span { Moment => "a moment", Rows => "grows with the rows", Unknown => "unknown" });

/// Whether the table is written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// No.
    No,
    /// Yes.
    Yes,
    /// That is not known.
    Unknown,
}

words!(Rewrite { No => "no", Yes => "yes", Unknown => "unknown" });

/// Whether it can be taken back without a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversible {
    /// Yes.
    Yes,
    /// No.
    No,
    /// That is not known.
    Unknown,
}

words!(Reversible { Yes => "yes", No => "no", Unknown => "unknown" });

/// How it goes with transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transactional {
    /// It may stand in one, and is taken back with it.
    Yes,
    /// It may not stand in one.
    No,
    /// It ends the one that is open, and cannot be taken back (MySQL's schema changes).
    Commits,
    /// It begins or ends one itself.
    Controls,
}

words!(Transactional {
    Yes => "yes",
    No => "no",
    Commits => "commits",
    Controls => "controls",
});

/// What a statement means for whoever uses the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// What kind of change it is.
    pub class: Class,
    /// From when the new release needs it. `Contract` that is needed at the start fits into no phase.
    pub needed: Needed,
    /// The locks that it takes on tables that are there, the strongest of each table.
    pub locks: Vec<TableLock>,
    /// Whom it keeps out.
    pub blocks: Blocks,
    /// For how long.
    pub span: Span,
    /// Whether a table is written anew.
    pub rewrite: Rewrite,
    /// Whether it can be taken back without a loss.
    pub reversible: Reversible,
    /// How it goes with transactions.
    pub transactional: Transactional,
    /// The tables that it makes, changes or drops.
    pub touches: Vec<Name>,
    /// Why it is so, in one sentence without a full stop.
    pub reason: String,
}
