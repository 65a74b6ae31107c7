//! The lock between runners with SQLite: a lock on a file beside the database, which the kernel takes back from the dead.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use bascule_sql::Dialect;

use super::holder::{Holder, Presence};
use super::postgres::number;
use crate::connection::Connection;
use crate::error::Error;
use crate::journal::table;
use crate::settings::Settings;
use crate::watch::Event;

/// Takes the lock; none for a database that is only in memory.
pub async fn lock(connection: &mut Connection, settings: &Settings) -> Result<Option<File>, Error> {
    let path = settings.address.file().unwrap_or_default();
    if path.is_empty() || path == ":memory:" {
        return Ok(None);
    }
    // Not the database's own file: closing another handle of it would drop the locks that SQLite has on it.
    let path = format!("{path}-bascule-lock");
    let failed = |error: std::io::Error| Error::LockFile { path: path.clone(), why: error.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    let begin = Instant::now();
    let mut told: Option<Instant> = None;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let holder = holder(connection).await;
        let Some(left) = settings.lease_wait.checked_sub(begin.elapsed()) else {
            return Err(Error::LeaseHeld { holder: Box::new(holder) });
        };
        if told.is_none_or(|told| told.elapsed() >= Duration::from_secs(1)) {
            told = Some(Instant::now());
            settings.watch.told(&Event::LeaseWait { holder, left });
        }
        tokio::time::sleep(Duration::from_millis(50 + (settings.chance)() % 50)).await;
    }
}

async fn holder(connection: &mut Connection) -> Holder {
    let sql = format!(
        "SELECT session, owner, run, CAST((julianday('now') - julianday(taken_at)) * 86400000 AS INTEGER) \
         FROM {} WHERE released_at IS NULL AND epoch > 0",
        table(Dialect::Sqlite, "lease")
    );
    // It may not be there yet, or be locked.
    let row = connection.rows(&sql).await.ok().and_then(|rows| rows.into_iter().next()).unwrap_or_default();
    let mut row = row.into_iter();
    let mut next = || row.next().flatten();
    Holder {
        session: number(next()).unwrap_or(0),
        owner: next().unwrap_or_else(|| "another process".to_owned()),
        run: next(),
        since: number(next()).map(Duration::from_millis),
        silent: None,
        watcher: Presence::Unknown,
        statement: None,
    }
}
