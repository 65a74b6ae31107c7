//! Commands that are run once in a deploy.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::millis;
use crate::ids::{ServiceName, TaskName};
use crate::manifest::InstanceText;

/// A command that is run once in every deploy of a release, in the surroundings of one of its services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub name: TaskName,
    /// The service whose files or image, configuration, limits and user it gets.
    pub service: ServiceName,
    /// Program and arguments, not empty; rendered with `BASCULE_APP`, `BASCULE_ENVIRONMENT`, `BASCULE_RELEASE` and `BASCULE_SLOT`.
    pub command: Vec<InstanceText>,
    /// When it is run.
    pub before: Before,
    /// How long it may take.
    #[serde(with = "millis")]
    pub timeout: Duration,
}

impl Task {
    /// The command as it is shown: what the shell runs, or the program and its arguments.
    #[must_use]
    pub fn line(&self) -> String {
        let words: Vec<&str> = self.command.iter().map(InstanceText::as_source).collect();
        match words.as_slice() {
            ["/bin/sh", "-c", line] => (*line).to_owned(),
            words => words.join(" "),
        }
    }
}

/// What a task has to be over for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Before {
    /// Before any instance of the release is started.
    #[default]
    Start,
    /// When its instances are ready, and before users come to them.
    Switch,
}

impl Before {
    /// The word of the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Switch => "switch",
        }
    }
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
