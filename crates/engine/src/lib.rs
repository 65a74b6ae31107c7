//! Plans, executes, recovers and rolls back runs.
//!
//! Decisions are pure functions; effects go through the traits of [`ports`], what happened goes into the journal.

pub mod admission;
pub mod bake;
pub mod checklist;
pub mod console;
pub mod context;
pub mod derive;
pub mod draft;
pub mod engine;
pub mod exec;
pub mod executor;
pub mod home;
pub mod mirror;
pub mod planner;
pub mod policy;
pub mod ports;
pub mod progress;
pub mod redaction;
pub mod steps;
mod store;
pub mod take_over;
pub mod turns;

mod check_place;
mod driving;
mod failure_log;
mod goal;
mod own_requests;
mod promotion;
mod prune;
mod schema;
mod take_away;
#[cfg(test)]
mod testing;
mod tidying;
mod unreleased;
