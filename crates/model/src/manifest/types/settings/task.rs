//! `[[tasks]]` as it is written.

use std::ops::Range;

use schemars::JsonSchema;

use super::{CommandSettings, Located, Reading};
use crate::ids::{ServiceName, TaskName};
use crate::manifest::schema;
use crate::release::Before;
use crate::units::Duration;

/// A command that is run once in every deploy, with the new release's files or image and the configuration of one of its services: the
/// app's own migrations, say. When it fails, the deploy is taken back.
///
/// It has to bear being run again: a deploy that was cut off in the middle of it begins it anew.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Task", deny_unknown_fields, extend("required" = ["name", "command"]))]
pub struct TaskSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// What plans and reports call it; unique.
    #[schemars(with = "Option<schema::Name>")]
    pub name: Option<Located<TaskName>>,
    /// The service whose files or image, configuration, limits and user it gets. Without it the only one, or the only one with a port.
    #[schemars(with = "Option<schema::Name>")]
    pub service: Option<Located<ServiceName>>,
    /// The program and its arguments, or one text for the shell. Exit code 0 is good.
    pub command: Option<CommandSettings>,
    /// `start`: before any instance of the new release is started. `switch`: when they are ready, and before users come to them.
    #[schemars(with = "Option<schema::BeforeName>", extend("default" = "start"))]
    pub before: Option<Located<Before>>,
    /// How long it may take, at most 1d.
    #[schemars(extend("default" = "10m"))]
    pub timeout: Option<Located<Duration>>,
    /// Something in it could not be read.
    #[schemars(skip)]
    pub(crate) reading: Reading,
}
