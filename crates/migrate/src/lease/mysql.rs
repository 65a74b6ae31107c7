//! The lock between runners with MySQL and MariaDB: a named lock of the session.

use std::time::Duration;

use bascule_sql::Dialect;

use super::holder::{Holder, Presence};
use super::postgres::number;
use crate::connection::Connection;
use crate::error::DatabaseError;
use crate::journal::table;

/// Named locks are of the whole server, and their names have at most 64 characters.
const NAME: &str = "CONCAT('bascule.', MD5(DATABASE()))";
pub const UNLOCK: &str = "SELECT RELEASE_LOCK(CONCAT('bascule.', MD5(DATABASE())))";

pub async fn try_lock(connection: &mut Connection) -> Result<bool, DatabaseError> {
    Ok(connection.value(&format!("SELECT GET_LOCK({NAME}, 0)")).await?.as_deref() == Some("1"))
}

/// What a session of ours is set to.
pub async fn prepare(connection: &mut Connection, lock_timeout: Duration) -> Result<(), DatabaseError> {
    // Whole seconds are the finest that the server knows.
    let seconds = seconds(lock_timeout);
    let sql = format!(
        "SET SESSION lock_wait_timeout = {seconds}, SESSION innodb_lock_wait_timeout = {seconds}, \
         SESSION wait_timeout = 28800"
    );
    connection.run(&sql).await.map(drop)
}

/// As the server counts.
pub(crate) fn seconds(lock_timeout: Duration) -> u64 {
    lock_timeout.as_millis().div_ceil(1000).try_into().unwrap_or(1_u64).max(1)
}

/// Who has the lock.
pub async fn holder(connection: &mut Connection) -> Result<Option<Holder>, DatabaseError> {
    let sessions = format!(
        "SELECT p.ID, p.USER, p.HOST, LEFT(p.INFO, 200) FROM information_schema.PROCESSLIST p \
         WHERE p.ID = IS_USED_LOCK({NAME})"
    );
    let Some(row) = connection.rows(&sessions).await?.into_iter().next() else {
        // Another user's session, which we are not shown.
        let session = number(connection.value(&format!("SELECT IS_USED_LOCK({NAME})")).await?);
        return Ok(session.map(|session| Holder {
            session,
            owner: format!("session {session}"),
            run: None,
            since: None,
            silent: None,
            watcher: Presence::Unknown,
            statement: None,
        }));
    };
    let mut row = row.into_iter();
    let mut next = || row.next().flatten();
    let session = number(next()).unwrap_or(0);
    let owner = format!("{}@{}", next().unwrap_or_default(), next().unwrap_or_default());
    let statement = next();
    let mut holder = Holder {
        session,
        owner,
        run: None,
        since: None,
        silent: None,
        watcher: Presence::Unknown,
        statement,
    };
    let lease = format!(
        "SELECT l.owner, l.run, TIMESTAMPDIFF(MICROSECOND, l.taken_at, UTC_TIMESTAMP(6)) DIV 1000, \
         TIMESTAMPDIFF(MICROSECOND, h.heard_at, UTC_TIMESTAMP(6)) DIV 1000, \
         (SELECT count(*) FROM information_schema.PROCESSLIST p WHERE p.ID = l.watcher) \
         FROM {lease} l LEFT JOIN {heartbeat} h ON h.epoch = l.epoch WHERE l.session = {session} AND l.released_at IS NULL",
        lease = table(Dialect::Mysql, "lease"),
        heartbeat = table(Dialect::Mysql, "heartbeat"),
    );
    if let Some(row) = connection.rows(&lease).await.ok().and_then(|rows| rows.into_iter().next()) {
        let mut row = row.into_iter();
        let mut next = || row.next().flatten();
        holder.owner = next().unwrap_or(holder.owner);
        holder.run = next();
        holder.since = number(next()).map(Duration::from_millis);
        holder.silent = number(next()).map(Duration::from_millis);
        holder.watcher = if number(next()) == Some(0) { Presence::Gone } else { Presence::There };
    }
    Ok(Some(holder))
}

/// Ends a session.
pub fn end(session: u64) -> String {
    format!("KILL {session}")
}
