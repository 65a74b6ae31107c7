//! What the journal says of the migrations of a database, read in one round trip.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use bascule_migrations::{Outline, Version};
use serde::{Deserialize, Serialize};

use super::tables::{table, undefined};
use crate::connection::{Connection, Row};
use crate::error::Error;

macro_rules! words {
    ($name:ident { $($variant:ident => $text:literal),* $(,)? }) => {
        impl $name {
            /// As it stands in the journal.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Reads it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(super) use words;

/// How far a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Some of its statements are applied, each for itself; the next run goes on.
    Applying,
    /// It is applied (its contract may wait).
    Applied,
    /// Some of its down is applied; the next run goes on.
    Reverting,
    /// It was applied and taken back.
    Reverted,
}

words!(State {
    Applying => "applying",
    Applied => "applied",
    Reverting => "reverting",
    Reverted => "reverted",
});

/// How far a migration's contract is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contract {
    /// It has none.
    None,
    /// It waits.
    Waiting,
    /// Some of its statements are applied.
    Applying,
    /// It is applied.
    Done,
}

words!(Contract { None => "none", Waiting => "waiting", Applying => "applying", Done => "done" });

/// How a migration came into the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It was applied.
    Applied,
    /// It was there when the journal began.
    Baseline,
    /// Another tool's table said so.
    Adopted,
}

words!(Origin { Applied => "applied", Baseline => "baseline", Adopted => "adopted" });

/// One migration in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its version.
    pub version: Version,
    /// Its place in the order of application.
    pub position: u64,
    /// Its name.
    pub name: String,
    /// The checksum of the file that was applied.
    pub checksum: String,
    /// Other checksums that somebody accepted for it.
    pub accepted: BTreeSet<String>,
    /// How far it is.
    pub state: State,
    /// How far its contract is.
    pub contract: Contract,
    /// How it came here.
    pub origin: Origin,
    /// Which application of it this is, from 1; it grows when a reverted one is applied anew.
    pub attempt: u32,
    /// Whether somebody said that its file is gone on purpose.
    pub removed: bool,
}

/// The checksum under which a removed file is accepted.
pub(crate) const REMOVED: &str = "removed";

/// What the journal says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// In the order of application.
    pub records: Vec<Record>,
}

impl Journal {
    /// One migration.
    #[must_use]
    pub fn find(&self, version: &Version) -> Option<&Record> {
        self.records.iter().find(|record| record.version == *version)
    }

    /// Whether all of it is applied, as it stands in the files, and no contract waits: then nothing is to be done, whatever is asked for.
    #[must_use]
    pub fn has_all(&self, files: &[Outline]) -> bool {
        let known = OnceCell::new();
        files.iter().enumerate().all(|(at, file)| {
            // Most often they stand in one order.
            let same = self.records.get(at).filter(|record| record.version == file.version);
            let found = || known.get_or_init(|| self.by_version()).get(&file.version).copied();
            same.or_else(found).is_some_and(|record| {
                record.state == State::Applied
                    && matches!(record.contract, Contract::None | Contract::Done)
                    && record.accepts(&file.checksum)
            })
        })
    }

    /// By version.
    #[must_use]
    pub fn by_version(&self) -> BTreeMap<&Version, &Record> {
        self.records.iter().map(|record| (&record.version, record)).collect()
    }

    /// The highest place so far.
    #[must_use]
    pub fn last_position(&self) -> u64 {
        self.records.iter().map(|record| record.position).max().unwrap_or(0)
    }
}

impl Record {
    /// Whether a file with that checksum is what was applied.
    #[must_use]
    pub fn accepts(&self, checksum: &str) -> bool {
        self.checksum == checksum || self.accepted.contains(checksum)
    }

    /// Whether it is in the schema: applied, or on the way there.
    #[must_use]
    pub fn stands(&self) -> bool {
        matches!(self.state, State::Applied | State::Applying | State::Reverting)
    }
}

/// Reads the journal; empty where there is none.
pub async fn read(connection: &mut Connection) -> Result<Journal, Error> {
    let dialect = connection.dialect();
    let sql = format!(
        "SELECT version, position, name, checksum, state, contract, origin, attempt FROM {} ORDER BY position;\n\
         SELECT version, checksum FROM {}",
        table(dialect, "migration"),
        table(dialect, "accepted"),
    );
    let rows = match connection.rows(&sql).await {
        Ok(rows) => rows,
        Err(error) if undefined(&error) => return Ok(Journal::default()),
        Err(error) => return Err(Error::of("reading the journal", error)),
    };
    let mut journal = Journal::default();
    let mut accepted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        if row.len() == 2 {
            let mut row = row.into_iter().map(Option::unwrap_or_default);
            let (version, checksum) = (row.next().unwrap_or_default(), row.next().unwrap_or_default());
            accepted.entry(version).or_default().insert(checksum);
        } else {
            journal.records.push(record(row)?);
        }
    }
    for record in &mut journal.records {
        record.accepted = accepted.remove(&record.version.0).unwrap_or_default();
        record.removed = record.accepted.remove(REMOVED);
    }
    Ok(journal)
}

fn record(row: Row) -> Result<Record, Error> {
    let damaged = |what: &str| Error::Journal(format!("its column {what} holds something unknown"));
    let mut row = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || row.next().unwrap_or_default();
    Ok(Record {
        version: Version(next()),
        position: next().parse().map_err(|_| damaged("position"))?,
        name: next(),
        checksum: next(),
        state: State::parse(&next()).ok_or_else(|| damaged("state"))?,
        contract: Contract::parse(&next()).ok_or_else(|| damaged("contract"))?,
        origin: Origin::parse(&next()).ok_or_else(|| damaged("origin"))?,
        attempt: next().parse().map_err(|_| damaged("attempt"))?,
        accepted: BTreeSet::new(),
        removed: false,
    })
}
