//! What a migrator tells while it works. Nothing depends on it: whoever watches can only look.

use std::time::Duration;

use bascule_migrations::Version;

use crate::journal::StepPhase;
use crate::lease::Holder;
use crate::policy::Blocker;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Another runner has the database; it is waited for.
    LeaseWait {
        /// Who.
        holder: Holder,
        /// How long it is still waited for.
        left: Duration,
    },
    /// A runner is dead, and what the server still did for it was ended.
    RunnerEnded {
        /// Who it was.
        holder: Holder,
    },
    /// A part of a migration is begun.
    PartBegun {
        /// Of which migration.
        version: Version,
        /// Its name.
        name: String,
        /// Which part.
        phase: StepPhase,
        /// How many statements it has.
        statements: usize,
    },
    /// A part of a migration is done.
    PartDone {
        /// Of which migration.
        version: Version,
        /// Which part.
        phase: StepPhase,
        /// How long it took.
        took: Duration,
    },
    /// A statement, or several in one transaction, is sent.
    StatementBegun {
        /// Where.
        at: Place,
    },
    /// It is done.
    StatementDone {
        /// Where.
        at: Place,
        /// How long it took.
        took: Duration,
    },
    /// It waits for others.
    LockWait {
        /// Where.
        at: Place,
        /// For whom.
        blockers: Vec<Blocker>,
    },
    /// It did not get its lock in time and is tried again.
    Retry {
        /// Where.
        at: Place,
        /// How often it was tried.
        attempt: u32,
        /// When it is tried again.
        after: Duration,
        /// Who held the lock, where that was seen.
        blockers: Vec<Blocker>,
    },
    /// How far a long statement is, by the server's own view.
    Progress {
        /// Where.
        at: Place,
        /// What it does (`building index: scanning table`).
        doing: String,
        /// Of a hundred; none where the server does not say.
        percent: Option<u8>,
    },
    /// What an interrupted statement left was looked up.
    Reconciled {
        /// Where.
        at: Place,
        /// What was found and done, in one sentence.
        what: String,
    },
    /// Something that whoever watches should know.
    Note(String),
}

/// A statement of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The migration.
    pub version: Version,
    /// Its file; empty where only the journal knows it.
    pub path: String,
    /// The line of the (first) statement.
    pub line: usize,
    /// Its first words.
    pub words: String,
}

/// Is told what happens, from whichever task it happens in.
pub trait Watch: Send + Sync {
    /// Something happened.
    fn told(&self, event: &Event);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Watch for Silent {
    fn told(&self, _: &Event) {}
}
