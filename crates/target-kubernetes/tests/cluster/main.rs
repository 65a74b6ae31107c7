//! The target against an API server in memory: every call can be refused, lost or late, and time passes as fast as it is waited for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod adoption;
mod changes;
mod commands;
mod companions;
mod driven;
mod extras;
mod faults;
mod figures;
mod foreseen;
mod leases;
mod looks;
mod mends;
mod mirrors;
mod networks;
mod others;
mod patches;
mod probe;
mod releases;
mod rolling;
mod routed;
mod scenarios;
mod support;
mod survey;
mod tasks;
