//! What can go wrong with a source. No variant holds a value.

use std::path::PathBuf;
use std::time::Duration;

use bascule_model::problem::{Code, Problem};

/// Why a source did not give a secret.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is nothing, or nothing that can be used.
    #[error("the secret {name} cannot be had: {why}")]
    Missing {
        /// The secret.
        name: String,
        /// Why.
        why: String,
    },
    /// A file that cannot be read.
    #[error("the secret {name} cannot be read from {path}: {source}", path = path.display())]
    File {
        /// The secret.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that others can read.
    #[error("the secret {name} is in {path}, which has the mode {mode:04o}: others than its owner can use it", path = path.display())]
    Mode {
        /// The secret.
        name: String,
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A command that did not end in time.
    #[error("the command for the secret {name} had not ended after {} s; it was killed, and whatever it had started", after.as_secs())]
    Slow {
        /// The secret.
        name: String,
        /// The time it had.
        after: Duration,
    },
    /// A command that failed.
    #[error("the command for the secret {name} {how}{said}")]
    Command {
        /// The secret.
        name: String,
        /// How it ended.
        how: String,
        /// The end of its standard error, without what it wrote on standard output; begins with a colon, or is empty.
        said: String,
    },
}

impl ProviderError {
    /// For a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let remedy = match self {
            Self::Missing { name, .. } => format!(
                "give it there (`bascule secret set ENV {name}` for the store), or name another source under [secrets]"
            ),
            Self::File { .. } => {
                "make it a file that this user alone can read, or name another source".to_owned()
            }
            Self::Mode { path, .. } => format!("chmod 600 {}", path.display()),
            Self::Slow { .. } => {
                "run it by hand to see what it waits for; it gets no standard input".to_owned()
            }
            Self::Command { .. } => {
                "run it by hand in the project's folder, and mend it or what it asks".to_owned()
            }
        };
        Problem::new(Code::SecretUnavailable, self.to_string(), remedy)
    }
}
