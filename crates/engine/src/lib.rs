//! Plans, executes, recovers and rolls back runs.
//!
//! Decisions are pure functions; effects go through the traits of [`ports`], what happened goes into the journal.

pub mod bake;
pub mod context;
pub mod derive;
pub mod draft;
pub mod engine;
pub mod exec;
pub mod executor;
pub mod planner;
pub mod ports;
pub mod progress;
pub mod steps;

mod check_place;
mod driving;
mod failure_log;
mod goal;
mod prune;
mod take_away;
