//! Releases, with their sealed values.

use bascule_model::ids::{EnvironmentKey, ReleaseId};
use sqlx::SqliteConnection;

use crate::columns::{json, signed, word};
use crate::failure::Failure;
use crate::records::ReleaseRecord;
use crate::stored::{self, ReleaseRow};

pub(super) async fn put(connection: &mut SqliteConnection, record: &ReleaseRecord) -> Result<(), Failure> {
    let release = &record.release;
    sqlx::query(
        "INSERT INTO releases (key, id, number, artifact, standard, release, source, sealed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key, id) DO UPDATE SET number = excluded.number, artifact = excluded.artifact,
             standard = excluded.standard, release = excluded.release, source = excluded.source,
             sealed = excluded.sealed",
    )
    .bind(release.key.to_string())
    .bind(release.id.as_str())
    .bind(signed(release.number)?)
    .bind(release.artifact.as_str())
    .bind(word(record.standard)?)
    .bind(json(release)?)
    .bind(record.source.as_ref().map(json).transpose()?)
    .bind(record.sealed.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn get(
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
    id: &ReleaseId,
) -> Result<Option<ReleaseRecord>, Failure> {
    let row: Option<ReleaseRow> =
        sqlx::query_as("SELECT id, standard, release, source, sealed FROM releases WHERE key = ? AND id = ?")
            .bind(key.to_string())
            .bind(id.as_str())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(stored::release).transpose()?)
}

pub(super) async fn newest(
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
    limit: u32,
) -> Result<Vec<ReleaseRecord>, Failure> {
    let rows: Vec<ReleaseRow> = sqlx::query_as(
        "SELECT id, standard, release, source, sealed FROM releases WHERE key = ?
         ORDER BY number DESC, id DESC LIMIT ?",
    )
    .bind(key.to_string())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(stored::release).collect::<Result<_, _>>()?)
}

pub(super) async fn artifacts(
    connection: &mut SqliteConnection,
) -> Result<Vec<(EnvironmentKey, ReleaseId, String)>, Failure> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT key, id, artifact FROM releases ORDER BY key, id")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(stored::artifact).collect::<Result<_, _>>()?)
}
