//! Backfills on real servers.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod control;
#[path = "../support/at_hand.rs"]
mod database;
mod keys;
mod killed;
mod refused;
mod room;
mod support;
mod whole;
