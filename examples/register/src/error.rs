//! Why the register does not serve.

use std::io;
use std::net::SocketAddr;

/// Why the register did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A variable that has to be set is not.
    #[error("{name} is not set; it has to be {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it has to be, with an example.
        expected: &'static str,
    },
    /// A variable whose value has the wrong form. The value is not repeated: it may be a secret.
    #[error("{name} is not {expected}")]
    BadValue {
        /// The variable.
        name: &'static str,
        /// What was expected, with an example.
        expected: &'static str,
    },
    /// The port is taken, or not ours to take.
    #[error("listening on {address}: {source}")]
    Listen {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime, a signal handler or the server.
    #[error("setting up {what}: {source}")]
    SetUp {
        /// Which part.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl RegisterError {
    /// The exit code of a program that ends with this error: 2 for wrong options, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. } | Self::BadValue { .. } => 2,
            Self::Listen { .. } | Self::SetUp { .. } => 1,
        }
    }
}
