//! A database of its own, of each kind.

use bascule_database_servers::{MariaDb, Postgres, fresh_name};
use bascule_migrate::{Address, Connection};
use bascule_sql::Dialect;

/// A database of its own.
pub struct Database {
    pub address: String,
    // A SQLite file goes with it.
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    pub fn postgres() -> Option<Self> {
        Some(Self::at(Postgres::shared()?.fresh()))
    }

    pub fn maria() -> Option<Self> {
        Some(Self::at(MariaDb::shared()?.fresh()))
    }

    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("{}.db", fresh_name()));
        Self { _folder: Some(folder), ..Self::at(format!("sqlite:{}", file.display())) }
    }

    pub fn at(address: String) -> Self {
        Self { address, _folder: None }
    }

    /// Another one of that kind; none where the server is not installed.
    pub fn of(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::Postgres => Self::postgres(),
            Dialect::Mysql => Self::maria(),
            Dialect::Sqlite => Some(Self::sqlite()),
        }
    }

    pub fn dialect(&self) -> Dialect {
        Address::parse(&self.address).unwrap().dialect()
    }

    pub async fn open(&self) -> Connection {
        Connection::open(&Address::parse(&self.address).unwrap(), "bascule-test").await.unwrap()
    }

    /// What a query gives, a line a row.
    pub async fn ask(&self, sql: &str) -> String {
        let mut connection = self.open().await;
        let rows = connection.rows(sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        connection.close().await;
        let line = |row: Vec<Option<String>>| {
            row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("|")
        };
        rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    pub async fn run(&self, sql: &str) {
        let mut connection = self.open().await;
        connection.run(sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        connection.close().await;
    }
}
