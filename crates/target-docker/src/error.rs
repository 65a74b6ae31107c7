//! What can go wrong in this room, by what was being done, and how each is told to a person.
//!
//! The engine's own words are kept: they are what a person searches for.

use bascule_engine::ports::PortError;
use bascule_model::problem::{Code, Problem};

/// Errors of the Docker target and its images.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// Nobody answers on the engine's socket.
    #[error("could not {doing}: the Docker Engine does not answer on {socket}")]
    Away {
        /// As in "could not …".
        doing: String,
        /// Where it was asked.
        socket: String,
        /// Why.
        source: bollard::errors::Error,
    },
    /// The engine is older than what is needed.
    #[error(
        "the Docker Engine is too old: it speaks version {found} of the API, {needed} or later is needed"
    )]
    TooOld {
        /// The version of its API.
        found: String,
        /// The lowest that will do.
        needed: &'static str,
    },
    /// The engine said no.
    #[error("could not {doing}: {words}")]
    Refused {
        /// As in "could not …".
        doing: String,
        /// The HTTP status of its answer.
        status: u16,
        /// What it said.
        words: String,
    },
    /// The engine's answer could not be understood, or broke off.
    #[error("could not {doing}: the answer of the Docker Engine could not be read")]
    Answer {
        /// As in "could not …".
        doing: String,
        /// Why.
        source: bollard::errors::Error,
    },
}

impl DockerError {
    /// The same for a person: code, sentence, remedy.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, remedy) = match self {
            Self::Away { source, .. } => {
                return Problem::new(
                    Code::ContainerEngineUnavailable,
                    format!("{self}: {source}"),
                    "start it (`systemctl start docker`), and see that this user may use its socket; `bascule doctor` looks",
                );
            }
            Self::TooOld { .. } => (Code::ContainerEngineUnfit, "install Docker Engine 20.10 or later"),
            Self::Refused { words, .. } if words.contains("no space left on device") => {
                (Code::DiskFull, "make room where Docker keeps its data (`docker system df`), then try again")
            }
            Self::Refused { .. } => {
                (Code::ContainerEngineRefused, "mend what the engine names, then run the same command again")
            }
            Self::Answer { source, .. } => {
                return Problem::new(
                    Code::ContainerEngineUnavailable,
                    format!("{self}: {source}"),
                    "run the same command again; `bascule doctor` looks at the engine",
                );
            }
        };
        Problem::new(code, self.to_string(), remedy)
    }

    /// Whether it may go by itself: the engine was away, or is being restarted.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Answer { .. })
    }
}

impl From<DockerError> for Problem {
    fn from(error: DockerError) -> Self {
        error.problem()
    }
}

impl From<DockerError> for PortError {
    fn from(error: DockerError) -> Self {
        Self::Problem(error.problem())
    }
}
