//! Why a backfill cannot begin or go on.

use super::record::{Id, State};
use crate::DatabaseError;
use bascule_sql::NarrowError;

/// Why a backfill cannot begin or go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// There is none of that name.
    #[error("there is no backfill {0}; `bascule migrate backfill` lists those that are there")]
    Unknown(Id),
    /// Another runner has it.
    #[error("{owner} runs the backfill {id}; it was heard of {silent:.1} s ago")]
    Held {
        /// Which.
        id: Id,
        /// Who.
        owner: String,
        /// Seconds since it was last heard of.
        silent: f64,
    },
    /// Another runner has taken it over meanwhile: nothing more was written.
    #[error("another runner has taken the backfill {0} over")]
    Lost(Id),
    /// It is in a state in which that cannot be done.
    #[error("the backfill {id} is {state}: it cannot be {wish}")]
    State {
        /// Which.
        id: Id,
        /// How it is.
        state: State,
        /// What was asked (`paused`).
        wish: &'static str,
    },
    /// Its statement or table has changed since it began.
    #[error(
        "the backfill {0} has begun with another statement; abandon it, and give the new one a migration of its own"
    )]
    Changed(Id),
    /// The table is not there.
    #[error("there is no table {0} to fill in")]
    NoTable(String),
    /// A column of the key is not there.
    #[error("the table {table} has no column {column}, which its backfill goes by")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The key's columns have no unique index of their own.
    #[error(
        "{table} has no unique index on ({columns}); name the primary key, or columns with a unique index, as `key=`"
    )]
    NotUnique {
        /// The table.
        table: String,
        /// The columns, with commas.
        columns: String,
    },
    /// Rows without a key would never be reached.
    #[error(
        "{table} has rows whose {column} is NULL, and a backfill would never reach them; choose another `key=`"
    )]
    NullKey {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Values of that type do not compare as texts say.
    #[error("{column} is of the type {data_type}, by which a backfill cannot go; choose another `key=`")]
    KeyType {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// A value of a key is not what it should be: the row of our table was changed by hand, or comes from another server.
    #[error("`{value}` is no value of {column}; repair `reached` of this backfill")]
    KeyValue {
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
    /// The statement is for another table than the backfill.
    #[error("the backfill is of {table}, and its statement changes {changed}; they have to be the same")]
    OtherTable {
        /// The backfill's.
        table: String,
        /// The statement's.
        changed: String,
    },
    /// The statement cannot be done in batches.
    #[error("the backfill's statement cannot be done in batches")]
    Statement(#[from] NarrowError),
    /// The row of our table cannot be read.
    #[error("the table of backfills holds a row that cannot be read")]
    Damaged,
    /// A question or a write failed.
    #[error("{doing} failed")]
    Query {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: DatabaseError,
    },
}

impl Error {
    pub(super) fn query(doing: &'static str) -> impl FnOnce(DatabaseError) -> Self {
        move |source| Self::Query { doing, source }
    }

    /// Whether a new connection may do better.
    #[must_use]
    pub fn broken(&self) -> bool {
        matches!(self, Self::Query { source, .. } if source.broken())
    }
}
