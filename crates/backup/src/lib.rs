//! Backups of users' databases: taken with the servers' own programs, sealed, kept in a folder or an S3-compatible place, and proven by
//! reading them back into a database that is only for this.
//!
//! **A backup is what has a manifest.** Its content is whole and durable before the manifest is written, so that whatever is cut off
//! half-way leaves nothing that looks like a backup. Nothing is kept that was not sealed.

mod backup;
mod content;
mod count;
mod create;
mod error;
mod freshness;
mod key;
mod manifest;
mod place;
mod restore;
mod retention;
mod scratch;
mod seal;
mod verify;

pub use backup::Backups;
pub use error::BackupError;
pub use freshness::{Freshness, freshness};
pub use key::Key;
pub use manifest::{Counted, Id, Manifest, Table, Verified};
pub use place::{Clock, Endpoint, Folder, Place, S3};
pub use restore::{Existing, Restored};
pub use retention::{Retention, superseded};
pub use seal::SealError;
