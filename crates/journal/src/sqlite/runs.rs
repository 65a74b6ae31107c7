//! Runs and their events.

use bascule_model::ids::{EnvironmentKey, RunId};
use bascule_model::run::{Event, Outcome};
use sqlx::SqliteConnection;

use crate::columns::{json, nanos, signed, unsigned};
use crate::failure::Failure;
use crate::records::{Commit, Recorded, RunRecord};
use crate::rules;
use crate::stored::{self, EventRow, RunRow};

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, key, actor, created_at, finished_at, outcome, plan, state FROM runs ", $rest)
    };
}

/// The run as it is stored.
pub(super) async fn get(connection: &mut SqliteConnection, id: &RunId) -> Result<Option<RunRecord>, Failure> {
    let row: Option<RunRow> =
        sqlx::query_as(select!("WHERE id = ?")).bind(id.as_str()).fetch_optional(connection).await?;
    Ok(row.map(stored::run).transpose()?)
}

/// The run, checked against its events.
pub(super) async fn get_checked(
    connection: &mut SqliteConnection,
    id: &RunId,
) -> Result<Option<RunRecord>, Failure> {
    let Some(run) = get(connection, id).await? else { return Ok(None) };
    check(connection, &run).await?;
    Ok(Some(run))
}

pub(super) async fn check(connection: &mut SqliteConnection, run: &RunRecord) -> Result<(), Failure> {
    let events = events(connection, &run.id, 0).await?;
    rules::check_fold(run, events.iter().map(|recorded| &recorded.event))?;
    Ok(())
}

pub(super) async fn exists(connection: &mut SqliteConnection, id: &RunId) -> Result<bool, Failure> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM runs WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

pub(super) async fn insert(connection: &mut SqliteConnection, run: &RunRecord) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO runs (id, key, actor, created_at, last_sequence, plan, state) VALUES (?, ?, ?, ?, 0, ?, ?)",
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
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
    limit: u32,
) -> Result<Vec<RunRecord>, Failure> {
    let rows: Vec<RunRow> =
        sqlx::query_as(select!("WHERE key = ? ORDER BY created_at DESC, id DESC LIMIT ?"))
            .bind(key.to_string())
            .bind(limit)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(stored::run).collect::<Result<_, _>>()?)
}

pub(super) async fn unfinished(connection: &mut SqliteConnection) -> Result<Vec<RunRecord>, Failure> {
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
    connection: &mut SqliteConnection,
    key: &EnvironmentKey,
) -> Result<Option<RunRecord>, Failure> {
    let row: Option<RunRow> = sqlx::query_as(select!("WHERE key = ? AND finished_at IS NULL"))
        .bind(key.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    let Some(run) = row.map(stored::run).transpose()? else { return Ok(None) };
    check(connection, &run).await?;
    Ok(Some(run))
}

pub(super) async fn has_event(
    connection: &mut SqliteConnection,
    run: &RunId,
    event: &Event,
) -> Result<bool, Failure> {
    let (kind, step, attempt) = event.identity();
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM events WHERE run = ? AND step = ? AND attempt = ? AND kind = ?")
            .bind(run.as_str())
            .bind(step)
            .bind(attempt)
            .bind(kind)
            .fetch_optional(connection)
            .await?;
    Ok(found.is_some())
}

/// Writes the event and the run's state after it.
pub(super) async fn append(connection: &mut SqliteConnection, commit: &Commit) -> Result<Recorded, Failure> {
    let finished_at = commit.state.outcome.map(|_| nanos(commit.at)).transpose()?;
    let sequence: i64 = sqlx::query_scalar(
        "UPDATE runs SET last_sequence = last_sequence + 1, state = ?, finished_at = ?, outcome = ? WHERE id = ?
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
        "INSERT INTO events (run, sequence, step, attempt, kind, at, generation, payload)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(commit.run.as_str())
    .bind(sequence)
    .bind(step)
    .bind(attempt)
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
    connection: &mut SqliteConnection,
    run: &RunId,
    after: u64,
) -> Result<Vec<Recorded>, Failure> {
    let after = signed(after)?;
    let rows: Vec<EventRow> = sqlx::query_as(
        "SELECT sequence, at, generation, payload FROM events WHERE run = ? AND sequence > ? ORDER BY sequence",
    )
    .bind(run.as_str())
    .bind(after)
    .fetch_all(connection)
    .await?;
    Ok(stored::events(run, after, rows)?)
}
