//! Recipes on real servers, with the former and the new release writing side by side: whatever one of them writes, the other one sees.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod client;
mod course;
#[path = "../support/at_hand.rs"]
mod database;
mod recipes;
mod scenario;
