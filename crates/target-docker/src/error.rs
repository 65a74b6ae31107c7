//! What can go wrong in this room, by what was being done, and how each is told to a person.
//!
//! The engine's own words are kept: they are what a person searches for.

use bascule_engine::ports::PortError;
use bascule_instances::StateError;
use bascule_model::ids::Slot;
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
    /// The records of the instances.
    #[error(transparent)]
    State(#[from] StateError),
    /// A name that is needed belongs to somebody else.
    #[error("the {what} {name} is there already, and Bascule did not make it")]
    NameTaken {
        /// `container` or `network`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The image would run as root.
    #[error("{service} would run as root: neither its `user` nor the image {image} names another user")]
    Root {
        /// The service.
        service: String,
        /// What it was to run.
        image: String,
    },
    /// The user that is named is root in the image.
    #[error("{service} would run as root: its user {user} has the number 0 in the image {image}")]
    RootByName {
        /// The service.
        service: String,
        /// The name.
        user: String,
        /// What it was to run.
        image: String,
    },
    /// The image does not know the user that is named.
    #[error("{service} cannot run as {user}: the /etc/passwd of the image {image} has no such user")]
    NoUser {
        /// The service.
        service: String,
        /// The name.
        user: String,
        /// What it was to run.
        image: String,
    },
    /// The image is not on this machine.
    #[error("the image {image} is not on this machine")]
    NoImage {
        /// What was to be run.
        image: String,
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
    /// There is nowhere to put files that are never to be on a disk.
    #[error("there is no private place in memory for the secret files of {service}: {detail}")]
    NoSecretPlace {
        /// Whose they are.
        service: String,
        /// What was tried.
        detail: String,
    },
    /// The network has no address left.
    #[error("the network {network} ({subnet}) has no free address left")]
    NoAddress {
        /// Its name.
        network: String,
        /// Its addresses.
        subnet: String,
    },
    /// No subnet is left for a network.
    #[error("all subnets of the Docker Engine's address pools are in use")]
    NoSubnet,
    /// Nothing of that stands there.
    #[error("{what} does not stand in {key}")]
    NotThere {
        /// A release or service.
        what: String,
        /// The environment.
        key: String,
    },
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

/// What to do when the engine's disk is full.
pub(crate) const ROOM: &str = "make room where Docker keeps its data (`docker system df`), then try again";

/// Whether these words of the engine tell of a full disk.
pub(crate) fn is_full(words: &str) -> bool {
    words.contains("no space left on device") || words.contains("disk quota exceeded")
}

/// Makes a [`DockerError::Lost`] of a task that did not come to its end.
pub(crate) fn lost(what: &'static str) -> impl FnOnce(tokio::task::JoinError) -> DockerError {
    move |_| DockerError::Lost { what }
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
            Self::Refused { words, .. } if is_full(words) => (Code::DiskFull, ROOM),
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
            Self::State(error) => return error.problem(),
            Self::NameTaken { what, name } => {
                let command = if *what == "network" { "docker network rm" } else { "docker rm -f" };
                return Problem::new(
                    Code::NameTaken,
                    self.to_string(),
                    format!("see whose it is; if nobody needs it: `{command} {name}`, then deploy again"),
                );
            }
            Self::Root { .. } | Self::RootByName { .. } => (
                Code::RootRefused,
                "name a user (`USER` in the Dockerfile, or `user` of the service), or say `allow_root = true`",
            ),
            Self::NoUser { .. } => (
                Code::InstanceStartFailed,
                "name a user that the image has, or a number (`USER 1000` in the Dockerfile, or `user` of the service)",
            ),
            Self::NoImage { .. } => (
                Code::ImageUnavailable,
                "deploy again: it is built or fetched anew; see who removes images here",
            ),
            Self::OtherSlot { .. } => (Code::Internal, "stop it there first: `bascule down ENV`"),
            Self::NoSecretPlace { .. } => (
                Code::ContainerEngineUnfit,
                "mount a tmpfs on /run or /dev/shm, or give the values in the environment (without `secret_files`)",
            ),
            Self::NoAddress { .. } => (
                Code::ContainerEngineUnfit,
                "take containers that are not Bascule's out of the network, or run fewer instances",
            ),
            Self::NoSubnet => (
                Code::ContainerEngineUnfit,
                "remove networks that nobody needs (`docker network prune`), or add to `default-address-pools` in /etc/docker/daemon.json",
            ),
            Self::NotThere { .. } => (Code::NothingLive, "look at `bascule status`"),
            Self::Vault(problem) => return problem.clone(),
            Self::Lost { .. } => (Code::Internal, "try again"),
        };
        Problem::new(code, self.to_string(), remedy)
    }

    /// Whether it may go by itself: the engine was away, or is being restarted.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Answer { .. })
    }

    /// The HTTP status and the words of an engine that said no.
    #[must_use]
    pub(crate) fn refusal(&self) -> Option<(u16, &str)> {
        match self {
            Self::Refused { status, words, .. } => Some((*status, words)),
            _ => None,
        }
    }

    /// Whether the engine does not know what it was asked about.
    #[must_use]
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.refusal(), Some((404, _)))
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
