//! The calls that are owed: announced by an event, until another event tells their outcome.

use bascule_model::ids::RunId;
use bascule_model::run::Event;
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::columns::{nanos, word};
use crate::failure::Failure;
use crate::records::Owed;
use crate::rules::Owing;
use crate::stored::{self, OwedRow};

/// Brings the outbox to what the event makes of it.
pub(super) async fn follow(
    connection: &mut PgConnection,
    run: &RunId,
    event: &Event,
    at: Timestamp,
) -> Result<(), Failure> {
    let now = nanos(at)?;
    match Owing::of(event) {
        Owing::Begins { step, attempt, action } => {
            // A step owes one call at a time: a repeat or an undo takes the place of what was announced before.
            end(connection, run, Some(step), now).await?;
            sqlx::query("INSERT INTO bascule_journal.outbox (run, step, attempt, action, since) VALUES ($1, $2, $3, $4, $5)")
                .bind(run.as_str())
                .bind(step)
                .bind(i64::from(attempt))
                .bind(word(action)?)
                .bind(now)
                .execute(connection)
                .await?;
            Ok(())
        }
        Owing::Ends { step } => end(connection, run, Some(step), now).await,
        Owing::EndsAll => end(connection, run, None, now).await,
        Owing::Nothing => Ok(()),
    }
}

async fn end(
    connection: &mut PgConnection,
    run: &RunId,
    step: Option<&str>,
    now: i64,
) -> Result<(), Failure> {
    sqlx::query(
        "UPDATE bascule_journal.outbox SET performed_at = $1
         WHERE run = $2 AND ($3::text IS NULL OR step = $3) AND performed_at IS NULL",
    )
    .bind(now)
    .bind(run.as_str())
    .bind(step)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn owed(connection: &mut PgConnection, run: &RunId) -> Result<Vec<Owed>, Failure> {
    let rows: Vec<OwedRow> = sqlx::query_as(
        "SELECT step, attempt, action, since FROM bascule_journal.outbox WHERE run = $1 AND performed_at IS NULL ORDER BY since, step",
    )
    .bind(run.as_str())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(stored::owed).collect::<Result<_, _>>()?)
}
