//! The control plane: everything wired together behind one unix socket.
//!
//! `bascule serve` runs [`serve`]; front ends use [`client::Client`] with the types of [`api`].

pub mod api;
pub mod client;
pub mod databases;
pub mod exec;
pub mod pipelines;

mod checker;
#[cfg(feature = "kubernetes")]
mod cluster_keeper;
mod control;
mod database_keeper;
mod edge_link;
#[cfg(feature = "failpoints")]
mod failpoints;
mod follow;
mod health_watch;
mod identity;
mod journal;
mod keeper;
mod log;
mod logs;
mod outcome;
mod policy;
mod recall;
mod render;
mod routes;
mod seen_traffic;
mod serve;
mod state_dir;
mod status;
mod system;
mod targets;
mod task_logs;
mod traffic;
mod traffics;

#[cfg(feature = "kubernetes")]
pub mod cluster;
#[cfg(feature = "docker")]
pub mod container_engine;

#[cfg(feature = "kubernetes")]
pub use render::role as cluster_role;
pub use serve::{ServeOptions, serve};
pub use system::SystemClock;
