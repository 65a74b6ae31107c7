//! Looking for damage: the file's structure, and what is in it.

use bascule_model::ids::RunId;
use sqlx::SqliteConnection;

use super::{audit, environments, runs};
use crate::failure::{Failure, corrupt};

/// Every page is where it belongs, every row has its columns.
pub(super) async fn structure(connection: &mut SqliteConnection) -> Result<(), Failure> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await?;
    if found == "ok" { Ok(()) } else { Err(corrupt(found.trim().replace('\n', "; "))) }
}

/// The structure, and that all of the contents fit together.
pub(super) async fn everything(connection: &mut SqliteConnection) -> Result<(), Failure> {
    structure(connection).await?;
    let stray: Option<(String,)> = sqlx::query_as("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1")
        .fetch_optional(&mut *connection)
        .await?;
    if let Some((table,)) = stray {
        return Err(corrupt(format!("a row of {table} belongs to a run that is not there")));
    }
    environments::all(connection).await?;
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM runs ORDER BY id").fetch_all(&mut *connection).await?;
    for id in ids {
        runs::get_checked(connection, &RunId::from_text(id)).await?;
    }
    audit::check(connection).await
}
