//! Why a file cannot be taken apart into phases.

use crate::migration::Version;

/// Why a file cannot be taken apart into phases. Each names the statement; each ends with what helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhaseError {
    /// A statement breaks the former release, and the new one needs it from its start.
    #[error("{path}:{line}: `{statement}` cannot be part of a deploy without downtime: {reason}; {remedy}")]
    Breaking {
        /// The migration.
        version: Version,
        /// Its file.
        path: String,
        /// The statement's line.
        line: usize,
        /// Its beginning.
        statement: String,
        /// Why.
        reason: String,
        /// What helps.
        remedy: String,
    },
    /// Something goes and comes again under the same name.
    #[error(
        "{path}:{line}: {thing} is dropped here and made anew in line {again}, and cannot be both for the live release: make the new one under a name of its own"
    )]
    Again {
        /// The migration.
        version: Version,
        /// Its file.
        path: String,
        /// The line of the drop.
        line: usize,
        /// What, in words.
        thing: String,
        /// The line where it is made anew.
        again: usize,
    },
    /// Rows go that others of the file have to follow.
    #[error(
        "{path}:{line}: the rows of `{table}` go here, and others come in line {again}: as the first waits for the contract, it would take the new ones too; put it into a migration of its own"
    )]
    Rows {
        /// The migration.
        version: Version,
        /// Its file.
        path: String,
        /// The line where rows go.
        line: usize,
        /// The table.
        table: String,
        /// The line where rows come.
        again: usize,
    },
    /// A transaction begins or ends within the file.
    #[error(
        "{path}:{line}: a transaction begins or ends within the file, and the file has to be taken apart for the contract: put what drops into a migration of its own"
    )]
    Transaction {
        /// The migration.
        version: Version,
        /// Its file.
        path: String,
        /// The line.
        line: usize,
    },
}
