//! Taking back, from what the journal keeps: the files may be gone.

use std::time::{Duration, Instant};

use bascule_migrations::{Part, Phase, Version};
use bascule_sql::{Class, Dialect, Statement};
use serde::{Deserialize, Serialize};

use super::Migrator;
use super::partial::partial;
use super::session::Session;
use crate::connection::Connection;
use crate::error::Error;
use crate::journal::{Contract, Details, Journal, Origin, Record};

/// How far back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goal", rename_all = "lowercase")]
pub enum Goal {
    /// The last ones that were applied, so many.
    Last {
        /// How many.
        count: usize,
    },
    /// All that were applied after that one.
    To {
        /// Which stays.
        version: Version,
    },
    /// Everything.
    Nothing,
    /// These, wherever they stand.
    These {
        /// Which.
        versions: Vec<Version>,
    },
}

/// One migration that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// Which.
    pub version: Version,
    /// How long that took.
    pub took: Duration,
}

impl Migrator {
    /// Takes migrations back, the last one first. Refused as a whole when one of them has no way back.
    ///
    /// # Errors
    /// [`Error::Irreversible`] before anything is done; the first statement that fails, with what was taken back in the journal.
    pub async fn down(&mut self, goal: &Goal) -> Result<Vec<Reverted>, Error> {
        let journal = self.journal().await?;
        let chosen = chosen(&journal, goal)?;
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let mut session = self.session().await?;
        let outcome = session.down(goal).await;
        session.end().await;
        outcome
    }

    /// What would be taken back, the first one first, and with which statements.
    ///
    /// # Errors
    /// As [`Migrator::down`], before anything is done.
    pub async fn plan_down(&mut self, goal: &Goal) -> Result<Vec<Details>, Error> {
        let journal = self.journal().await?;
        let records: Vec<Record> = chosen(&journal, goal)?.into_iter().cloned().collect();
        let versions: Vec<Version> = records.iter().map(|record| record.version.clone()).collect();
        let mut details = self.details(&versions).await?;
        details.reverse();
        for record in &records {
            let mut found = details.iter_mut().find(|one| one.version == record.version);
            let down = way(&mut self.connection, record, found.as_deref()).await?;
            if let Some(found) = &mut found {
                found.down = Some(down);
            }
        }
        Ok(details)
    }
}

impl Session<'_> {
    async fn down(&mut self, goal: &Goal) -> Result<Vec<Reverted>, Error> {
        let journal = self.journal().await?;
        let records = chosen(&journal, goal)?;
        let versions: Vec<Version> = records.iter().map(|record| record.version.clone()).collect();
        let details = crate::journal::details(self.connection, &versions).await?;
        let mut ways = Vec::new();
        for record in records {
            let details = details.iter().find(|one| one.version == record.version);
            if let Some(details) = details {
                self.settle(record, details).await?;
            }
            ways.push((record, details, way(self.connection, record, details).await?));
        }
        let mut reverted = Vec::new();
        for (record, details, down) in ways {
            let begin = Instant::now();
            if let Some(details) = details {
                self.revert(record, details, &down).await?;
            }
            reverted.push(Reverted { version: record.version.clone(), took: begin.elapsed() });
        }
        Ok(reverted)
    }
}

/// What takes a migration back: its down, or statement by statement where only some of it is applied.
async fn way(
    connection: &mut Connection,
    record: &Record,
    details: Option<&Details>,
) -> Result<Vec<Statement>, Error> {
    if let Some(details) = details
        && let Some(down) = partial(connection, record, details).await?
    {
        return Ok(down);
    }
    reversible(connection.dialect(), record, details)?;
    Ok(details.and_then(|details| details.down.clone()).unwrap_or_default())
}

/// Which are taken back, the last one first.
fn chosen<'a>(journal: &'a Journal, goal: &Goal) -> Result<Vec<&'a Record>, Error> {
    let standing = || journal.records.iter().rev().filter(|record| record.stands());
    let known = |version: &Version| {
        journal
            .find(version)
            .filter(|record| record.stands())
            .ok_or_else(|| Error::UnknownVersion(version.0.clone()))
    };
    Ok(match goal {
        Goal::Last { count } => standing().take(*count).collect(),
        Goal::To { version } => {
            let stays = known(version)?.position;
            standing().filter(|record| record.position > stays).collect()
        }
        Goal::Nothing => standing().collect(),
        // What is reverted already is done.
        Goal::These { versions } => standing().filter(|record| versions.contains(&record.version)).collect(),
    })
}

/// Whether a migration has a way back.
fn reversible(dialect: Dialect, record: &Record, details: Option<&Details>) -> Result<(), Error> {
    let no = |why: &str| Err(Error::Irreversible { version: record.version.0.clone(), why: why.to_owned() });
    let Some(details) = details else { return no("the journal does not keep its texts") };
    if matches!(record.contract, Contract::Done | Contract::Applying) {
        return no("its contract is applied: what that took away does not come back by itself");
    }
    match &details.down {
        None if record.origin != Origin::Applied => {
            no("it was there before the journal, and its file has no down")
        }
        None => no("its file has no down"),
        Some(down) if down.is_empty() && changes_schema(dialect, details) => {
            no("its down is empty, and it changed the schema")
        }
        Some(_) => Ok(()),
    }
}

fn changes_schema(dialect: Dialect, details: &Details) -> bool {
    let expand = details.parts.iter().filter(|part| part.phase() == Phase::Expand);
    expand.into_iter().any(|part| match part {
        Part::Expand { statements } => statements.iter().any(|statement| {
            !matches!(bascule_sql::classify(statement, dialect).class, Class::Data | Class::Session)
        }),
        _ => false,
    })
}
