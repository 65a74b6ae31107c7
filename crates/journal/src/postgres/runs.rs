//! Runs and their events.

use bascule_model::ids::{EnvironmentKey, RunId};
use bascule_model::run::{Event, Outcome};
use sqlx::PgConnection;

use crate::columns::{json, nanos, signed, unsigned};
use crate::failure::Failure;
use crate::records::{Commit, Recorded, RunRecord};
use crate::rules;
use crate::stored::{self, EventRow, RunRow};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, key, actor, created_at, finished_at, outcome, plan, state FROM bascule_journal.runs ",
            $rest
        )
    };
}

/// The run as it is stored.
pub(super) async fn get(connection: &mut PgConnection, id: &RunId) -> Result<Option<RunRecord>, Failure> {
    let row: Option<RunRow> =
        sqlx::query_as(select!("WHERE id = $1")).bind(id.as_str()).fetch_optional(connection).await?;
    Ok(row.map(stored::run).transpose()?)
}

/// The run, checked against its events.
pub(super) async fn get_checked(
    connection: &mut PgConnection,
    id: &RunId,
) -> Result<Option<RunRecord>, Failure> {
    let Some(run) = get(connection, id).await? else { return Ok(None) };
    check(connection, &run).await?;
    Ok(Some(run))
}

pub(super) async fn check(connection: &mut PgConnection, run: &RunRecord) -> Result<(), Failure> {
    let events = events(connection, &run.id, 0).await?;
    rules::check_fold(run, events.iter().map(|recorded| &recorded.event))?;
    Ok(())
}

pub(super) async fn exists(connection: &mut PgConnection, id: &RunId) -> Result<bool, Failure> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1::bigint FROM bascule_journal.runs WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

pub(super) async fn insert(connection: &mut PgConnection, run: &RunRecord) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO bascule_journal.runs (id, key, actor, created_at, last_sequence, plan, state) VALUES ($1, $2, $3, $4, 0, $5, $6)",
    )
    .bind(run.id.as_str())
    .bind(run.plan.key.to_string())
    .bind(run.actor.as_str())
    .bind(nanos(run.created_at)?)
    .bind(json(&run.plan)?)
    .bind(json(&run.state)?)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn newest(
    connection: &mut PgConnection,
    key: &EnvironmentKey,
    limit: u32,
) -> Result<Vec<RunRecord>, Failure> {
    let rows: Vec<RunRow> =
        sqlx::query_as(select!("WHERE key = $1 ORDER BY created_at DESC, id DESC LIMIT $2"))
            .bind(key.to_string())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(stored::run).collect::<Result<_, _>>()?)
}

pub(super) async fn unfinished(connection: &mut PgConnection) -> Result<Vec<RunRecord>, Failure> {
    let rows: Vec<RunRow> = sqlx::query_as(select!("WHERE finished_at IS NULL ORDER BY created_at, id"))
        .fetch_all(&mut *connection)
        .await?;
    let runs: Vec<RunRecord> = rows.into_iter().map(stored::run).collect::<Result<_, _>>()?;
    for run in &runs {
        check(connection, run).await?;
    }
    Ok(runs)
}

pub(super) async fn active(
    connection: &mut PgConnection,
    key: &EnvironmentKey,
) -> Result<Option<RunRecord>, Failure> {
    let row: Option<RunRow> = sqlx::query_as(select!("WHERE key = $1 AND finished_at IS NULL"))
        .bind(key.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(run) = row.map(stored::run).transpose()? else { return Ok(None) };
    check(connection, &run).await?;
    Ok(Some(run))
}

pub(super) async fn has_event(
    connection: &mut PgConnection,
    run: &RunId,
    event: &Event,
) -> Result<bool, Failure> {
    let (kind, step, attempt) = event.identity();
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1::bigint FROM bascule_journal.events WHERE run = $1 AND step = $2 AND attempt = $3 AND kind = $4")
            .bind(run.as_str())
            .bind(step)
            .bind(i64::from(attempt))
            .bind(kind)
            .fetch_optional(connection)
            .await?;
    Ok(found.is_some())
}

/// Writes the event and the run's state after it.
pub(super) async fn append(connection: &mut PgConnection, commit: &Commit) -> Result<Recorded, Failure> {
    let finished_at = commit.state.outcome.map(|_| nanos(commit.at)).transpose()?;
    let sequence: i64 = sqlx::query_scalar(
        "UPDATE bascule_journal.runs SET last_sequence = last_sequence + 1, state = $1, finished_at = $2, outcome = $3 WHERE id = $4
         RETURNING last_sequence",
    )
    .bind(json(&commit.state)?)
    .bind(finished_at)
    .bind(commit.state.outcome.map(Outcome::as_str))
    .bind(commit.run.as_str())
    .fetch_one(&mut *connection)
    .await?;
    let (kind, step, attempt) = commit.event.identity();
    sqlx::query(
        "INSERT INTO bascule_journal.events (run, sequence, step, attempt, kind, at, generation, payload)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(commit.run.as_str())
    .bind(sequence)
    .bind(step)
    .bind(i64::from(attempt))
    .bind(kind)
    .bind(nanos(commit.at)?)
    .bind(signed(commit.generation.0)?)
    .bind(json(&commit.event)?)
    .execute(connection)
    .await?;
    Ok(Recorded {
        sequence: unsigned(sequence)?,
        at: commit.at,
        generation: commit.generation,
        event: commit.event.clone(),
    })
}

pub(super) async fn events(
    connection: &mut PgConnection,
    run: &RunId,
    after: u64,
) -> Result<Vec<Recorded>, Failure> {
    let after = signed(after)?;
    let rows: Vec<EventRow> = sqlx::query_as(
        "SELECT sequence, at, generation, payload FROM bascule_journal.events WHERE run = $1 AND sequence > $2 ORDER BY sequence",
    )
    .bind(run.as_str())
    .bind(after)
    .fetch_all(connection)
    .await?;
    Ok(stored::events(run, after, rows)?)
}
