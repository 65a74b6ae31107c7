//! Runs instances as plain processes of this machine, and keeps the artifacts that they are made from.
//!
//! Three things implement the engine's ports: [`ProcessTarget`] starts, watches and stops instances, [`ArtifactStore`] keeps
//! what was built under its digest, [`FileVault`] seals configurations. Instances are processes in sessions of their own: they
//! outlive the control plane, and the next one finds them again by boot, pid and start time.
//!
//! It needs Linux 5.4 or later (process file descriptors that can be awaited).

mod artifact;
mod error;
mod hex;
mod hmac;
mod instance;
mod logs;
mod nearest;
mod shared;
mod slot;
mod state;
mod supervise;
mod sys;
mod target;
mod vault;

pub use artifact::ArtifactStore;
pub use error::ProcessError;
pub use shared::Change;
pub use target::{LOG_LIMIT, ProcessOptions, ProcessTarget};
pub use vault::FileVault;
