//! Every store of the journal holds the same promises.

use bascule_journal::{MemoryJournal, SqliteJournal};
use tempfile::TempDir;

async fn memory() -> (MemoryJournal, ()) {
    (MemoryJournal::new(), ())
}

async fn sqlite() -> (SqliteJournal, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SqliteJournal::open(folder.path().join("journal.db")).await.unwrap(), folder)
}

contract!(in_memory, super::memory);
contract!(in_sqlite, super::sqlite);
