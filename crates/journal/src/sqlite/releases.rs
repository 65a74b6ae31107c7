//! Releases, with their sealed values.

use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::release::Release;
use sqlx::SqliteConnection;

use super::failure::{Failure, corrupt};
use super::rows::{json, key as parse_key, parse, parse_word, signed, word};
use crate::records::ReleaseRecord;

type Row = (String, String, String, Option<String>, Vec<u8>);

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

fn read((id, standard, release, source, sealed): Row) -> Result<ReleaseRecord, Failure> {
    let release: Release = parse(&format!("release {id}"), &release)?;
    if release.id.as_str() != id {
        return Err(corrupt(format!("release {id} says that it is {}", release.id)));
    }
    Ok(ReleaseRecord {
        standard: parse_word("what becomes of a release", &standard)?,
        source: source.map(|text| parse(&format!("the source of release {id}"), &text)).transpose()?,
        release,
        sealed,
    })
}

pub(super) async fn get(
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
    id: &ReleaseId,
) -> Result<Option<ReleaseRecord>, Failure> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, standard, release, source, sealed FROM releases WHERE key = ? AND id = ?")
            .bind(key.to_string())
            .bind(id.as_str())
            .fetch_optional(connection)
            .await?;
    row.map(read).transpose()
}

pub(super) async fn newest(
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
    limit: u32,
) -> Result<Vec<ReleaseRecord>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, standard, release, source, sealed FROM releases WHERE key = ?
         ORDER BY number DESC, id DESC LIMIT ?",
    )
    .bind(key.to_string())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(read).collect()
}

pub(super) async fn artifacts(
    connection: &mut SqliteConnection,
) -> Result<Vec<(EnvironmentKey, ReleaseId, String)>, Failure> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT key, id, artifact FROM releases ORDER BY key, id")
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(key, id, artifact)| Ok((parse_key(&key)?, ReleaseId::from_text(id), artifact)))
        .collect()
}
