//! What can go wrong in this room, by what was being done, and how each is told to a person.
//!
//! Every variant becomes one [`Problem`] with a stable code; a full disk is told apart from every other failed write.

use std::io;
use std::path::{Path, PathBuf};

use bascule_engine::ports::PortError;
use bascule_instances::{StateError, file_problem};
use bascule_model::ids::Slot;
use bascule_model::problem::{Code, Problem};

/// Errors of the process target, its artifact store and its vault.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// A file or folder of the state could not be read or written.
    #[error("could not {doing} {}", path.display())]
    File {
        /// As in "could not … PATH".
        doing: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The records of the instances.
    #[error(transparent)]
    State(#[from] StateError),
    /// Something that `files` names is not there or cannot be taken.
    #[error("{detail}")]
    Unusable {
        /// Which one and why.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// The store does not have the artifact.
    #[error("the artifact {digest} is not in the store")]
    NoArtifact {
        /// Its digest.
        digest: String,
    },
    /// The store's copy is not what its digest says.
    #[error("the artifact {digest} was changed on disk: {file} is not what it was")]
    Changed {
        /// Its digest.
        digest: String,
        /// The first file that differs.
        file: String,
    },
    /// The build command could not be run.
    #[error("could not run the build command in {}", project.display())]
    BuildNotRun {
        /// Where.
        project: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The build command failed.
    #[error("the build command ended with {status}; its last lines:\n{tail}")]
    BuildFailed {
        /// `exit status 1`, `signal 9`.
        status: String,
        /// The last lines of its output.
        tail: String,
        /// The whole output.
        log: PathBuf,
    },
    /// The release stands in the other slot.
    #[error("release {release} stands in {stands} already, it cannot be started in {wanted} too")]
    OtherSlot {
        /// The release.
        release: String,
        /// Where it stands.
        stands: Slot,
        /// Where it was to be started.
        wanted: Slot,
    },
    /// Processes that do not go away when they are killed.
    #[error("processes of {slot} are still there after SIGKILL: {pids}")]
    StillThere {
        /// Whose.
        slot: String,
        /// Their process ids.
        pids: String,
    },
    /// The vault's key is no key, or others can read it.
    #[error("the key file {} cannot be used: {detail}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: &'static str,
    },
    /// Sealed values that this key does not open.
    #[error("the sealed configuration of release {release} cannot be opened with this state folder's key")]
    Sealed {
        /// The release.
        release: String,
    },
    /// The machine gives no random numbers.
    #[error("could not get random numbers from the system")]
    Random,
    /// Nothing of that stands there.
    #[error("{what} does not stand in {key}")]
    NotThere {
        /// A release or service.
        what: String,
        /// The environment.
        key: String,
    },
    /// There is nowhere to put files that are never to be on a disk.
    #[error("there is no private place in memory for the secret files of {service}: {detail}")]
    NoSecretPlace {
        /// Whose they are.
        service: String,
        /// What was tried.
        detail: String,
    },
    /// A command could not be started.
    #[error("could not run the command: {0}")]
    NotRun(String),
    /// The vault refused.
    #[error("{}", .0.message)]
    Vault(Problem),
    /// A part of this room ended in a way it must not.
    #[error("{what} ended unexpectedly")]
    Lost {
        /// Which part.
        what: &'static str,
    },
}

/// Makes a [`ProcessError::File`] from an [`io::Error`].
pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ProcessError {
    let path = path.to_owned();
    move |source| ProcessError::File { doing, path, source }
}

impl ProcessError {
    /// The same for a person: code, sentence, remedy.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, remedy) = match self {
            Self::File { doing, path, source } => return file_problem(doing, path, source),
            Self::BuildNotRun { source, .. } => {
                let remedy = "see that `sh` is in PATH and the project folder can be entered";
                return Problem::new(Code::BuildFailed, format!("{self}: {source}"), remedy);
            }
            Self::State(error) => return error.problem(),
            Self::Unusable { remedy, .. } => (Code::ArtifactMissing, remedy.clone()),
            Self::NoArtifact { .. } => {
                (Code::ArtifactMissing, "deploy again: the artifact is made anew".to_owned())
            }
            Self::Changed { .. } => (
                Code::ArtifactChanged,
                "deploy again from the same source: what differs is replaced, then see who writes there"
                    .to_owned(),
            ),
            Self::BuildFailed { log, .. } => (
                Code::BuildFailed,
                format!("repair the build, then deploy again; all of it is in {}", log.display()),
            ),
            Self::OtherSlot { .. } => (Code::Internal, "stop it there first: `bascule down ENV`".to_owned()),
            Self::StillThere { pids, .. } => (
                Code::Internal,
                format!("look at what they wait for (`ps -o pid,stat,wchan,cmd -p {pids}`), then try again"),
            ),
            Self::Key { path, .. } => (
                Code::StateUnusable,
                format!("put the right key back and make it yours alone: chmod 600 {}", path.display()),
            ),
            Self::Sealed { .. } => (
                Code::ConfigurationUnreadable,
                "deploy again: the configuration is sealed anew with the key that is there".to_owned(),
            ),
            Self::NotThere { .. } => (Code::NothingLive, "look at `bascule status`".to_owned()),
            Self::NoSecretPlace { .. } => (
                Code::InstanceStartFailed,
                "mount a tmpfs on /dev/shm, or give the values in the environment (without `as = \"file\"` and `secret_files`)"
                    .to_owned(),
            ),
            Self::NotRun(_) => (
                Code::InstanceStartFailed,
                "see that the program is in the artifact or in PATH, then run it again".to_owned(),
            ),
            Self::Vault(problem) => return problem.clone(),
            Self::Random | Self::Lost { .. } => (Code::Internal, "try again".to_owned()),
        };
        Problem::new(code, self.to_string(), remedy)
    }
}

impl From<ProcessError> for Problem {
    fn from(error: ProcessError) -> Self {
        error.problem()
    }
}

impl From<ProcessError> for PortError {
    fn from(error: ProcessError) -> Self {
        Self::Problem(error.problem())
    }
}
