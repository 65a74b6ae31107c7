//! A table to fill in.

use bascule_migrate::Connection;
use bascule_migrate::backfill::{self, Id, Options, Outcome, Report};
use bascule_migrations::{Backfill, Gate, Version};
use bascule_sql::{Dialect, Statement};
use tokio_util::sync::CancellationToken;

pub use crate::database::{Database, number};

impl Database {
    /// The table `users` with so many rows, whose `full_name` is to be filled in; `touched` counts.
    pub async fn users(&self, rows: u32) -> Connection {
        let mut connection = self.open().await;
        let numbers = match connection.dialect() {
            Dialect::Postgres => format!("SELECT g FROM generate_series(1, {rows}) g"),
            Dialect::Mysql => format!("SELECT seq AS g FROM seq_1_to_{rows}"),
            Dialect::Sqlite => {
                connection.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").await.unwrap();
                format!(
                    "WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < {rows}) SELECT g FROM n"
                )
            }
        };
        connection
            .run(
                "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(80) NOT NULL, full_name varchar(80), \
                 touched int NOT NULL DEFAULT 0)",
            )
            .await
            .unwrap();
        let name = if connection.dialect() == Dialect::Mysql { "CONCAT('user ', g)" } else { "'user ' || g" };
        let sql = format!("INSERT INTO users (id, name) SELECT g, {name} FROM ({numbers}) numbers");
        connection.run(&sql).await.unwrap();
        connection
    }
}

/// The backfill of `users`.
pub fn names() -> Backfill {
    of("users", &["id"], "UPDATE users SET full_name = name, touched = touched + 1")
}

pub fn of(table: &str, key: &[&str], statement: &str) -> Backfill {
    Backfill {
        table: table.to_owned(),
        key: key.iter().map(|column| (*column).to_owned()).collect(),
        batch: 100,
        gate: Gate::Contract,
        statement: Statement { text: statement.to_owned(), line: 1 },
    }
}

pub fn id() -> Id {
    Id { version: Version("20260101000000".to_owned()), part: 1 }
}

/// Options under which nothing is waited for.
pub fn quick(connection: &Connection) -> Options {
    Options { rest: 0.0, least_rest: std::time::Duration::ZERO, ..Options::of(connection.dialect()) }
}

/// Enters it and runs it to where it ends.
pub async fn whole(connection: &mut Connection, backfill: &Backfill) -> Result<Outcome, backfill::Error> {
    backfill::define(connection, &id(), backfill).await?;
    go_on(connection, |_| {}).await
}

/// Runs what was entered to where it ends.
pub async fn go_on(
    connection: &mut Connection,
    tell: impl FnMut(Report) + Send,
) -> Result<Outcome, backfill::Error> {
    let options = quick(connection);
    backfill::run(connection, &id(), "test", &options, &CancellationToken::new(), tell).await
}

/// Nothing is bad.
pub fn done() -> Outcome {
    Outcome::Done { bad_rows: Vec::new() }
}
