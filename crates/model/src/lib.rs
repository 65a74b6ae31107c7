//! What Bascule talks about, as plain data: names, the manifest, releases, plans, runs, errors.
//!
//! No I/O at all: nothing here reads a file, a clock or an environment variable.

pub mod detect;
pub mod dotenv;
pub mod evidence;
pub mod expression;
pub mod freeze;
pub mod gate;
pub mod ids;
pub mod manifest;
pub mod plan;
pub mod problem;
pub mod rehearsal;
pub mod release;
pub mod run;
pub mod sarif;
pub mod schema;
pub mod secret_shape;
pub mod units;
