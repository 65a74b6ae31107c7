//! refinery: the runner of its library, which is what its program calls. Over PostgreSQL alone: its drivers for the others are
//! libraries of their own.

use std::path::Path;

use bascule_sql::Dialect;
use refinery_core::tokio_postgres::{NoTls, connect};
use refinery_core::{Runner, load_sql_migrations};

use crate::course;
use crate::tool::{Change, Tool, WayBack};

/// Its library.
struct Refinery;

impl Tool for Refinery {
    fn files(&self, change: &Change) -> Vec<(String, String)> {
        // It knows no file without a transaction.
        let up = change.up.replace("CONCURRENTLY ", "");
        vec![(format!("V{}__{}.sql", change.number, change.title.replace(' ', "_")), up)]
    }

    fn way_back(&self) -> WayBack {
        WayBack::None
    }

    fn version(&self, change: &Change) -> String {
        change.number.to_string()
    }

    async fn up(&self, folder: &Path, address: &str) {
        let (mut client, connection) = connect(address, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let migrations = load_sql_migrations(folder).unwrap();
        Runner::new(&migrations).run_async(&mut client).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn on_postgres() {
    course::there_and_back(&Refinery, Dialect::Postgres).await;
}
