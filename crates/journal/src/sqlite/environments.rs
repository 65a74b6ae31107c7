//! The derived state of environments.

use bascule_model::ids::{EnvironmentKey, Generation};
use sqlx::SqliteConnection;

use super::failure::{Failure, corrupt};
use super::rows::{json, parse, unsigned};
use crate::records::EnvironmentRecord;

// The generation that counts is the lease's: a lease that is taken over does not rewrite the environment.
const SELECT: &str = "SELECT environments.key, record, coalesce(generation, 0)
     FROM environments LEFT JOIN leases ON leases.key = environments.key";

pub(super) async fn get(
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
) -> Result<Option<EnvironmentRecord>, Failure> {
    let row: Option<(String, String, i64)> =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE environments.key = ?")))
            .bind(key.to_string())
            .fetch_optional(connection)
            .await?;
    row.map(read).transpose()
}

pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<EnvironmentRecord>, Failure> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY environments.key")))
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(read).collect()
}

fn read((key, record, generation): (String, String, i64)) -> Result<EnvironmentRecord, Failure> {
    let mut record: EnvironmentRecord = parse(&format!("the state of {key}"), &record)?;
    if record.key.to_string() != key {
        return Err(corrupt(format!("the state of {key} is that of {}", record.key)));
    }
    record.generation = Generation(unsigned(generation)?);
    Ok(record)
}

pub(super) async fn put(
    connection: &mut SqliteConnection,
    record: &EnvironmentRecord,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO environments (key, record) VALUES (?, ?)
         ON CONFLICT (key) DO UPDATE SET record = excluded.record",
    )
    .bind(record.key.to_string())
    .bind(json(record)?)
    .execute(connection)
    .await?;
    Ok(())
}
