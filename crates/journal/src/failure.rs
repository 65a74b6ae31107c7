//! An error inside a transaction, before it is known which journal it is about. Each store explains the database's own part.

use crate::error::JournalError;

/// An error inside a transaction.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database's, or the connection's.
    Sql(sqlx::Error),
    /// Ours already.
    Journal(JournalError),
    /// The operating system's.
    Io(std::io::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// What is stored does not make sense.
pub(crate) fn corrupt(what: impl Into<String>) -> Failure {
    Failure::Journal(JournalError::Corrupt(what.into()))
}
