//! A command that is run once beside a service's instances: a console, a task. The types of [`crate::ports::Target::exec`].
//!
//! It is a process of its own with the service's configuration, and no instance: no traffic, no health check, no restart, and
//! it ends with whoever asked for it.

mod ended;
mod without_secrets;

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use bascule_model::evidence::Exit;
use bascule_model::ids::{ServiceName, TaskName};
use futures_util::Stream;
use tokio::io::AsyncWrite;

pub(crate) use self::without_secrets::without_secrets;
use crate::ports::{PortError, SlotRef};

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecSpec {
    /// Whose release: what stands there is what the command is run of.
    pub slot: SlotRef,
    /// The service whose configuration, limits and user it gets.
    pub service: ServiceName,
    /// Program and arguments; not empty. Searched for and started as the service's own command is, without a shell.
    pub command: Vec<String>,
    /// The size of the terminal that it gets; none: three pipes.
    pub terminal: Option<TerminalSize>,
}

/// A task of a release that is not live yet, to be run once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSpec {
    /// What it is called.
    pub name: TaskName,
    /// The service whose configuration, limits and user it gets.
    pub service: ServiceName,
    /// Program and arguments; not empty. Started as [`ExecSpec::command`] is.
    pub command: Vec<String>,
}

impl TaskSpec {
    /// The command that it is, of what stands in the slot or is to stand there.
    #[must_use]
    pub fn of(&self, slot: SlotRef) -> ExecSpec {
        ExecSpec { slot, service: self.service.clone(), command: self.command.clone(), terminal: None }
    }
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Its height.
    pub rows: u16,
    /// Its width.
    pub columns: u16,
}

/// A piece of what the command wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutput {
    /// On its standard output; all that it writes, when it has a terminal.
    Stdout(Vec<u8>),
    /// On its standard error.
    Stderr(Vec<u8>),
}

/// A command that runs. Dropping the control kills the command and removes what was made for it.
pub struct ExecSession {
    /// Its standard input; shutting it down is the end of it.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// What it writes, in order; ends when everything was written. Not reading it holds the command up.
    pub output: Pin<Box<dyn Stream<Item = ExecOutput> + Send>>,
    /// The command itself.
    pub control: Box<dyn ExecControl>,
}

impl fmt::Debug for ExecSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExecSession")
    }
}

/// What can be done with a command that runs.
#[async_trait]
pub trait ExecControl: Send + Sync {
    /// Tells its terminal of another size; nothing happens when it has none.
    async fn resize(&self, size: TerminalSize) -> Result<(), PortError>;

    /// Sends a signal to the command and what it started, by number.
    async fn signal(&self, signal: i32) -> Result<(), PortError>;

    /// Waits for its end; answers the same when it is asked again. Read the output to its end as well: it may come later.
    async fn wait(&self) -> Result<Exit, PortError>;
}
