//! `kill -9` at every point of every kind of run, before and after each step's effect and each undo's.
//!
//! After it the run ends live, rolled back or refused, and everything agrees about that (see [`crate::support::agreement`]). The
//! points come from the registry of steps: a new step is covered by itself.

mod every_point;
mod kinds;
pub mod victims;
pub mod witnesses;

mod deploys;
mod downs;
#[cfg(feature = "docker")]
mod engines;
mod failures;
mod rollbacks;
