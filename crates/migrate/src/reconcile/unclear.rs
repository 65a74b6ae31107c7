//! A statement of which nobody can tell what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::journal::{Step, StepPhase};

/// A statement of which nobody can tell what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unclear {
    /// The migration.
    pub version: String,
    /// Which part of it.
    pub phase: StepPhase,
    /// Its place in the part, from 0.
    pub number: usize,
    /// Its line in the file.
    pub line: usize,
    /// The statement.
    pub statement: String,
    /// What the catalog said before it was sent, where we know how to ask.
    pub before: Option<String>,
    /// What the catalog says now.
    pub now: Option<String>,
}

impl Unclear {
    pub(super) fn new(step: &Step, now: Option<String>) -> Self {
        Self {
            version: step.version.0.clone(),
            phase: step.phase,
            number: step.number,
            line: step.line,
            statement: step.statement.clone(),
            before: step.seen_before.clone(),
            now,
        }
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, phase, line, statement, .. } = self;
        write!(f, "{version} ({phase}, line {line}): {}", crate::runner::words(statement))
    }
}
