//! What a rehearsal has shown.

use bascule_migrations::{Phase, Version};
use bascule_sql::{LockMode, Statement};
use serde::{Deserialize, Serialize};

use super::untold::Untold;
use crate::schema::Difference;

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// What it was tried on.
    pub copy: Copied,
    /// Bytes up to which rows would have been copied.
    pub rows_up_to: u64,
    /// Statements of which a copy without rows cannot tell whether they go well.
    pub untold: Vec<Untold>,
    /// The migrations, in order. What comes after one that failed was not tried.
    pub migrations: Vec<Rehearsed>,
    /// Those that were not tried, because one before them failed.
    pub not_tried: Vec<Version>,
    /// The queries of the releases.
    pub smoke: Vec<Smoke>,
    /// Copies that a killed rehearsal had left, and that are gone now.
    pub cleaned: Vec<String>,
    /// All of it, in milliseconds.
    pub took_ms: u64,
}

/// The copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// How it was made.
    pub how: How,
    /// Which rows are in it.
    pub rows: Rows,
    /// Bytes of the database that it is a copy of.
    pub bytes: u64,
    /// What in it is not as in the database.
    pub differences: Vec<Difference>,
}

/// How a copy was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By the server, from the database as a template.
    Template,
    /// By the server's dump program.
    Dump,
    /// As a file.
    File,
}

/// Which rows a copy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// All.
    All,
    /// None: times say nothing about the real tables.
    None,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// What was run of its up side the first time, in order.
    pub statements: Vec<StatementRun>,
    /// Why it could not be applied.
    pub failed: Option<Failure>,
    /// What its down side is worth.
    pub down: Down,
    /// Checks of it that found rows, with the first of them.
    pub checks: Vec<FailedCheck>,
}

/// One statement that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRun {
    /// In which phase.
    pub phase: Phase,
    /// The statement, with its line.
    pub statement: Statement,
    /// Microseconds.
    pub took_us: u64,
    /// Rows that it changed.
    pub rows: u64,
    /// Locks on tables that were there before the migration, which it took and nothing before it in its transaction held.
    pub locks: Vec<Held>,
    /// Whether the locks are all that it took.
    pub seen: Seen,
    /// Tables that were there before and are in a new file since.
    pub rewrites: Vec<String>,
    /// Why it was not run.
    pub left_out: Option<String>,
}

/// A lock that was held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    /// The table.
    pub table: String,
    /// The mode.
    pub mode: LockMode,
}

/// How well locks could be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// All, within its transaction.
    All,
    /// From beside it: what lasted long enough.
    Some,
    /// The server does not show them.
    Nothing,
}

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// In which phase.
    pub phase: Phase,
    /// The statement, with its line.
    pub statement: Statement,
    /// What the server said.
    pub error: String,
    /// Whether statements before it were left out, so that it may be no fault of its own.
    pub incomplete: bool,
}

/// A check that found rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCheck {
    /// The query, with its line.
    pub statement: Statement,
    /// What it found, or why it could not be asked.
    pub found: String,
}

/// What a down side is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Down {
    /// After it the schema was as before the expand, and the up side could be applied again.
    Restores,
    /// It takes back expand and contract together, as plain files have it; the expand alone it does not.
    RestoresWhole,
    /// The schema is the same before and after the up side. Data is not taken back.
    DataOnly,
    /// The up side cannot be taken back.
    Irreversible {
        /// Why.
        why: Why,
        /// How the schema differs from that before the up side.
        difference: Vec<Difference>,
    },
    /// It was not tried.
    NotTried {
        /// Why.
        why: String,
    },
}

/// Why an up side cannot be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Why {
    /// There is no down side.
    Missing,
    /// It has no statement.
    Empty,
    /// It fails.
    Fails {
        /// The statement, with its line.
        statement: Statement,
        /// What the server said.
        error: String,
    },
    /// After it the schema is another than before.
    Differs,
    /// After it the up side fails.
    NotAgain {
        /// The statement, with its line.
        statement: Statement,
        /// What the server said.
        error: String,
    },
    /// After it the up side makes another schema than the first time.
    OtherwiseAgain,
}

/// Whose query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// The one that serves.
    Live,
    /// The one that is to be deployed.
    Next,
}

/// Where a query comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Somebody listed it.
    Listed,
    /// It is among the most frequent that the server has counted.
    Counted,
}

/// One query that was prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smoke {
    /// Whose it is.
    pub release: Release,
    /// Where it comes from.
    pub source: Source,
    /// The query.
    pub sql: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// It fits the schema.
    Fits,
    /// It did not fit before any migration: no fault of theirs.
    BrokenBefore {
        /// What the server said.
        error: String,
    },
    /// It does not fit any more, or not yet.
    Breaks {
        /// After which phase of the migrations.
        phase: Phase,
        /// The migration after which it does not, where it did before.
        since: Option<Version>,
        /// What the server said.
        error: String,
    },
    /// It fits, but a session that had prepared it before gets an error for it, until it prepares it anew: its columns are others
    /// now, as with `SELECT *` of a table that gets a column.
    PlanBreaks {
        /// The migration after which it does.
        since: Version,
        /// What the server said.
        error: String,
    },
}

impl Rehearsal {
    /// Whether every migration could be applied, no query of a release breaks, and every check holds.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.not_tried.is_empty()
            && self
                .migrations
                .iter()
                .all(|migration| migration.failed.is_none() && migration.checks.is_empty())
            && !self.smoke.iter().any(|smoke| matches!(smoke.outcome, Outcome::Breaks { .. }))
    }
}
