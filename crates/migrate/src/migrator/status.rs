//! How files and journal stand to each other.

use bascule_migrations::{Migration, Turn, Version};
use serde::{Deserialize, Serialize};

use super::Migrator;
use super::differences::{self, absent, last_applied};
use crate::error::Error;
use crate::journal::{Contract, Journal, Record, State};

/// How a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is not applied.
    Pending,
    /// It is not applied, and comes before one that is.
    OutOfOrder,
    /// Some of its statements are applied.
    Applying,
    /// It is applied.
    Applied,
    /// Its expand is applied, and its contract waits.
    ContractWaits,
    /// Some of its contract is applied.
    Contracting,
    /// Some of its down is applied.
    Reverting,
    /// It was taken back.
    Reverted,
    /// It is applied, and its file was changed since.
    Edited,
    /// It is applied, and its file is gone.
    Missing,
    /// It is applied, and its file is gone on purpose.
    Removed,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
    /// Its file; none where there is none.
    pub path: Option<String>,
    /// How it stands.
    pub standing: Standing,
}

/// How files and journal stand to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// In the order of the set; what is only in the journal before those that were applied after it.
    pub lines: Vec<Line>,
}

impl Status {
    /// Whether nothing is pending, half done, or different.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.lines.iter().all(|line| {
            matches!(line.standing, Standing::Applied | Standing::ContractWaits | Standing::Removed)
        })
    }
}

impl Migrator {
    /// How the set stands to the journal, in one round trip.
    ///
    /// # Errors
    /// What the server says.
    pub async fn status(&mut self, set: &[Migration]) -> Result<Status, Error> {
        Ok(status(set, &self.journal().await?))
    }
}

fn status(set: &[Migration], journal: &Journal) -> Status {
    let known = journal.by_version();
    let last = last_applied(set, &known);
    let mut lines: Vec<(u64, Line)> = Vec::new();
    for (at, migration) in set.iter().enumerate() {
        let standing = match differences::standing(&known, migration) {
            differences::Standing::Edited(_) => Standing::Edited,
            differences::Standing::Known(record) => of(record),
            differences::Standing::Pending
                if migration.origin.turn == Turn::Ordered && last.is_some_and(|last| at < last) =>
            {
                Standing::OutOfOrder
            }
            differences::Standing::Pending
                if known.get(&migration.version).is_some_and(|one| one.state == State::Reverted) =>
            {
                Standing::Reverted
            }
            differences::Standing::Pending => Standing::Pending,
        };
        let position = known.get(&migration.version).filter(|record| record.stands());
        let after = lines.last().map_or(0, |(position, _)| *position);
        let line = Line {
            version: migration.version.clone(),
            name: migration.name.clone(),
            path: Some(migration.path.clone()),
            standing,
        };
        lines.push((position.map_or(after, |record| record.position.max(after)), line));
    }
    let in_set = |record: &&Record| set.iter().any(|one| one.version == record.version);
    let removed = journal.records.iter().filter(|record| record.stands() && record.removed);
    for record in absent(set, journal).chain(removed.filter(|record| !in_set(record))) {
        let standing = if record.removed { Standing::Removed } else { Standing::Missing };
        let line = Line { version: record.version.clone(), name: record.name.clone(), path: None, standing };
        let at = lines.iter().position(|(position, _)| *position > record.position).unwrap_or(lines.len());
        lines.insert(at, (record.position, line));
    }
    Status { lines: lines.into_iter().map(|(_, line)| line).collect() }
}

fn of(record: &Record) -> Standing {
    match (record.state, record.contract) {
        (State::Applying, _) => Standing::Applying,
        (State::Reverting, _) => Standing::Reverting,
        (State::Reverted, _) => Standing::Reverted,
        (State::Applied, Contract::Waiting) => Standing::ContractWaits,
        (State::Applied, Contract::Applying) => Standing::Contracting,
        (State::Applied, Contract::None | Contract::Done) => Standing::Applied,
    }
}
