//! Projects that come from another tool and go back to it: the tool's real program, or its own library, migrates a real database;
//! Bascule takes it over in one command and goes on; then the tool goes on.
//!
//! Holds: nothing is applied twice by anybody, and each tool takes what Bascule did for its own work. What is not installed is
//! named, and its tests do nothing.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where something is not as it has to be, and says what it could not do"
)]

mod course;
mod dbmate;
mod project;
mod refinery;
mod sqlx;
mod tool;
