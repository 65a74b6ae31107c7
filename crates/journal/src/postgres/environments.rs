//! The derived state of environments.

use bascule_model::ids::EnvironmentKey;
use sqlx::PgConnection;

use crate::columns::json;
use crate::failure::Failure;
use crate::records::EnvironmentRecord;
use crate::stored::{self, EnvironmentRow};

// The generation that counts is the lease's: a lease that is taken over does not rewrite the environment.
const SELECT: &str = "SELECT environments.key, record, coalesce(generation, 0)
     FROM bascule_journal.environments LEFT JOIN bascule_journal.leases ON leases.key = environments.key";

pub(super) async fn get(
    connection: &mut PgConnection,
    key: &EnvironmentKey,
) -> Result<Option<EnvironmentRecord>, Failure> {
    let row: Option<EnvironmentRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE environments.key = $1")))
            .bind(key.to_string())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(stored::environment).transpose()?)
}

pub(super) async fn all(connection: &mut PgConnection) -> Result<Vec<EnvironmentRecord>, Failure> {
    let rows: Vec<EnvironmentRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY environments.key")))
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(stored::environment).collect::<Result<_, _>>()?)
}

pub(super) async fn put(connection: &mut PgConnection, record: &EnvironmentRecord) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO bascule_journal.environments (key, record) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET record = excluded.record",
    )
    .bind(record.key.to_string())
    .bind(json(record)?)
    .execute(connection)
    .await?;
    Ok(())
}
