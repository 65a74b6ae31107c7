//! sqlx: the migrator of its library, which is what `sqlx migrate run` calls.

use std::path::Path;

use bascule_sql::Dialect;
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::{MySqlConnection, PgConnection, SqliteConnection};

use crate::course;
use crate::tool::{Change, Tool, WayBack};

/// Its library.
struct Sqlx(Dialect);

impl Tool for Sqlx {
    fn files(&self, change: &Change) -> Vec<(String, String)> {
        let mark = if change.alone { "-- no-transaction\n" } else { "" };
        let stem = format!("{}_{}", self.version(change), change.title);
        vec![
            (format!("{stem}.up.sql"), format!("{mark}{}", change.up)),
            (format!("{stem}.down.sql"), format!("{mark}{}", change.down)),
        ]
    }

    fn way_back(&self) -> WayBack {
        WayBack::Written
    }

    fn version(&self, change: &Change) -> String {
        format!("2026010100000{}", change.number)
    }

    async fn up(&self, folder: &Path, address: &str) {
        let migrator = Migrator::new(folder).await.unwrap();
        match self.0 {
            Dialect::Postgres => {
                let mut connection = PgConnection::connect(address).await.unwrap();
                migrator.run(&mut connection).await.unwrap();
            }
            Dialect::Mysql => {
                let mut connection = MySqlConnection::connect(address).await.unwrap();
                migrator.run(&mut connection).await.unwrap();
            }
            Dialect::Sqlite => {
                let address = format!("{address}?mode=rwc");
                let mut connection = SqliteConnection::connect(&address).await.unwrap();
                migrator.run(&mut connection).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn on_postgres() {
    course::there_and_back(&Sqlx(Dialect::Postgres), Dialect::Postgres).await;
}

#[tokio::test]
async fn on_mariadb() {
    course::there_and_back(&Sqlx(Dialect::Mysql), Dialect::Mysql).await;
}

#[tokio::test]
async fn on_sqlite() {
    course::there_and_back(&Sqlx(Dialect::Sqlite), Dialect::Sqlite).await;
}
