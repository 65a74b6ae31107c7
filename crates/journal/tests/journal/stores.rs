//! Every store of the journal holds the same promises.

use bascule_database_servers::Postgres;
use bascule_journal::{MemoryJournal, PostgresJournal, SqliteJournal};
use tempfile::TempDir;

async fn memory() -> Option<(MemoryJournal, ())> {
    Some((MemoryJournal::new(), ()))
}

async fn sqlite() -> Option<(SqliteJournal, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    Some((SqliteJournal::open(folder.path().join("journal.db")).await.unwrap(), folder))
}

async fn postgres() -> Option<(PostgresJournal, ())> {
    let server = Postgres::shared()?;
    Some((PostgresJournal::open(&server.fresh()).await.unwrap(), ()))
}

contract!(in_memory, super::memory);
contract!(in_sqlite, super::sqlite);
contract!(in_postgres, super::postgres);
