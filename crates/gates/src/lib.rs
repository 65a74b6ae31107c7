//! Gates: reports of many tools are read, and it is decided whether something may go on. No I/O.
//!
//! What cannot be read is unreadable, never empty. What nobody saw is no data, never a pass. What is compared is exact.

pub mod coverage;
pub mod decide;
pub mod diff;
pub mod findings;
pub mod load;
pub mod read;
pub mod render;
pub mod score;
pub mod suites;
pub mod waiver;
