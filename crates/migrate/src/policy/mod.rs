//! How statements are run: which share a transaction, how long each waits for its lock, and when it is tried again. Pure.

mod blocker;
mod group;
mod retry;
mod treatment;

pub use blocker::Blocker;
pub(crate) use group::{Group, Kind, groups};
pub(crate) use retry::{Next, Retry};
pub(crate) use treatment::{ForeignKeys, Manner, Patience, Settings, Treatment, treat};
