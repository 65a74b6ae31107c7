//! What goes softly, comes back, and goes for good, on real servers.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod columns;
#[path = "../support/at_hand.rs"]
mod database;
mod hard;
mod needed;
mod others;
mod support;
mod tables;
