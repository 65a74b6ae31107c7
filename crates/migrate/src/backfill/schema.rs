//! The table of backfills.

use bascule_sql::Dialect;

use crate::{Connection, DatabaseError};

/// Its name.
pub fn table(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "bascule.backfill",
        Dialect::Mysql | Dialect::Sqlite => "bascule_backfill",
    }
}

const POSTGRES: &str = "CREATE TABLE IF NOT EXISTS bascule.backfill (
  version text NOT NULL,
  part integer NOT NULL,
  table_name text NOT NULL,
  key_columns text NOT NULL,
  statement text NOT NULL,
  gate text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'running', 'paused', 'failed', 'done', 'abandoned')),
  reached text,
  bad_rows text NOT NULL DEFAULT '[]',
  done_rows bigint NOT NULL DEFAULT 0,
  estimate bigint,
  batch integer NOT NULL,
  rate double precision NOT NULL DEFAULT 0,
  last_error text,
  owner text,
  session text,
  epoch bigint NOT NULL DEFAULT 0,
  heard_at timestamptz,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (version, part)
)";

const MYSQL: &str = "CREATE TABLE IF NOT EXISTS bascule_backfill (
  version varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  part int NOT NULL,
  table_name text NOT NULL,
  key_columns text NOT NULL,
  statement longtext NOT NULL,
  gate varchar(16) NOT NULL,
  state varchar(16) NOT NULL,
  reached text,
  bad_rows mediumtext NOT NULL,
  done_rows bigint NOT NULL DEFAULT 0,
  estimate bigint,
  batch int NOT NULL,
  rate double NOT NULL DEFAULT 0,
  last_error text,
  owner varchar(255),
  session varchar(64),
  epoch bigint NOT NULL DEFAULT 0,
  heard_at datetime(6),
  made_at datetime(6) NOT NULL,
  updated_at datetime(6) NOT NULL,
  PRIMARY KEY (version, part)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4";

const SQLITE: &str = "CREATE TABLE IF NOT EXISTS bascule_backfill (
  version TEXT NOT NULL,
  part INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  key_columns TEXT NOT NULL,
  statement TEXT NOT NULL,
  gate TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'paused', 'failed', 'done', 'abandoned')),
  reached TEXT,
  bad_rows TEXT NOT NULL DEFAULT '[]',
  done_rows INTEGER NOT NULL DEFAULT 0,
  estimate INTEGER,
  batch INTEGER NOT NULL,
  rate REAL NOT NULL DEFAULT 0,
  last_error TEXT,
  owner TEXT,
  session TEXT,
  epoch INTEGER NOT NULL DEFAULT 0,
  heard_at TEXT,
  made_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (version, part)
)";

/// Makes the table where it is not there. Asks first: whoever may not create anything can use one that is there.
///
/// # Errors
/// What the server says.
pub async fn ensure(connection: &mut Connection) -> Result<(), DatabaseError> {
    let dialect = connection.dialect();
    if connection.rows(&format!("SELECT 1 FROM {} LIMIT 0", table(dialect))).await.is_ok() {
        return Ok(());
    }
    match dialect {
        Dialect::Postgres => {
            connection.run("CREATE SCHEMA IF NOT EXISTS bascule").await?;
            connection.run(POSTGRES).await?;
        }
        Dialect::Mysql => {
            connection.run(MYSQL).await?;
        }
        Dialect::Sqlite => {
            connection.run(SQLITE).await?;
        }
    }
    Ok(())
}
