//! What may go for good, and when. The decision is pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::tombstone::{self, State, Tombstone};
use super::usage::{Settled, Usage};
use super::{schema, usage};
use crate::Connection;
use crate::backfill::clock;
use crate::backfill::parts;

/// A backup that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its id.
    pub id: String,
    /// When it was begun, in milliseconds since 1970, by the database server's clock: what went softly before is in it.
    pub begun: i64,
}

/// Why something may not go for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not there softly.
    State(State),
    /// It is too early.
    Early {
        /// So many seconds are left.
        seconds: u64,
    },
    /// There is no verified backup.
    NoBackup,
    /// The last verified backup is older than the soft drop.
    OldBackup {
        /// Which.
        backup: String,
    },
    /// Somebody has used it since.
    Used(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(State::Hard) => f.write_str("it is gone already"),
            Self::State(State::Undone) => f.write_str("it came back"),
            Self::State(State::Undoing) => f.write_str("it is on its way back"),
            Self::State(_) => f.write_str("it has not gone softly yet"),
            Self::Early { seconds } => {
                let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3_600);
                match (days, hours) {
                    (0, 0) => write!(f, "it stays for another {} minutes", seconds.div_ceil(60)),
                    (0, hours) => write!(f, "it stays for another {hours} hours"),
                    (days, hours) => write!(f, "it stays for another {days} days and {hours} hours"),
                }
            }
            Self::NoBackup => {
                f.write_str("there is no verified backup; make one with `bascule backup create` and `verify`")
            }
            Self::OldBackup { backup } => {
                write!(
                    f,
                    "the last verified backup, {backup}, was begun before it went softly; make a new one"
                )
            }
            Self::Used(how) => {
                write!(f, "somebody still uses it: {how} since it went softly; undo it, or find who it is")
            }
        }
    }
}

/// Whether something may go for good now (milliseconds since 1970, by the server's clock).
///
/// # Errors
/// Why not.
pub fn allowed(
    tombstone: &Tombstone,
    now: i64,
    usage: &Usage,
    backup: Option<&Backup>,
) -> Result<(), Refusal> {
    let (State::Soft, Some(softly)) = (tombstone.state, tombstone.softly_at) else {
        return Err(Refusal::State(tombstone.state));
    };
    let left = tombstone.hard_after.unwrap_or(softly).saturating_sub(now);
    if left > 0 {
        return Err(Refusal::Early { seconds: u64::try_from(left).unwrap_or(0).div_ceil(1_000) });
    }
    if tombstone.hard.is_empty() {
        return Ok(());
    }
    match backup {
        None => return Err(Refusal::NoBackup),
        Some(backup) if backup.begun < softly => {
            return Err(Refusal::OldBackup { backup: backup.id.clone() });
        }
        Some(_) => {}
    }
    match usage.since(&tombstone.usage) {
        // The table of a column is used by everybody.
        Some(how) if tombstone.kind == super::Kind::Table => Err(Refusal::Used(how)),
        _ => Ok(()),
    }
}

/// The server's time now, in milliseconds since 1970.
pub(super) async fn now(connection: &mut Connection) -> Result<i64, Error> {
    let dialect = connection.dialect();
    let sql = format!("SELECT {}", clock::milliseconds(dialect, clock::now(dialect)));
    let now = connection.value(&sql).await.map_err(Error::query("asking the time"))?;
    now.and_then(|now| now.split('.').next().and_then(|now| now.parse().ok())).ok_or(Error::Damaged)
}

/// How long sessions may take to tell how they used a table, in milliseconds.
const SETTLES: i64 = 60_000;

/// What has been soft for long enough and takes something with it when it goes, in the order in which it went softly.
///
/// # Errors
/// What the server says.
pub async fn due(connection: &mut Connection) -> Result<Vec<Tombstone>, Error> {
    let now = now(connection).await?;
    let mut due = Vec::new();
    for mut tombstone in tombstone::list(connection).await? {
        let (State::Soft, Some(softly)) = (tombstone.state, tombstone.softly_at) else { continue };
        if tombstone.hard.is_empty() {
            continue;
        }
        if tombstone.usage.settled == Settled::No && now - softly > SETTLES {
            settle(connection, &mut tombstone).await?;
        }
        if tombstone.hard_after.is_some_and(|after| after <= now) {
            due.push(tombstone);
        }
    }
    Ok(due)
}

/// Counts again what is to be compared with later.
async fn settle(connection: &mut Connection, tombstone: &mut Tombstone) -> Result<(), Error> {
    let measured = measure(connection, tombstone).await;
    tombstone.usage = Usage { settled: Settled::Yes, ..measured };
    let text = serde_json::to_string(&tombstone.usage).map_err(|_| Error::Damaged)?;
    let sql = format!(
        "UPDATE {} SET used = {} WHERE id = {}",
        schema::table(connection.dialect()),
        connection.literal(&text),
        connection.literal(&tombstone.id)
    );
    connection.run(&sql).await.map(drop).map_err(Error::query("counting how a tombstone is used"))
}

/// How its table is used, under the name that it has now.
pub(super) async fn measure(connection: &mut Connection, tombstone: &Tombstone) -> Usage {
    if tombstone.kind != super::Kind::Table {
        return Usage::default();
    }
    let (schema, name) = parts(connection.dialect(), &tombstone.original);
    let name = tombstone.renamed.clone().unwrap_or(name);
    usage::measure(connection, schema.as_deref(), &name).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Kind;

    fn tombstone() -> Tombstone {
        Tombstone {
            id: "0a1b2c3d".to_owned(),
            version: bascule_migrations::Version("1".to_owned()),
            position: 0,
            kind: Kind::Table,
            original: "users".to_owned(),
            part: None,
            renamed: Some("_gone_users_0a1b2c3d".to_owned()),
            state: State::Soft,
            run: vec!["…".to_owned()],
            undo: vec!["…".to_owned()],
            hard: vec!["DROP …".to_owned()],
            rows: Some(3),
            usage: Usage { writes: Some(3), index_scans: Some(0), rows: None, settled: Settled::Yes },
            note: None,
            softly_at: Some(1_000),
            hard_after: Some(5_000),
            hard_at: None,
            backup: None,
        }
    }

    fn backup(begun: i64) -> Backup {
        Backup { id: "b7".to_owned(), begun }
    }

    #[test]
    fn it_may_go_when_it_is_time_with_a_younger_backup_and_unused() {
        let unused = Usage { writes: Some(3), index_scans: Some(0), rows: None, settled: Settled::No };
        let used = Usage { writes: Some(4), ..unused };
        let early = Refusal::Early { seconds: 2 };
        let old = Refusal::OldBackup { backup: "b7".to_owned() };
        for (now, usage, backup, expected) in [
            (5_000, unused, Some(backup(1_000)), Ok(())),
            (4_000 - 500, unused, Some(backup(1_000)), Err(early)),
            (5_000, unused, None, Err(Refusal::NoBackup)),
            (5_000, unused, Some(backup(999)), Err(old)),
            (5_000, used, Some(backup(2_000)), Err(Refusal::Used("1 rows of it were written".to_owned()))),
        ] {
            assert_eq!(allowed(&tombstone(), now, &usage, backup.as_ref()), expected, "at {now}");
        }
    }

    #[test]
    fn what_leaves_nothing_behind_needs_no_backup() {
        let index = Tombstone { kind: Kind::Index, hard: Vec::new(), ..tombstone() };
        assert_eq!(allowed(&index, 5_000, &Usage::default(), None), Ok(()));
    }

    #[test]
    fn what_is_not_there_softly_does_not_go() {
        for state in [State::Begun, State::Undone, State::Hard] {
            let other = Tombstone { state, ..tombstone() };
            assert_eq!(allowed(&other, 5_000, &Usage::default(), None), Err(Refusal::State(state)));
        }
    }
}
