//! The database that the people are in: PostgreSQL, MySQL or MariaDB, or a file of SQLite, by its address.

use std::str::FromStr as _;

use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

const CONNECTIONS: u32 = 4;

/// Where it is. Holds a secret.
#[derive(Clone, Debug)]
pub enum Database {
    /// `postgres://USER@HOST/DATABASE`
    Postgres(PgConnectOptions),
    /// `mysql://USER@HOST/DATABASE`, also for MariaDB.
    MySql(MySqlConnectOptions),
    /// `sqlite:PATH`, a file that is there.
    Sqlite(SqliteConnectOptions),
}

impl Database {
    /// Reads an address; none where it has another form.
    #[must_use]
    pub fn parse(address: &str) -> Option<Self> {
        let (scheme, _) = address.split_once(':')?;
        Some(match scheme {
            "postgres" | "postgresql" => Self::Postgres(address.parse().ok()?),
            "mysql" | "mariadb" => Self::MySql(address.parse().ok()?),
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(address).ok()?;
                // Readers do not wait for whoever writes.
                Self::Sqlite(options.journal_mode(SqliteJournalMode::Wal))
            }
            _ => return None,
        })
    }
}

/// Connections to it.
pub(crate) enum Pool {
    Postgres(PgPool),
    MySql(MySqlPool),
    Sqlite(SqlitePool),
}

impl Pool {
    /// Connects when it is asked something.
    pub(crate) fn new(database: &Database) -> Self {
        match database.clone() {
            Database::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
                Self::Postgres(pool.connect_lazy_with(options))
            }
            Database::MySql(options) => {
                let pool = MySqlPoolOptions::new().max_connections(CONNECTIONS);
                Self::MySql(pool.connect_lazy_with(options))
            }
            Database::Sqlite(options) => {
                let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS);
                Self::Sqlite(pool.connect_lazy_with(options))
            }
        }
    }

    /// How the n-th value of a query is written, from 1.
    pub(crate) fn mark(&self, number: usize) -> String {
        match self {
            Self::Postgres(_) => format!("${number}"),
            Self::MySql(_) | Self::Sqlite(_) => "?".to_owned(),
        }
    }
}
