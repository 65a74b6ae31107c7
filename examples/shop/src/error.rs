//! What can go wrong before the shop serves: options it does not understand, and a port it cannot have.

use std::io;
use std::net::SocketAddr;

/// Why the shop did not start.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// An argument that is none.
    #[error("reading the arguments: `{argument}` is not one of them; try `shop --port 3000`")]
    UnknownArgument {
        /// What was given.
        argument: String,
    },
    /// A variable or argument whose value has the wrong form.
    #[error("reading {name}: `{value}` is not {expected}")]
    BadValue {
        /// The variable or argument.
        name: &'static str,
        /// What was given.
        value: String,
        /// What was expected, with an example.
        expected: &'static str,
    },
    /// The port is taken, or not ours to take.
    #[error("listening on {address}: {source}; choose another port with --port or $PORT")]
    Listen {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime or the signal handlers could not be set up.
    #[error("setting up {what}: {source}")]
    SetUp {
        /// Which part.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ShopError {
    /// The exit code of a program that ends with this error: 2 for wrong options, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::UnknownArgument { .. } | Self::BadValue { .. } => 2,
            Self::Listen { .. } | Self::SetUp { .. } => 1,
        }
    }
}
