//! What every command gets: the machine, the outputs, the options that all commands take.

use std::future::Future;
use std::path::PathBuf;

use bascule_model::problem::{Code, Problem};

use crate::arguments::Global;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::project::Project;
use crate::screen::Screen;

/// A command's surroundings.
#[derive(Debug)]
pub struct Context {
    /// The machine.
    pub machine: Machine,
    /// The outputs.
    pub screen: Screen,
    global: Global,
}

impl Context {
    /// Puts them together.
    pub fn new(machine: Machine, global: Global) -> Self {
        Self { machine, screen: Screen { format: global.output }, global }
    }

    /// The state folder, absolute. It need not exist.
    ///
    /// # Errors
    /// `STATE_UNUSABLE` when none can be named.
    pub fn state(&self) -> Result<PathBuf, Problem> {
        self.machine.state_folder(self.global.state.as_deref())
    }

    /// The folder that `--project` names, or the one that the program was called in.
    pub fn folder(&self) -> PathBuf {
        self.global.project.clone().unwrap_or_else(|| self.machine.current_folder())
    }

    /// The project: the folder that `--project` names, or the nearest one with a manifest.
    ///
    /// # Errors
    /// `MANIFEST_UNREADABLE` when there is none.
    pub fn project(&self) -> Result<Project, Problem> {
        Project::find(&self.machine.current_folder(), self.global.project.as_deref())
    }

    /// The project, where a command can do without one.
    ///
    /// # Errors
    /// When `--project` names a folder that is none.
    pub fn project_if_any(&self) -> Result<Option<Project>, Problem> {
        match self.project() {
            Ok(project) => Ok(Some(project)),
            Err(problem) if self.global.project.is_some() => Err(problem),
            Err(_) => Ok(None),
        }
    }

    /// Runs what waits for others.
    ///
    /// # Errors
    /// Those of the future, or `INTERNAL` when the system gives no runtime.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| no_runtime(&error))?.block_on(future)
    }

    /// As [`Self::block_on`], with a thread for each core.
    ///
    /// # Errors
    /// As [`Self::block_on`].
    pub fn block_on_threads<T>(
        &self,
        future: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.map_err(|error| no_runtime(&error))?.block_on(future)
    }
}

fn no_runtime(error: &std::io::Error) -> Problem {
    Problem::new(
        Code::Internal,
        format!("setting up the program: {error}"),
        "end other programs, or raise the limit of open files (`bascule doctor`)",
    )
}
