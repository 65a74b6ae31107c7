//! Images with a real engine and a real registry: builds, pushes, pulls, names, clean-up.
//!
//! Without an engine (or a registry) a test says so and ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![expect(clippy::print_stderr, reason = "says what could not be tested, and why")]

mod away;
mod builds;
mod failures;
mod ignored;
mod meanwhile;
mod names;
mod prune;
mod registries;
mod registry_server;
mod secrets;
mod support;
