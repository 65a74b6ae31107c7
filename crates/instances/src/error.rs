//! What can go wrong with records and the files that they are in.

use std::io;
use std::path::{Path, PathBuf};

use bascule_engine::ports::PortError;
use bascule_model::problem::{Code, Problem};

/// Errors of the records of instances.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
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
    /// Another control plane supervises the instances of this state folder.
    #[error("another control plane uses the state folder {}", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// A record of the state cannot be understood.
    #[error("the record {} is damaged: {detail}", path.display())]
    Damaged {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A name that would not be a plain file name.
    #[error("{name:?} cannot be the name of a release")]
    BadName {
        /// The refused name.
        name: String,
    },
}

impl StateError {
    /// The same for a person: code, sentence, remedy.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, remedy) = match self {
            Self::File { doing, path, source } => return file_problem(doing, path, source),
            Self::Locked { .. } => (
                Code::StateUnusable,
                "use the control plane that runs (`bascule status`), or another state folder (`--state DIR`)"
                    .to_owned(),
            ),
            Self::Damaged { path, .. } => (
                Code::StateUnusable,
                format!("look at {}; `bascule doctor` says what else is damaged", path.display()),
            ),
            Self::BadName { .. } => {
                (Code::Usage, "take a release that `bascule history ENV` lists".to_owned())
            }
        };
        Problem::new(code, self.to_string(), remedy)
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        error.problem()
    }
}

impl From<StateError> for PortError {
    fn from(error: StateError) -> Self {
        Self::Problem(error.problem())
    }
}

/// Makes a [`StateError::File`] from an [`io::Error`].
pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::File { doing, path, source }
}

/// Tells a person about a file that could not be read or written; a full disk is told apart from every other reason.
#[must_use]
pub fn file_problem(doing: &str, path: &Path, source: &io::Error) -> Problem {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let free = free_bytes(path).map_or_else(String::new, |free| format!(" ({free} bytes are free)"));
            Problem::new(
                Code::DiskFull,
                format!("could not {doing} {}: there is no room on the disk{free}", path.display()),
                "make room, or use another state folder (`--state DIR`); then run the same command again",
            )
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Problem::new(
            Code::StateUnusable,
            format!("could not {doing} {}: {source}", path.display()),
            "make the folder writable for this user, or use another one (`--state DIR`)",
        ),
        _ => Problem::new(
            Code::StateUnusable,
            format!("could not {doing} {}: {source}", path.display()),
            "see that the folder is there and can be written, then run the same command again",
        ),
    }
}

/// Free bytes of the file system that holds the path, or would hold it.
fn free_bytes(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|ancestor| ancestor.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_other_failures() {
        let full = StateError::File {
            doing: "write",
            path: "/tmp/x".into(),
            source: io::Error::from(io::ErrorKind::StorageFull),
        };
        assert_eq!(full.problem().code, Code::DiskFull);
        assert!(full.problem().message.contains("/tmp/x"), "{}", full.problem().message);
        assert!(full.problem().message.contains("bytes are free"), "{}", full.problem().message);
        let denied = StateError::File {
            doing: "write",
            path: "/tmp/x".into(),
            source: io::Error::from(io::ErrorKind::ReadOnlyFilesystem),
        };
        assert_eq!(denied.problem().code, Code::StateUnusable);
    }
}
