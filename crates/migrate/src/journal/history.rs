//! Who did what, and when.

use std::collections::BTreeMap;

use bascule_migrations::Version;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::milliseconds;
use super::record::Origin;
use super::step::StepPhase;
use super::tables::{table, undefined};
use crate::connection::Connection;
use crate::contract::{Deed, Event, events};
use crate::error::Error;

/// One part of a migration that was applied, taken back, or taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The migration.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// What was done; none where it came into the journal without being applied.
    pub phase: Option<StepPhase>,
    /// How it came into the journal.
    pub origin: Origin,
    /// When that began, by the server's clock.
    pub started: Option<Timestamp>,
    /// When it ended; none while something of it is open.
    pub finished: Option<Timestamp>,
    /// How many statements it had.
    pub statements: u32,
    /// How many of them are not done.
    pub open: u32,
    /// How often statements were tried again for their locks.
    pub retries: u32,
    /// How long they waited for them, in milliseconds.
    pub lock_wait: u64,
    /// Who.
    pub owner: String,
    /// In which run.
    pub run: Option<String>,
    /// For which release.
    pub release: Option<String>,
    /// What was done with its contract, where the entry is about that.
    pub contract: Option<Deed>,
    /// With what, where it is one thing: `column users.name`.
    pub what: Option<String>,
}

/// Reads all of it, the oldest first.
pub async fn history(connection: &mut Connection) -> Result<Vec<Entry>, Error> {
    let dialect = connection.dialect();
    let (started, finished) =
        (milliseconds(dialect, "min(s.started_at)"), milliseconds(dialect, "max(s.finished_at)"));
    let applied = milliseconds(dialect, "applied_at");
    let sql = format!(
        "SELECT s.version, max(m.name), s.phase, max(m.origin), {started}, {finished}, count(*), \
         sum(CASE WHEN s.state = 'done' THEN 0 ELSE 1 END), sum(s.retries), sum(s.lock_wait), max(s.owner), max(s.run), \
         max(s.release_name) FROM {step} s JOIN {migration} m ON m.version = s.version \
         GROUP BY s.version, s.attempt, s.phase ORDER BY min(s.started_at), s.version;\n\
         SELECT version, name, NULL, origin, {applied}, {applied}, 0, 0, 0, 0, owner, run, release_name FROM {migration} \
         WHERE origin <> 'applied' ORDER BY position",
        step = table(dialect, "step"),
        migration = table(dialect, "migration"),
    );
    let rows = match connection.rows(&sql).await {
        Ok(rows) => rows,
        Err(error) if undefined(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::of("reading the journal", error)),
    };
    let mut entries: Vec<Entry> = rows.into_iter().map(entry).collect();
    let done = events(connection).await.map_err(|error| Error::Contract(Box::new(error)))?;
    let named: BTreeMap<_, _> = entries.iter().map(|one| (one.version.clone(), one.name.clone())).collect();
    entries.extend(done.into_iter().map(|event| {
        let name = named.get(&event.version).cloned().unwrap_or_default();
        of_contract(event, name)
    }));
    entries.sort_by_key(|entry| entry.started);
    Ok(entries)
}

/// Whether a deploy has ever changed this database.
pub async fn deployed_to(connection: &mut Connection) -> Result<bool, Error> {
    let dialect = connection.dialect();
    let by_runs = |name| format!("SELECT 1 FROM {} WHERE run IS NOT NULL", table(dialect, name));
    let sql = format!("{} UNION ALL {} LIMIT 1", by_runs("step"), by_runs("migration"));
    match connection.rows(&sql).await {
        Ok(rows) => Ok(!rows.is_empty()),
        Err(error) if undefined(&error) => Ok(false),
        Err(error) => Err(Error::of("reading the journal", error)),
    }
}

/// When each migration was applied, or came into the journal.
pub async fn applied_at(connection: &mut Connection) -> Result<BTreeMap<Version, Timestamp>, Error> {
    let dialect = connection.dialect();
    let sql = format!(
        "SELECT version, {} FROM {}",
        milliseconds(dialect, "applied_at"),
        table(dialect, "migration")
    );
    let rows = connection.rows(&sql).await.map_err(Error::query("reading the journal"))?;
    let one = |row: crate::connection::Row| {
        let [Some(version), Some(at)] = <[Option<String>; 2]>::try_from(row).ok()? else { return None };
        Some((Version(version), Timestamp::from_millisecond(at.parse().ok()?).ok()?))
    };
    Ok(rows.into_iter().filter_map(one).collect())
}

fn entry(row: crate::connection::Row) -> Entry {
    let mut row = row.into_iter();
    let mut next = || row.next().flatten();
    let number = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok());
    let small =
        |text: Option<String>| number(text).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let time =
        |text: Option<String>| number(text).and_then(|number| Timestamp::from_millisecond(number).ok());
    let (version, name) = (Version(next().unwrap_or_default()), next().unwrap_or_default());
    let phase = next().and_then(|phase| StepPhase::parse(&phase));
    let origin = next().and_then(|origin| Origin::parse(&origin)).unwrap_or(Origin::Applied);
    let (started, finished) = (time(next()), time(next()));
    let (statements, open, retries) = (small(next()), small(next()), small(next()));
    let lock_wait = number(next()).and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    Entry {
        version,
        name,
        phase,
        origin,
        started,
        finished: finished.filter(|_| open == 0),
        statements,
        open,
        retries,
        lock_wait,
        owner: next().unwrap_or_default(),
        run: next(),
        release: next(),
        contract: None,
        what: None,
    }
}

fn of_contract(event: Event, name: String) -> Entry {
    let at = event.at.and_then(|at| Timestamp::from_millisecond(at).ok());
    Entry {
        version: event.version,
        name,
        phase: Some(match event.deed {
            Deed::Soft | Deed::Hard => StepPhase::Contract,
            Deed::Undo => StepPhase::Restore,
        }),
        origin: Origin::Applied,
        started: at,
        finished: at,
        statements: 0,
        open: 0,
        retries: 0,
        lock_wait: 0,
        owner: event.owner,
        run: event.run,
        release: event.release,
        contract: Some(event.deed),
        what: event.what,
    }
}
