//! What Bascule talks about, as plain data: names, the manifest, releases, plans, runs, errors.
//!
//! No I/O at all: nothing here reads a file, a clock or an environment variable.

pub mod detect;
pub mod evidence;
pub mod ids;
pub mod manifest;
pub mod plan;
pub mod problem;
pub mod release;
pub mod run;
pub mod units;
