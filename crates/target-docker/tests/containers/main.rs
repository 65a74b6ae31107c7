//! The Docker target against a real engine: the one on `/var/run/docker.sock`, or whose socket `DOCKER_HOST` names.
//!
//! Every test has a state folder and an owner label of its own, and removes what carries it. Where no engine can be reached the
//! tests say so and do nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests say at once what is not as it should be, and why they do nothing"
)]

mod engine;
mod engine_restart;
mod exec;
mod health;
mod logs;
mod network;
mod restart;
mod safety;
mod start;
mod stop;
mod support;
mod survival;
