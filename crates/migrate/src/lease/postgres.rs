//! The lock between runners with PostgreSQL: an advisory lock of the session.

use std::time::Duration;

use bascule_sql::Dialect;

use super::holder::{Holder, Presence};
use crate::connection::{Connection, Server};
use crate::error::DatabaseError;
use crate::journal::table;

/// Two numbers that are ours ("basc", 1); advisory locks are of one database.
const TRY_LOCK: &str = "SELECT pg_try_advisory_lock(1650553699, 1)";
pub const UNLOCK: &str = "SELECT pg_advisory_unlock(1650553699, 1)";

pub async fn try_lock(connection: &mut Connection) -> Result<bool, DatabaseError> {
    Ok(connection.value(TRY_LOCK).await?.as_deref() == Some("t"))
}

/// What a session of ours is set to, whatever role and database say.
pub async fn prepare(connection: &mut Connection) -> Result<(), DatabaseError> {
    let general = "SET statement_timeout = 0; SET lock_timeout = 0; \
                   SET idle_in_transaction_session_timeout = '10min'; SET client_min_messages = warning";
    connection.run(general).await?;
    if matches!(connection.server(), Server::Postgres(version) if version >= 140_000) {
        // A statement of a dead runner ends. Not every platform can.
        let _ = connection.run("SET client_connection_check_interval = '1s'").await;
    }
    Ok(())
}

/// Who has the lock.
pub async fn holder(connection: &mut Connection) -> Result<Option<Holder>, DatabaseError> {
    let sessions = "SELECT l.pid, a.application_name, a.usename, \
                    (extract(epoch FROM clock_timestamp() - a.backend_start) * 1000)::bigint, \
                    CASE WHEN a.state = 'active' THEN left(a.query, 200) END \
                    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
                    WHERE l.locktype = 'advisory' AND l.classid = 1650553699 AND l.objid = 1 AND l.objsubid = 2 AND l.granted \
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let Some(row) = connection.rows(sessions).await?.into_iter().next() else { return Ok(None) };
    let mut row = row.into_iter();
    let mut next = || row.next().flatten();
    let session = number(next()).unwrap_or(0);
    let (name, user) = (next(), next());
    let since = number(next()).map(Duration::from_millis);
    let statement = next();
    let owner = name.filter(|name| !name.is_empty()).or(user).unwrap_or_else(|| format!("session {session}"));
    let mut holder =
        Holder { session, owner, run: None, since, silent: None, watcher: Presence::Unknown, statement };
    // The journal may not be there yet.
    let lease = format!(
        "SELECT l.owner, l.run, (extract(epoch FROM clock_timestamp() - l.taken_at) * 1000)::bigint, \
         (extract(epoch FROM clock_timestamp() - h.heard_at) * 1000)::bigint, \
         EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.watcher) \
         FROM {lease} l LEFT JOIN {heartbeat} h ON h.epoch = l.epoch WHERE l.session = {session} AND l.released_at IS NULL",
        lease = table(Dialect::Postgres, "lease"),
        heartbeat = table(Dialect::Postgres, "heartbeat"),
    );
    if let Some(row) = connection.rows(&lease).await.ok().and_then(|rows| rows.into_iter().next()) {
        let mut row = row.into_iter();
        let mut next = || row.next().flatten();
        holder.owner = next().unwrap_or(holder.owner);
        holder.run = next();
        holder.since = number(next()).map(Duration::from_millis);
        holder.silent = number(next()).map(Duration::from_millis);
        holder.watcher = if next().as_deref() == Some("t") { Presence::There } else { Presence::Gone };
    }
    Ok(Some(holder))
}

/// Ends a session.
pub fn end(session: u64) -> String {
    format!("SELECT pg_terminate_backend({session})")
}

pub(super) fn number(text: Option<String>) -> Option<u64> {
    // Clocks of a server do not always grow.
    text.and_then(|text| text.parse::<i64>().ok()).map(|number| u64::try_from(number).unwrap_or(0))
}
