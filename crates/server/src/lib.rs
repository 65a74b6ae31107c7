//! The control plane: everything wired together behind one unix socket.
//!
//! `bascule serve` runs [`serve`]; front ends use [`client::Client`] with the types of [`api`].

pub mod api;
pub mod client;
pub mod exec;

mod checker;
mod control;
mod edge_link;
#[cfg(feature = "failpoints")]
mod failpoints;
mod follow;
mod health_watch;
mod keeper;
mod log;
mod logs;
mod outcome;
mod routes;
mod serve;
mod state_dir;
mod status;
mod system;
mod targets;
mod traffic;

#[cfg(feature = "docker")]
pub mod container_engine;

pub use serve::{ServeOptions, serve};
