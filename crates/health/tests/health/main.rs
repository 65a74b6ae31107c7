//! Probes and checks against servers of the test's own, and against real programs.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod commands;
mod probes;
mod requests;
mod server;
