//! Who has a backfill. Each has its own small lease: it is detached from deploys, and two runners never run the same one.
//!
//! A backfill is taken by making its epoch higher; every batch asks in its transaction whether the epoch is still the runner's. So
//! one who was thought dead and is not cannot write anything more.

use std::time::Duration;

use bascule_sql::Dialect;

use super::error::Error;
use super::record::{Id, Record, State};
use super::{clock, control, schema};
use crate::Connection;

/// What came of taking one.
pub(super) enum Taken {
    /// It is ours.
    Ours(Record),
    /// There is nothing to run any more.
    Ended(Record),
}

/// Takes it, when nobody has it or who had it is gone.
pub(super) async fn take(
    connection: &mut Connection,
    id: &Id,
    owner: &str,
    lease: Duration,
) -> Result<Taken, Error> {
    let dialect = connection.dialect();
    let sql = format!(
        "UPDATE {table} SET state = 'running', owner = {owner}, session = {session}, epoch = epoch + 1, heard_at = {now}, \
         updated_at = {now}, last_error = NULL \
         WHERE {which} AND state IN ('pending', 'running') \
         AND (owner IS NULL OR {silent} > {lease} OR NOT {alive})",
        table = schema::table(dialect),
        owner = connection.literal(owner),
        session = session(dialect),
        now = clock::now(dialect),
        which = control::which(connection, id),
        silent = clock::since(dialect, "heard_at"),
        lease = lease.as_secs_f64(),
        alive = alive(dialect),
    );
    let taken = connection.run(&sql).await.map_err(Error::query("taking the backfill"))?;
    let found = control::find(connection, id).await?.ok_or_else(|| Error::Unknown(id.clone()))?;
    if taken > 0 {
        return Ok(Taken::Ours(found));
    }
    match found.state {
        State::Pending | State::Running => Err(Error::Held {
            id: id.clone(),
            owner: found.owner.unwrap_or_default(),
            silent: found.silent.unwrap_or_default(),
        }),
        State::Paused | State::Failed | State::Done | State::Abandoned => Ok(Taken::Ended(found)),
    }
}

/// What names this session as long as it lasts.
fn session(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "(SELECT pid || ' ' || extract(epoch FROM backend_start) FROM pg_stat_activity WHERE pid = pg_backend_pid())"
        }
        Dialect::Mysql => "CONCAT(CONNECTION_ID(), ' ', CURRENT_USER())",
        Dialect::Sqlite => "NULL",
    }
}

/// Whether the session in the row is still there. What is not known counts as there: the lease decides then.
fn alive(dialect: Dialect) -> &'static str {
    match dialect {
        // When another role's session began is not shown to everybody.
        Dialect::Postgres => {
            "EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid::text = split_part(session, ' ', 1) \
             AND (a.backend_start IS NULL OR a.pid || ' ' || extract(epoch FROM a.backend_start) = session))"
        }
        // Everybody sees the sessions of his own user.
        Dialect::Mysql => {
            "(SUBSTRING_INDEX(session, ' ', -1) <> CURRENT_USER() \
              OR SUBSTRING_INDEX(session, ' ', 1) IN (SELECT id FROM information_schema.processlist))"
        }
        Dialect::Sqlite => "(1 = 1)",
    }
}

/// Enters how many rows there are.
pub(super) async fn estimated(
    connection: &mut Connection,
    record: &Record,
    rows: Option<u64>,
) -> Result<(), Error> {
    let Some(rows) = rows else { return Ok(()) };
    let set = format!("estimate = {rows}");
    update(connection, record, &set, "").await.map(drop)
}

/// Ends our turn with a state; false when it was not ours any more, or a person has changed the state.
pub(super) async fn end(
    connection: &mut Connection,
    record: &Record,
    state: State,
    error: Option<&str>,
) -> Result<bool, Error> {
    let error = error.map_or_else(|| "NULL".to_owned(), |error| connection.literal(error));
    let set = format!("state = '{state}', owner = NULL, session = NULL, last_error = {error}");
    update(connection, record, &set, " AND state = 'running'").await
}

/// Ends our turn and leaves the state as it is.
pub(super) async fn let_go(connection: &mut Connection, record: &Record) -> Result<bool, Error> {
    update(connection, record, "owner = NULL, session = NULL", "").await
}

async fn update(connection: &mut Connection, record: &Record, set: &str, and: &str) -> Result<bool, Error> {
    let dialect = connection.dialect();
    let sql = format!(
        "UPDATE {} SET {set}, updated_at = {} WHERE {} AND epoch = {}{and}",
        schema::table(dialect),
        clock::now(dialect),
        control::which(connection, &record.id),
        record.epoch
    );
    let changed = connection.run(&sql).await.map_err(Error::query("entering how the backfill ended"))?;
    Ok(changed > 0)
}
