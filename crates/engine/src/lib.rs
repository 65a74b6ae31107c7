//! Plans, executes, recovers and rolls back runs.
//!
//! Decisions are pure functions; effects go through the traits of [`ports`], what happened goes into the journal.

pub mod ports;
