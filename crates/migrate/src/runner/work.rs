//! One part of a migration, as it is given to the runner.

use bascule_migrations::{Transactions, Version};
use bascule_sql::Statement;

use crate::journal::{PartKey, Step, StepPhase};

/// One part of a migration.
#[derive(Debug, Clone)]
pub(crate) struct Work<'a> {
    pub version: &'a Version,
    pub name: &'a str,
    /// Its file; empty where only the journal knows it.
    pub path: &'a str,
    /// The text that the statements' lines are of, for excerpts.
    pub text: &'a str,
    pub attempt: u32,
    pub phase: StepPhase,
    pub statements: &'a [Statement],
    pub transactions: Transactions,
    /// Return no row, or nothing of it stays.
    pub checks: &'a [Statement],
    /// What the journal knows of earlier tries.
    pub steps: Vec<Step>,
    /// What is written when it begins, where it is not done at once.
    pub open: Vec<String>,
    /// What is written when it is done.
    pub close: Vec<String>,
    /// What is written when it begins and is done in one transaction.
    pub whole: Vec<String>,
}

impl Work<'_> {
    pub fn key(&self) -> PartKey<'_> {
        PartKey { version: self.version, attempt: self.attempt, phase: self.phase }
    }
}
