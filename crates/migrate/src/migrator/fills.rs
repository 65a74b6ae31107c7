//! Which backfills are still to be run.

use std::collections::BTreeMap;

use bascule_migrations::{Gate, Migration, Part, Phase};

use super::Migrator;
use crate::backfill::{self, Id, State};
use crate::error::Error;
use crate::journal::{Contract, Origin, Record, table, undefined};

impl Migrator {
    /// The backfills of applied migrations that wait behind that gate and are not done. One that ended with rows put aside is not.
    ///
    /// # Errors
    /// What the server says.
    pub async fn open_backfills(&mut self, set: &[Migration], gate: Gate) -> Result<Vec<Id>, Error> {
        let waits = |part: &Part| matches!(part, Part::Backfill(backfill) if backfill.gate == gate);
        if !set.iter().any(|migration| migration.parts.iter().any(waits)) {
            return Ok(Vec::new());
        }
        let journal = self.journal().await?;
        let plain = self.filled_plainly().await?;
        let known = backfill::list(&mut self.connection).await.map_err(reading)?;
        let over = |id: &Id| known.iter().any(|one| one.id == *id && is_over(one));
        let mut list = Vec::new();
        for migration in set {
            let Some(record) = journal.find(&migration.version).filter(|record| may_wait(record)) else {
                continue;
            };
            let backfills = migration.parts.iter().filter(|part| part.phase() == Phase::Backfill).count();
            let key = (migration.version.0.clone(), record.attempt);
            if plain.get(&key).is_some_and(|done| *done >= backfills) {
                continue;
            }
            let parts = migration.parts.iter().zip(0..).filter(|(part, _)| waits(part));
            let ids = parts.map(|(_, part)| Id { version: migration.version.clone(), part });
            list.extend(ids.filter(|id| !over(id)));
        }
        Ok(list)
    }

    /// How many backfills of each application of a migration were run as plain statements.
    async fn filled_plainly(&mut self) -> Result<BTreeMap<(String, u32), usize>, Error> {
        let sql = format!(
            "SELECT version, attempt, count(*) FROM {} WHERE phase = 'backfill' AND state = 'done' GROUP BY version, attempt",
            table(self.connection.dialect(), "step")
        );
        let rows = match self.connection.rows(&sql).await {
            Ok(rows) => rows,
            Err(error) if undefined(&error) => Vec::new(),
            Err(error) => return Err(Error::of("reading the journal", error)),
        };
        let read = |row: Vec<Option<String>>| {
            let mut values = row.into_iter().flatten();
            let (version, attempt, count) = (values.next()?, values.next()?, values.next()?);
            Some(((version, attempt.parse().ok()?), count.parse().ok()?))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

/// Whether its rows may have to be filled in: it was applied by us, and nothing of it was taken away.
fn may_wait(record: &Record) -> bool {
    record.stands() && record.origin == Origin::Applied && record.contract != Contract::Done
}

/// Whether nothing more is to be done.
fn is_over(record: &backfill::Record) -> bool {
    match record.state {
        State::Abandoned => true,
        State::Done => record.bad_rows.is_empty(),
        State::Pending | State::Running | State::Paused | State::Failed => false,
    }
}

fn reading(error: backfill::Error) -> Error {
    match error {
        backfill::Error::Query { doing, source } => Error::of(doing, source),
        other => Error::Journal(other.to_string()),
    }
}
