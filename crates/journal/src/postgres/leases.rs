//! Leases: one row for each environment, whose generation outlives every lease.

use bascule_model::ids::{EnvironmentKey, Generation};
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::columns::{nanos, signed};
use crate::error::JournalError;
use crate::failure::Failure;
use crate::records::{Lease, RunRecord};
use crate::stored::{self, LeaseRow};

/// The highest generation, and the lease that is held.
pub(super) async fn get(
    connection: &mut PgConnection,
    key: &EnvironmentKey,
) -> Result<(Generation, Option<Lease>), Failure> {
    let row: Option<LeaseRow> = sqlx::query_as(
        "SELECT generation, run, owner, since, until FROM bascule_journal.leases WHERE key = $1",
    )
    .bind(key.to_string())
    .fetch_optional(connection)
    .await?;
    Ok(stored::lease(key, row)?)
}

/// Writes a lease with this generation.
pub(super) async fn take(
    connection: &mut PgConnection,
    run: &RunRecord,
    generation: Generation,
    owner: &str,
    since: Timestamp,
    until: Timestamp,
) -> Result<Lease, Failure> {
    let key = run.plan.key.clone();
    sqlx::query(
        "INSERT INTO bascule_journal.leases (key, generation, run, owner, since, until) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (key) DO UPDATE SET generation = excluded.generation, run = excluded.run,
             owner = excluded.owner, since = excluded.since, until = excluded.until",
    )
    .bind(key.to_string())
    .bind(signed(generation.0)?)
    .bind(run.id.as_str())
    .bind(owner)
    .bind(nanos(since)?)
    .bind(nanos(until)?)
    .execute(connection)
    .await?;
    Ok(Lease { key, run: run.id.clone(), owner: owner.to_owned(), generation, since, until })
}

/// Sets the highest generation; nobody holds the lease then.
pub(super) async fn raise(
    connection: &mut PgConnection,
    key: &EnvironmentKey,
    generation: Generation,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO bascule_journal.leases (key, generation) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE SET generation = excluded.generation, run = NULL, owner = NULL,
             since = NULL, until = NULL",
    )
    .bind(key.to_string())
    .bind(signed(generation.0)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves the end of a lease that is still held; never to an earlier time.
pub(super) async fn renew(
    connection: &mut PgConnection,
    lease: &Lease,
    until: Timestamp,
) -> Result<(), Failure> {
    let done =
        sqlx::query("UPDATE bascule_journal.leases SET until = greatest(until, $1) WHERE key = $2 AND generation = $3 AND run = $4")
            .bind(nanos(until)?)
            .bind(lease.key.to_string())
            .bind(signed(lease.generation.0)?)
            .bind(lease.run.as_str())
            .execute(connection)
            .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(JournalError::Fenced(lease.key.clone()).into()) }
}

/// Gives the lease back; the generation stays.
pub(super) async fn release(connection: &mut PgConnection, key: &EnvironmentKey) -> Result<(), Failure> {
    sqlx::query("UPDATE bascule_journal.leases SET run = NULL, owner = NULL, since = NULL, until = NULL WHERE key = $1")
        .bind(key.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
