//! The tables of tombstones, and of what was done with contracts.

use bascule_sql::Dialect;

use crate::{Connection, DatabaseError};

/// Its name.
pub fn table(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "bascule.tombstone",
        Dialect::Mysql | Dialect::Sqlite => "bascule_tombstone",
    }
}

/// The name of the table of what was done.
pub fn events(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "bascule.contract_event",
        Dialect::Mysql | Dialect::Sqlite => "bascule_contract_event",
    }
}

fn creation(dialect: Dialect) -> [String; 2] {
    let (key, text, time, engine) = match dialect {
        Dialect::Postgres => ("text", "text", "timestamptz", ""),
        Dialect::Mysql => (
            "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "longtext",
            "datetime(6)",
            " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4",
        ),
        Dialect::Sqlite => ("text", "text", "text", ""),
    };
    let tombstones = format!(
        "CREATE TABLE IF NOT EXISTS {} (id {key} NOT NULL PRIMARY KEY, version {key} NOT NULL, position integer NOT NULL, \
         kind {key} NOT NULL, original {text} NOT NULL, part {text}, renamed {text}, state {key} NOT NULL, \
         statement {text} NOT NULL, run_sql {text} NOT NULL, undo_sql {text} NOT NULL, hard_sql {text} NOT NULL, row_count bigint, \
         used {text} NOT NULL, note {text}, begun_at {time} NOT NULL, softly_at {time}, hard_after {time}, \
         undone_at {time}, hard_at {time}, backup {text}){engine}",
        table(dialect)
    );
    let events = format!(
        "CREATE TABLE IF NOT EXISTS {} (version {key} NOT NULL, deed {key} NOT NULL, what {text}, owner {text} NOT NULL, \
         run {text}, release_name {text}, done_at {time} NOT NULL){engine}",
        events(dialect)
    );
    [tombstones, events]
}

/// Makes the tables where they are not there.
///
/// # Errors
/// What the server says.
pub async fn ensure(connection: &mut Connection) -> Result<(), DatabaseError> {
    let dialect = connection.dialect();
    let ask = |table: &str| format!("SELECT 1 FROM {table} LIMIT 0");
    // The one that is made last.
    if connection.rows(&ask(events(dialect))).await.is_ok() {
        return Ok(());
    }
    if dialect == Dialect::Postgres {
        connection.run("CREATE SCHEMA IF NOT EXISTS bascule").await?;
    }
    for sql in creation(dialect) {
        connection.run(&sql).await?;
    }
    Ok(())
}
