//! What scenarios are made of: a world of its own for each, the app in it, its door, its processes.

pub mod agreement;
pub mod app;
pub mod command;
pub mod disk;
pub mod door;
pub mod files;
pub mod fixture;
#[cfg(feature = "failpoints")]
pub mod points;
pub mod processes;
pub mod wait;
pub mod world;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_bascule");
