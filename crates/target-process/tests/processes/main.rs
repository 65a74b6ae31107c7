//! The process target with real processes: shell scripts, signals, sockets, kills.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod support;

mod artifacts;
mod exec;
mod helper;
mod limits;
mod logs;
mod restart;
mod secret_files;
mod sockets;
mod start;
mod stop;
mod survival;
