//! One runner at a time: a lock of the server that is polled and never waited for, and a row with an epoch that every transaction
//! checks. What a dead runner left running at the server is found and ended.
//!
//! Waiting for a lock at the server would hold a snapshot, which an index that is built concurrently waits for in turn.

mod file;
mod holder;
mod mysql;
mod pooler;
mod postgres;
mod watcher;

use std::fs::File;
use std::time::{Duration, Instant};

use bascule_sql::Dialect;

pub use holder::Holder;
pub(crate) use mysql::seconds as mysql_seconds;
pub(crate) use watcher::{Focus, Watcher};

use crate::connection::Connection;
use crate::error::Error;
use crate::journal::{self, Stamp, table};
use crate::settings::Settings;
use crate::watch::Event;

/// Between two looks at the lock.
const POLL: Duration = Duration::from_millis(150);

/// The database is ours until this is given back.
pub(crate) struct Held {
    pub epoch: u64,
    /// What the runner does is watched from a second connection; SQLite has no use for one.
    watcher: Option<Watcher>,
    /// The lock of a SQLite database.
    _file: Option<File>,
}

impl Held {
    /// Where the runner says what it is at.
    pub fn focus(&self) -> Focus {
        self.watcher.as_ref().map(Watcher::focus).unwrap_or_default()
    }

    /// Who writes the journal.
    pub fn stamp(&self, settings: &Settings) -> Stamp {
        Stamp {
            owner: settings.owner.clone(),
            run: settings.run.clone(),
            release: settings.release.clone(),
            epoch: self.epoch,
        }
    }

    /// Gives the database back.
    pub async fn release(self, connection: &mut Connection) {
        let dialect = connection.dialect();
        if let Some(watcher) = self.watcher {
            watcher.end().await;
        }
        // Where the connection is gone, so is the lock.
        let _ = connection
            .run(&format!(
                "UPDATE {} SET released_at = {} WHERE id = 1 AND epoch = {}",
                table(dialect, "lease"),
                now(dialect),
                self.epoch
            ))
            .await;
        let _ = match dialect {
            Dialect::Postgres => connection.run(postgres::UNLOCK).await,
            Dialect::Mysql => connection.run(mysql::UNLOCK).await,
            Dialect::Sqlite => Ok(0),
        };
    }
}

/// Takes the database, when whoever has it has given it back or is dead.
///
/// # Errors
/// [`Error::LeaseHeld`] when the patience is over; [`Error::Pooler`]; what the server says.
pub(crate) async fn acquire(connection: &mut Connection, settings: &Settings) -> Result<Held, Error> {
    if connection.dialect() == Dialect::Sqlite {
        let file = file::lock(connection, settings).await?;
        journal::ensure(connection).await?;
        let epoch = enter(connection, settings, u64::from(std::process::id()), None).await?;
        return Ok(Held { epoch, watcher: None, _file: file });
    }
    let mut second = Connection::open(&settings.address, &settings.application_name()).await?;
    if connection.dialect() == Dialect::Postgres {
        pooler::refuse(connection, &mut second, settings).await?;
    }
    prepare(connection, settings).await?;
    prepare(&mut second, settings).await?;
    poll(connection, settings).await?;
    match begin(connection, &mut second, settings).await {
        Ok((epoch, session)) => {
            let watcher = Watcher::start(second, epoch, session, settings);
            Ok(Held { epoch, watcher: Some(watcher), _file: None })
        }
        Err(error) => {
            let unlock =
                if connection.dialect() == Dialect::Postgres { postgres::UNLOCK } else { mysql::UNLOCK };
            let _ = connection.run(unlock).await;
            Err(error)
        }
    }
}

async fn begin(
    connection: &mut Connection,
    second: &mut Connection,
    settings: &Settings,
) -> Result<(u64, u64), Error> {
    journal::ensure(connection).await?;
    let session = session(connection).await?;
    let watcher = self::session(second).await?;
    Ok((enter(connection, settings, session, Some(watcher)).await?, session))
}

/// The number of our session at the server.
async fn session(connection: &mut Connection) -> Result<u64, Error> {
    let sql = match connection.dialect() {
        Dialect::Postgres => "SELECT pg_backend_pid()",
        Dialect::Mysql => "SELECT CONNECTION_ID()",
        Dialect::Sqlite => "SELECT 0",
    };
    let number = connection.value(sql).await.map_err(Error::query("asking for our session"))?;
    Ok(number.and_then(|number| number.parse().ok()).unwrap_or(0))
}

/// Makes a session fit for migrations.
pub(crate) async fn prepare(connection: &mut Connection, settings: &Settings) -> Result<(), Error> {
    let doing = "setting the session up";
    match connection.dialect() {
        Dialect::Postgres => postgres::prepare(connection).await.map_err(Error::query(doing)),
        Dialect::Mysql => {
            mysql::prepare(connection, settings.lock_timeout).await.map_err(Error::query(doing))
        }
        Dialect::Sqlite => Ok(()),
    }
}

/// Looks at the lock again and again.
async fn poll(connection: &mut Connection, settings: &Settings) -> Result<(), Error> {
    let begin = Instant::now();
    let doing = Error::query("taking the lock between runners");
    let mut told: Option<Instant> = None;
    loop {
        let taken = match connection.dialect() {
            Dialect::Postgres => postgres::try_lock(connection).await,
            _ => mysql::try_lock(connection).await,
        };
        if taken.map_err(doing)? {
            return Ok(());
        }
        let holder = match connection.dialect() {
            Dialect::Postgres => postgres::holder(connection).await,
            _ => mysql::holder(connection).await,
        };
        let Some(holder) = holder.map_err(doing)? else {
            // Given back meanwhile.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if holder.dead() {
            let end = match connection.dialect() {
                Dialect::Postgres => postgres::end(holder.session),
                _ => mysql::end(holder.session),
            };
            // It may have ended by itself; where it is not ours to end, it is waited for.
            if connection.run(&end).await.is_ok() {
                settings.watch.told(&Event::RunnerEnded { holder: holder.clone() });
            }
        }
        let Some(left) = settings.lease_wait.checked_sub(begin.elapsed()) else {
            return Err(Error::LeaseHeld { holder: Box::new(holder) });
        };
        if told.is_none_or(|told| told.elapsed() >= Duration::from_secs(1)) {
            told = Some(Instant::now());
            settings.watch.told(&Event::LeaseWait { holder, left });
        }
        let spread = Duration::from_millis((settings.chance)() % 150);
        tokio::time::sleep(POLL + spread).await;
    }
}

/// Writes who has the database from now on; gives the epoch.
async fn enter(
    connection: &mut Connection,
    settings: &Settings,
    session: u64,
    watcher: Option<u64>,
) -> Result<u64, Error> {
    let dialect = connection.dialect();
    let (lease, heartbeat) = (table(dialect, "lease"), table(dialect, "heartbeat"));
    let run = settings.run.as_deref().map_or_else(|| "NULL".to_owned(), |run| connection.literal(run));
    let sql = format!(
        "UPDATE {lease} SET epoch = epoch + 1, owner = {owner}, run = {run}, session = {session}, watcher = {watcher}, \
         taken_at = {now}, released_at = NULL WHERE id = 1;\n\
         UPDATE {heartbeat} SET epoch = (SELECT epoch FROM {lease} WHERE id = 1), heard_at = {now} WHERE id = 1;\n\
         SELECT epoch FROM {lease} WHERE id = 1",
        owner = connection.literal(&settings.owner),
        watcher = watcher.map_or_else(|| "NULL".to_owned(), |watcher| watcher.to_string()),
        now = now(dialect),
    );
    let doing = "writing who has the database";
    let epoch = connection.value(&sql).await.map_err(Error::query(doing))?;
    epoch
        .and_then(|epoch| epoch.parse().ok())
        .ok_or_else(|| Error::Journal("it has no row for the lease".to_owned()))
}

/// The time now.
fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "clock_timestamp()",
        Dialect::Mysql => "UTC_TIMESTAMP(6)",
        Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ','now')",
    }
}
