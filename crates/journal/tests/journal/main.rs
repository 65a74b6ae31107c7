//! The journal's tests: promises of every store, and what only a store on disk can meet (damage, full disks, several processes,
//! a server that is away).
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]
#![expect(clippy::print_stdout, reason = "processes of a test tell each other where they are")]

#[macro_use]
mod contract;
mod damage;
mod folders;
mod postgres;
mod processes;
mod stores;
mod support;
