//! Why something cannot go, or come back.

use super::due::Refusal;
use crate::DatabaseError;

/// Why something cannot go, or come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A statement that drops and does more.
    #[error(
        "line {line}: this drops something and does other things in ways that cannot be told apart; write each as a statement of its own"
    )]
    Mixed {
        /// Its line.
        line: usize,
    },
    /// Others need it.
    #[error("{what} cannot go: {} still needs it; drop that first, in the same contract", dependents.join(" and "))]
    Needed {
        /// What was to go.
        what: String,
        /// What needs it.
        dependents: Vec<String>,
    },
    /// A part of the primary key.
    #[error("{what} is a part of the primary key; give the table another primary key first")]
    PrimaryKey {
        /// What was to go.
        what: String,
    },
    /// It cannot go softly.
    #[error("{what} cannot go softly: {reason}")]
    NotSoft {
        /// What was to go.
        what: String,
        /// Why.
        reason: &'static str,
    },
    /// There is no tombstone of that id.
    #[error("there is no tombstone {0}")]
    Unknown(String),
    /// It may not go for good.
    #[error("{what} may not go for good: {refusal}")]
    Refused {
        /// What.
        what: String,
        /// Why.
        refusal: Refusal,
    },
    /// It cannot come back.
    #[error("{what} cannot come back: {reason}")]
    Gone {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// Rows that came meanwhile could not be filled in.
    #[error("the rows of {what} that came meanwhile could not be filled in, so it was left away: {why}")]
    Refill {
        /// What was to come back.
        what: String,
        /// The server's words.
        why: String,
    },
    /// Others held the table all the time.
    #[error("{what} is in use: its lock could not be had in {attempts} attempts; nothing was changed")]
    Locked {
        /// What.
        what: String,
        /// So many.
        attempts: u32,
    },
    /// The lease is another's.
    #[error("another runner has taken over; nothing was changed")]
    Lost,
    /// The row of our table cannot be read.
    #[error("the table of tombstones holds a row that cannot be read")]
    Damaged,
    /// A question or a write failed.
    #[error("{doing} failed")]
    Query {
        /// What was being done.
        doing: String,
        /// Why.
        #[source]
        source: DatabaseError,
    },
}

impl Error {
    pub(super) fn query(doing: impl Into<String>) -> impl FnOnce(DatabaseError) -> Self {
        let doing = doing.into();
        move |source| Self::Query { doing, source }
    }
}
