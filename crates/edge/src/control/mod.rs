//! The control socket: what goes over it, its two ends, and the state that it changes.

pub(crate) mod acceptor;
pub(crate) mod calls;
pub mod client;
pub(crate) mod drain;
pub(crate) mod frames;
pub(crate) mod listeners;
pub(crate) mod path;
pub(crate) mod process;
pub mod protocol;
pub(crate) mod server;
pub(crate) mod start;
pub(crate) mod world;
