//! The program as a user calls it, as far as no control plane is needed: help, usage errors, manifests, JSON shapes; and
//! what happens when one cannot be had.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it has to be")]

mod completions;
mod help;
mod init;
mod secrets;
mod support;
mod unreachable;
mod usage;
mod validate;
