//! A database of each kind that is installed here.

use bascule_database_servers::{MariaDb, Postgres, fresh_name};
use bascule_migrate::{Address, Connection};

/// A database of its own.
pub struct Database {
    pub address: Address,
    // A SQLite file goes with it.
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    pub fn postgres() -> Option<Self> {
        Some(Self::at(&Postgres::shared()?.fresh()))
    }

    pub fn maria() -> Option<Self> {
        Some(Self::at(&MariaDb::shared()?.fresh()))
    }

    pub fn sqlite() -> Self {
        // In memory where that can be had: how fast a disk syncs is not what is tested.
        let memory = std::path::Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
        let file = folder.path().join(format!("{}.db", fresh_name()));
        Self { _folder: Some(folder), ..Self::at(&format!("sqlite:{}", file.display())) }
    }

    /// One that is there.
    pub fn at(address: &str) -> Self {
        Self { address: Address::parse(address).unwrap(), _folder: None }
    }

    /// One of each kind that is installed.
    pub fn all() -> Vec<Self> {
        [Self::postgres(), Self::maria(), Some(Self::sqlite())].into_iter().flatten().collect()
    }

    pub async fn open(&self) -> Connection {
        Connection::open(&self.address, "bascule-test").await.unwrap()
    }
}

/// A number that a query gives.
pub async fn number(connection: &mut Connection, sql: &str) -> i64 {
    connection.value(sql).await.unwrap().unwrap_or_else(|| panic!("NULL: {sql}")).parse().unwrap()
}
