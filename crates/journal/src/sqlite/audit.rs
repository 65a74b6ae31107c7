//! The audit trail: rows that are only added, each bound to the one before by its hash.

use bascule_model::ids::{EnvironmentKey, RunId};
use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::columns::{nanos, signed};
use crate::failure::Failure;
use crate::records::AuditRow;
use crate::stored::{self, AuditTuple, Chain};

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
    let row = AuditRow {
        sequence: 0,
        at,
        actor: actor.to_owned(),
        action: action.to_owned(),
        key: key.clone(),
        run: run.cloned(),
        detail: detail.to_owned(),
        hash: String::new(),
    };
    let row = stored::next_audit(last, row)?;
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
    let rows: Vec<AuditTuple> = sqlx::query_as(
        "SELECT sequence, at, actor, action, key, run, detail, hash FROM audit WHERE sequence > ?
         ORDER BY sequence LIMIT ?",
    )
    .bind(signed(after)?)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(stored::audit).collect::<Result<_, _>>()?)
}

pub(super) async fn deeds(
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
    action: &str,
    since: Timestamp,
) -> Result<Vec<AuditRow>, Failure> {
    let rows: Vec<AuditTuple> = sqlx::query_as(
        "SELECT sequence, at, actor, action, key, run, detail, hash FROM audit
         WHERE run IS NULL AND key = ? AND action = ? AND at >= ? ORDER BY at, sequence",
    )
    .bind(key.to_string())
    .bind(action)
    .bind(nanos(since)?)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(stored::audit).collect::<Result<_, _>>()?)
}

/// Every row is where it belongs and says what it said when it was written.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), Failure> {
    let mut chain = Chain::new();
    loop {
        let rows = after(connection, chain.position(), 1000).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            chain.link(row)?;
        }
    }
}
