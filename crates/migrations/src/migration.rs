//! One migration: what it changes, in which phase, and how that is taken back.

use std::fmt;

use bascule_sql::Statement;
use serde::{Deserialize, Serialize};

use crate::format::Format;

/// A migration's version, as its file names it (`20260101120000`, `0042`, `1.2.3`). How two of them are ordered is a matter of the
/// convention that they come from; the order of a set is its order of application.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub String);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// When a part of a migration is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the new release starts; the live one has to be able to go on.
    Expand,
    /// Rows are filled in, in batches.
    Backfill,
    /// When the former release is gone: what it still needed goes.
    Contract,
}

/// What waits for a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// The switch: the new release needs the rows.
    Switch,
    /// Only the contract.
    Contract,
}

/// Rows that are filled in, in batches of their own transactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// The table, as it is written (`public.users`).
    pub table: String,
    /// The columns that the batches go by: unique and not null, in this order.
    pub key: Vec<String>,
    /// Rows in the first batch; it adapts from there.
    pub batch: u32,
    /// What waits for it.
    pub gate: Gate,
    /// One `UPDATE` of that table, to which the batch's range is added as a condition.
    pub statement: Statement,
}

/// How the file wants to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transactions {
    /// As one where the server can, unless a statement of it cannot.
    Usual,
    /// Statement by statement: the file says so.
    None,
}

/// What is done in one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "lowercase")]
pub enum Part {
    /// Statements before the new release starts.
    Expand {
        /// In order.
        statements: Vec<Statement>,
    },
    /// Rows.
    Backfill(Backfill),
    /// Statements when the former release is gone.
    Contract {
        /// In order.
        statements: Vec<Statement>,
    },
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Its version.
    pub version: Version,
    /// Its name, as its file says it; may be empty.
    pub name: String,
    /// The file of its up side, relative to the folder.
    pub path: String,
    /// The whole text of its up side, with line feeds only.
    pub up: String,
    /// The whole text of its down side, where it is in a file of its own.
    pub down_file: Option<String>,
    /// What is done, in order: expand, backfills, contract. As the file says; plain files have one part until they are phased.
    pub parts: Vec<Part>,
    /// What takes the expand back, in order; none where the file has none (which is not the same as an empty one).
    pub down: Option<Vec<Statement>>,
    /// Queries that return no row when the migration is good.
    pub checks: Vec<Statement>,
    /// How it wants to be run.
    pub transactions: Transactions,
    /// SHA-256 (hex) of `up` with line feeds only: what tells an edited file.
    pub checksum: String,
    /// Where it comes from.
    #[serde(default)]
    pub origin: Origin,
    /// What is worth knowing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// Where a migration comes from, and what its tool knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The convention of its file.
    pub format: Format,
    /// When it may be applied.
    pub turn: Turn,
    /// What the tools of its convention would store of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sums: Vec<ToolSum>,
}

/// When a migration may be applied, beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// Once, in the order of the set.
    #[default]
    Ordered,
    /// Once, whenever it is found (refinery's `U`).
    Unordered,
    /// After all others, and again whenever it changes (Flyway's `R`).
    Repeatable,
}

/// A checksum as a tool stores it in its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSum {
    /// The tool.
    pub tool: Format,
    /// As its table shows it: hex for sqlx, a decimal number for refinery and Flyway.
    pub text: String,
}

/// Something worth knowing, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The file, relative to the folder.
    pub path: String,
    /// The line in it, from 1, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// One sentence.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

impl Note {
    pub(crate) fn new(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, text: text.into() }
    }

    pub(crate) fn at(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), text: text.into() }
    }
}

impl Migration {
    /// Whether it has a part for that phase.
    #[must_use]
    pub fn has(&self, phase: Phase) -> bool {
        self.parts.iter().any(|part| part.phase() == phase)
    }

    /// Its version and name, as people call it.
    #[must_use]
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.version.0.clone() } else { format!("{} {}", self.version, self.name) }
    }
}

impl Part {
    /// When it is applied.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            Self::Expand { .. } => Phase::Expand,
            Self::Backfill(_) => Phase::Backfill,
            Self::Contract { .. } => Phase::Contract,
        }
    }
}
