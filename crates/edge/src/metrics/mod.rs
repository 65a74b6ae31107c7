//! What the edge counts, per release and service.
//!
//! Workers write cells of their own without contention; a reader adds them up.

pub(crate) mod counters;
pub mod histogram;
pub mod report;
