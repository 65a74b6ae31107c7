//! What can go wrong with images, and how each is told to a person.

use std::io;
use std::path::{Path, PathBuf};

use bascule_engine::ports::PortError;
use bascule_model::problem::{Code, Problem};

use crate::error::{DockerError, ROOM, is_full};

/// Errors of images.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file could not be read or written.
    #[error("could not {doing} {}", path.display())]
    File {
        /// As in "could not … PATH".
        doing: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The Dockerfile is not there.
    #[error("there is no Dockerfile {}: {is_there}", path.display())]
    NoDockerfile {
        /// Where it was looked for.
        path: PathBuf,
        /// What is there.
        is_there: &'static str,
    },
    /// The folder that the build is to see is not there.
    #[error("the build's context {} is no folder", path.display())]
    NoContext {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A line that leaves files out cannot be read.
    #[error("{} cannot be read: {detail}", path.display())]
    BadIgnore {
        /// The file.
        path: PathBuf,
        /// Which line, and why.
        detail: String,
    },
    /// A name that is no text cannot be sent.
    #[error("the name of {} is not UTF-8, so it cannot be sent to the engine", path.display())]
    NotText {
        /// Which one.
        path: PathBuf,
    },
    /// The source is no image.
    #[error("the release has no image")]
    NoImage,
    /// The Dockerfile does not build.
    #[error("the image could not be built: {what}{}", tail_in_words(tail))]
    BuildFailed {
        /// The failing step and the engine's words.
        what: String,
        /// The last lines of the step's output.
        tail: Vec<String>,
        /// What to do.
        remedy: String,
    },
    /// The files changed while they were built.
    #[error("the sources were changed while the image was built")]
    Moved,
    /// The build has secrets, and the engine cannot keep them out of the image.
    #[error("the build has secrets ({names}), and {why}")]
    NoBuildKit {
        /// Their names.
        names: String,
        /// What the engine lacks.
        why: String,
    },
    /// A name belongs to an image that we did not make.
    #[error("the name {name} belongs to an image that this control plane did not make")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no such image, here or in its registry.
    #[error("there is no image {name}: {words}")]
    NoSuchImage {
        /// Its name.
        name: String,
        /// What the registry said.
        words: String,
    },
    /// What came is not what the digest says.
    #[error("the image {name} is not what its digest says: {words}")]
    Changed {
        /// Its name.
        name: String,
        /// What is wrong.
        words: String,
    },
    /// The registry wants to know who asks, or says no.
    #[error("the registry {host} refused to {doing} {name}: {words}")]
    Denied {
        /// The registry.
        host: String,
        /// `push`, `pull`, `tell of`.
        doing: &'static str,
        /// The image.
        name: String,
        /// What it said.
        words: String,
    },
    /// The registry does not answer, or breaks off again and again.
    #[error("the registry {host} does not answer ({doing} {name}): {words}")]
    RegistryAway {
        /// The registry.
        host: String,
        /// `push`, `pull`, `tell of`.
        doing: &'static str,
        /// The image.
        name: String,
        /// What the engine said.
        words: String,
    },
    /// The program that has the credentials failed.
    #[error("the credential helper {helper} failed for {host}: {detail}")]
    Helper {
        /// Its name.
        helper: String,
        /// For which registry.
        host: String,
        /// How, without its output.
        detail: String,
    },
    /// Docker's configuration cannot be read.
    #[error("the Docker configuration {} cannot be understood: {detail}", path.display())]
    BadConfiguration {
        /// The file.
        path: PathBuf,
        /// Where it is wrong; nothing of its contents.
        detail: String,
    },
    /// The machine gives no random numbers.
    #[error("could not get random numbers from the system")]
    Random,
    /// A task of this process ended early.
    #[error("{doing} ended early")]
    Ended {
        /// What it did.
        doing: &'static str,
    },
    /// The engine.
    #[error(transparent)]
    Engine(#[from] DockerError),
}

/// Says which file an error is about.
pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImageError {
    let path = path.to_owned();
    move |source| ImageError::File { doing, path, source }
}

fn tail_in_words(tail: &[String]) -> String {
    if tail.is_empty() { String::new() } else { format!("; its last lines:\n{}", tail.join("\n")) }
}

impl ImageError {
    /// The same for a person: code, sentence, remedy.
    #[must_use]
    pub fn problem(&self) -> Problem {
        const AGAIN: &str = "run the same command again";
        let (code, remedy): (Code, String) = match self {
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                (Code::DiskFull, "make room on the disk, then try again".to_owned())
            }
            Self::File { source, .. } => {
                return Problem::new(
                    Code::ArtifactMissing,
                    format!("{self}: {source}"),
                    "see that the file is there and that this user may read it",
                );
            }
            Self::NoDockerfile { .. } => (
                Code::ArtifactMissing,
                "write it, or correct `dockerfile` of [build]; it is relative to the folder of bascule.toml".to_owned(),
            ),
            Self::NoContext { .. } => (
                Code::ArtifactMissing,
                "correct `context` of [build]; it is relative to the folder of bascule.toml".to_owned(),
            ),
            Self::BadIgnore { .. } => (Code::BuildFailed, "correct or remove that line".to_owned()),
            Self::NotText { .. } => {
                (Code::BuildFailed, "rename it, or leave it out with a line in .dockerignore".to_owned())
            }
            Self::BuildFailed { what, tail, .. } if is_full(what) || tail.iter().any(|line| is_full(line)) => {
                (Code::DiskFull, ROOM.to_owned())
            }
            Self::BuildFailed { remedy, .. } => (Code::BuildFailed, remedy.clone()),
            Self::Moved => (
                Code::PlanStale,
                "see that nothing writes to the build's folder meanwhile, then deploy again".to_owned(),
            ),
            Self::NoBuildKit { .. } => (
                Code::ContainerEngineUnfit,
                "switch BuildKit on (`\"features\": {\"buildkit\": true}` in /etc/docker/daemon.json), or build without `secrets`"
                    .to_owned(),
            ),
            Self::NameTaken { name } => (
                Code::NameTaken,
                format!("give the image another name (`docker tag {name} NAME && docker rmi {name}`), then try again"),
            ),
            Self::NoSuchImage { name, .. } => (
                Code::ImageUnavailable,
                format!("look whether `docker pull {name}` gives it, and correct `image` of [build]"),
            ),
            Self::Changed { .. } => (
                Code::ImageUnavailable,
                "deploy the version again from its sources; find out who writes to the registry or to Docker's data".to_owned(),
            ),
            Self::Denied { host, .. } => (
                Code::RegistryRefused,
                format!("log in with `docker login {host}`, or write `registry = {{ username = \"…\", password = \"${{…}}\" }}` to [build]"),
            ),
            Self::RegistryAway { words, .. } if is_full(words) => {
                (Code::DiskFull, "make room on the registry's disk, then try again".to_owned())
            }
            Self::RegistryAway { host, .. } => {
                (Code::RegistryRefused, format!("see that {host} can be reached from the Docker Engine, then run the same command again: what is there already is not sent again"))
            }
            Self::Helper { helper, host, .. } => (
                Code::RegistryRefused,
                format!("see that `echo {host} | {helper} get` works, or log in again with `docker login {host}`"),
            ),
            Self::BadConfiguration { .. } => {
                (Code::RegistryRefused, "correct the file, or log in again with `docker login`".to_owned())
            }
            Self::NoImage | Self::Random | Self::Ended { .. } => (Code::Internal, AGAIN.to_owned()),
            Self::Engine(error) => return error.problem(),
        };
        Problem::new(code, self.to_string(), remedy)
    }

    /// Whether it may go by itself: the engine was away, or is being restarted.
    #[must_use]
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_passing())
    }
}

impl From<ImageError> for Problem {
    fn from(error: ImageError) -> Self {
        error.problem()
    }
}

impl From<ImageError> for PortError {
    fn from(error: ImageError) -> Self {
        Self::Problem(error.problem())
    }
}
