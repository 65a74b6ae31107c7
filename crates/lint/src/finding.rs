//! What a rule found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works; another way would be better later on.
    Hint,
    /// It may hurt; look before you go on.
    Warning,
    /// It would hurt the release that serves, or fail: it is not run unless it is allowed with a reason.
    Block,
}

impl Severity {
    /// As it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Block => "block",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A part of a file's text that becomes another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Where it begins in the file, in bytes (with line feeds only).
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What stands there now; where something else does, nothing is changed.
    pub original: String,
    /// What stands there afterwards.
    pub replacement: String,
}

/// What a rule found at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name; it is stable.
    pub rule: String,
    /// How much is at stake here.
    pub severity: Severity,
    /// The file, relative to the folder of migrations.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The statement's first words, on one line.
    pub excerpt: String,
    /// What would happen, in one sentence.
    pub reason: String,
    /// How it is done without harm.
    pub safe: String,
    /// The same as an edit, where that is mechanical.
    pub fix: Option<Edit>,
}
