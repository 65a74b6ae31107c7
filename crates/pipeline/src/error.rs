//! How a run can be kept from going on, and what is said of it.

use std::path::{Path, PathBuf};

use bascule_instances::StateError;
use bascule_model::problem::{Code, Problem};

/// Why something of a run could not be done. What goes wrong within a job is an event, not this.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A file of the run or the cache.
    #[error("{doing} {path}: {source}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A record of the run.
    #[error(transparent)]
    State(#[from] StateError),
    /// The run's log has a line that no version of Bascule wrote.
    #[error("{path}, line {line}: {detail}")]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// Git refused.
    #[error("git {doing}: {said}")]
    Git {
        /// What it was to do.
        doing: &'static str,
        /// Its words.
        said: String,
    },
    /// The project's folder is in no repository.
    #[error("{} is in no git repository", .0.display())]
    NoRepository(PathBuf),
    /// There is no such commit.
    #[error("there is no commit {0}")]
    NoCommit(String),
    /// Another runner has the run.
    #[error("another runner has the run")]
    Taken,
    /// No such run.
    #[error("there is no pipeline run {0}")]
    Unknown(String),
}

/// For `map_err`: what was being done to which file.
pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> PipelineError {
    let path = path.to_owned();
    move |source| PipelineError::File { doing, path, source }
}

impl From<PipelineError> for Problem {
    fn from(error: PipelineError) -> Self {
        let message = error.to_string();
        match error {
            PipelineError::File { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                    Self::new(Code::DiskFull, message, "make room, then ship again")
                }
                _ => {
                    Self::new(Code::StateUnusable, message, "make it writable for this user, then ship again")
                }
            },
            PipelineError::State(error) => error.problem(),
            PipelineError::Damaged { .. } => Self::new(
                Code::PipelineDamaged,
                message,
                "nothing was done with it; ship again, and find out who writes to the state folder",
            ),
            PipelineError::Git { .. } => {
                Self::new(Code::CheckoutFailed, message, "do the same by hand to see more, then ship again")
            }
            PipelineError::NoRepository(_) => Self::new(
                Code::CheckoutFailed,
                format!("{message}: a pipeline takes a commit"),
                "make one with `git init`, and commit the project; `bascule deploy ENV` takes the folder as it is",
            ),
            PipelineError::NoCommit(_) => Self::new(
                Code::CommitUnknown,
                message,
                "`git log` lists them; commit first where there is none, or fetch it",
            ),
            PipelineError::Taken => {
                Self::new(Code::LeaseHeld, message, "follow it with `bascule pipeline show RUN --follow`")
            }
            PipelineError::Unknown(_) => {
                Self::new(Code::PipelineUnknown, message, "`bascule pipeline list` lists them")
            }
        }
    }
}
