//! Why a load could not be started.

use std::io;

/// The load did not start; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system gave no thread or no runtime.
    #[error("starting the load client: {0}; close other programs or raise the limits, then try again")]
    Thread(#[from] io::Error),
    /// The profile's host cannot stand in a `Host` header.
    #[error("starting the load client: `{host}` is not a host name; give one such as shop.example.com")]
    Host {
        /// What was given.
        host: String,
    },
    /// The profile's path cannot stand in a request.
    #[error("starting the load client: `{path}` is not a path; give one such as /api/users")]
    Path {
        /// What was given.
        path: String,
    },
}
