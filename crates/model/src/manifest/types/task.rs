//! A task of an environment, complete.

use serde::{Deserialize, Serialize};

use super::text::InstanceText;
use crate::ids::{ServiceName, TaskName};
use crate::release::Before;
use crate::units::Duration;

/// How long a task may take when the manifest does not say.
pub const TASK_TIMEOUT: Duration = Duration::from_seconds(600);

/// A command that is run once in every deploy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub name: TaskName,
    /// The service in whose surroundings it runs.
    pub service: ServiceName,
    /// The program and its arguments; holds no private value.
    pub command: Vec<InstanceText>,
    /// When it is run.
    pub before: Before,
    /// How long it may take.
    pub timeout: Duration,
}
