//! Asks instances how they are, and runs the manifest's checks.
//!
//! [`probe`] is one question of a health check, [`check`] one `[[verify]]` entry with its retries. Both always answer: what could not
//! be asked is a failure with its reason. Nothing that was sent is repeated in a result, even when it is echoed back.

mod check;
mod command;
mod excerpt;
mod expectation;
mod mask;
mod probe;
mod request;

pub use check::{Place, check};
pub use probe::probe;
