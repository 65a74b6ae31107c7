//! The journal: what runs did, what stands where, and who may change it.
//!
//! The trait [`Journal`] is what the engine writes to; [`sqlite`] keeps it in one file, [`postgres`] in a database that several
//! control planes can share, [`memory`] while the process lives. SQL of the journal lives here and nowhere else.

mod columns;
pub mod error;
mod failure;
pub mod memory;
pub mod postgres;
pub mod records;
mod rules;
pub mod sqlite;
pub mod store;
mod stored;

pub use error::JournalError;
pub use memory::MemoryJournal;
pub use postgres::PostgresJournal;
pub use records::{
    Action, Adopted, AuditRow, Commit, Deed, EnvironmentRecord, Lease, LeaseEnd, Owed, Recorded,
    ReleaseRecord, RunRecord, Standard, Standby, Take,
};
pub use sqlite::SqliteJournal;
pub use store::Journal;
