//! What scenarios are made of: a world of its own for each, the app in it, its door, its processes.

use std::path::{Path, PathBuf};

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

/// The app that scenarios deploy: the package's example, which is built with its tests.
pub fn shop_program() -> PathBuf {
    let program = Path::new(PROGRAM).with_file_name("examples").join("shop");
    assert!(program.exists(), "{} is not there: `cargo build --example shop` makes it", program.display());
    program
}
