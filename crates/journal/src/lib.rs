//! The journal: what runs did, what stands where, and who may change it.
//!
//! The trait [`Journal`] is what the engine writes to; [`sqlite`] keeps it in one file. SQL of the journal lives here and nowhere else.

pub mod error;
pub mod records;
pub mod sqlite;
pub mod store;

pub use error::JournalError;
pub use records::{
    Commit, EnvironmentRecord, Lease, LeaseEnd, Recorded, ReleaseRecord, RunRecord, Standard, Standby, Take,
};
pub use store::Journal;
