//! A contract of a migration, as a test writes it.

use std::time::Duration;

use bascule_migrate::Connection;
use bascule_migrate::contract::{self, Buried, Error, Policy, Tombstone};
use bascule_migrations::Version;
use bascule_sql::{Dialect, split};

pub use crate::database::{Database, number};

pub fn version() -> Version {
    Version("20260101000000".to_owned())
}

/// Nothing is waited for, and everything may go for good at once.
pub fn policy() -> Policy {
    Policy {
        soft_for: Duration::ZERO,
        lock_timeout: Duration::from_millis(200),
        attempts: 5,
        ..Policy::default()
    }
}

/// Runs a contract softly.
pub async fn soften(connection: &mut Connection, text: &str) -> Result<Vec<Tombstone>, Error> {
    let statements = split(text, connection.dialect()).unwrap();
    let gone = contract::drop_softly(connection, &version(), &statements, &policy()).await?;
    Ok(gone
        .into_iter()
        .filter_map(|gone| match gone {
            Buried::Softly(tombstone) | Buried::Before(tombstone) => Some(tombstone),
            Buried::AtOnce => None,
        })
        .collect())
}

/// A backup that is younger than everything.
pub fn backup() -> contract::Backup {
    contract::Backup { id: "b1".to_owned(), begun: i64::MAX }
}

/// Users with teams, and what a release uses of them.
pub async fn shop(database: &Database) -> Connection {
    let mut connection = database.open().await;
    let text = if connection.dialect() == Dialect::Sqlite { "TEXT" } else { "varchar(40)" };
    connection
        .run(&format!(
            "CREATE TABLE teams (id int PRIMARY KEY, title {text} NOT NULL);
             CREATE TABLE users (id int PRIMARY KEY, name {text} NOT NULL, email {text} NOT NULL DEFAULT 'none', nick {text}, \
                team int NOT NULL, CONSTRAINT users_team FOREIGN KEY (team) REFERENCES teams (id));
             INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
             INSERT INTO users VALUES (1, 'Ann', 'ann@x', 'a', 1), (2, 'Bob', 'bob@x', NULL, 2)"
        ))
        .await
        .unwrap();
    connection
}
