//! The audit trail: rows that are only added, each bound to the one before by its hash.

use bascule_model::ids::{EnvironmentKey, RunId};
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::failure::{Failure, corrupt};
use super::rows::{key as parse_key, nanos, signed, time, unsigned};
use crate::records::AuditRow;

type Row = (i64, i64, String, String, String, Option<String>, String, String);

pub(super) async fn note(
    connection: &mut SqliteConnection,
    at: Timestamp,
    actor: &str,
    action: &str,
    key: &EnvironmentKey,
    run: Option<&RunId>,
    detail: &str,
) -> Result<(), Failure> {
    let last: Option<(i64, String)> =
        sqlx::query_as("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    let (sequence, former) = last.unwrap_or_else(|| (0, AuditRow::NO_HASH.to_owned()));
    let mut row = AuditRow {
        sequence: unsigned(sequence)? + 1,
        at,
        actor: actor.to_owned(),
        action: action.to_owned(),
        key: key.clone(),
        run: run.cloned(),
        detail: detail.to_owned(),
        hash: String::new(),
    };
    row.hash = row.hash_after(&former);
    sqlx::query(
        "INSERT INTO audit (sequence, at, actor, action, key, run, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(signed(row.sequence)?)
    .bind(nanos(at)?)
    .bind(actor)
    .bind(action)
    .bind(key.to_string())
    .bind(run.map(RunId::as_str))
    .bind(detail)
    .bind(row.hash)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn after(
    connection: &mut SqliteConnection,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditRow>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT sequence, at, actor, action, key, run, detail, hash FROM audit WHERE sequence > ?
         ORDER BY sequence LIMIT ?",
    )
    .bind(signed(after)?)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(row).collect()
}

pub(super) async fn deeds(
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
    action: &str,
    since: Timestamp,
) -> Result<Vec<AuditRow>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT sequence, at, actor, action, key, run, detail, hash FROM audit
         WHERE run IS NULL AND key = ? AND action = ? AND at >= ? ORDER BY at, sequence",
    )
    .bind(key.to_string())
    .bind(action)
    .bind(nanos(since)?)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(row).collect()
}

fn row((sequence, at, actor, action, key, run, detail, hash): Row) -> Result<AuditRow, Failure> {
    Ok(AuditRow {
        sequence: unsigned(sequence)?,
        at: time(at)?,
        actor,
        action,
        key: parse_key(&key)?,
        run: run.map(RunId::from_text),
        detail,
        hash,
    })
}

/// Every row is where it belongs and says what it said when it was written.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), Failure> {
    let mut sequence = 0;
    let mut former = AuditRow::NO_HASH.to_owned();
    loop {
        let rows = after(connection, sequence, 1000).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            sequence += 1;
            if row.sequence != sequence {
                return Err(corrupt(format!("row {sequence} of the audit trail is missing")));
            }
            if row.hash != row.hash_after(&former) {
                return Err(corrupt(format!("row {sequence} of the audit trail was changed")));
            }
            former = row.hash;
        }
    }
}
