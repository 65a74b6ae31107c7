//! What needs a person: shown as journal, catalog and file of each, with what can be done. Nothing is forced, and every choice names what
//! it is about.

use bascule_migrations::{Migration, Version};
use bascule_sql::{Dialect, Statement, Transactional, classify};
use serde::{Deserialize, Serialize};

use super::Migrator;
use super::differences::differences;
use super::drift::{Drift, Thing, mark};
use super::session::Session;
use super::wish::{Missing, Order};
use crate::error::{Difference, Error};
use crate::journal::{self, PartKey, REMOVED, Step, StepPhase, StepState};
use crate::reconcile::{self, Verdict};

/// One thing that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ailment {
    /// The migration.
    pub version: Version,
    /// What the journal says.
    pub journal: String,
    /// What the catalog says.
    pub catalog: String,
    /// What the file says.
    pub file: String,
    /// Text as it was applied and as it is now, where that is the difference.
    pub texts: Option<(String, String)>,
    /// What can be done.
    pub choices: Vec<Choice>,
}

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum Choice {
    /// The statement is applied: the journal says so from now on.
    MarkDone {
        /// The migration.
        version: Version,
        /// Which part.
        phase: StepPhase,
        /// Its place in the part.
        number: usize,
    },
    /// The statement is not applied: the next run sends it again.
    RunAgain {
        /// The migration.
        version: Version,
        /// Which part.
        phase: StepPhase,
        /// Its place in the part.
        number: usize,
    },
    /// The file is right as it is now: what it says is what is applied.
    Accept {
        /// The migration.
        version: Version,
        /// The checksum of the file.
        checksum: String,
    },
    /// The file is gone on purpose.
    Removed {
        /// The migration.
        version: Version,
    },
    /// The thing is gone, or there, on purpose: that is written down, and it is not shown again.
    ByHand {
        /// The migration that the journal knows it by.
        version: Version,
        /// What it is.
        thing: Thing,
    },
    /// The thing is made again by the statement that had made it.
    MakeAgain {
        /// The migration.
        version: Version,
        /// What it is.
        thing: Thing,
        /// The statement.
        statement: Statement,
    },
    /// What it did is not in the database any more: the journal forgets it, and a file of that version is pending again.
    Forget {
        /// The migration.
        version: Version,
    },
}

impl Migrator {
    /// What needs a person.
    ///
    /// # Errors
    /// What the server says.
    pub async fn ailments(&mut self, set: &[Migration]) -> Result<Vec<Ailment>, Error> {
        let mut list = Vec::new();
        for step in journal::open_steps(&mut self.connection).await? {
            let verdict = reconcile::look(&mut self.connection, &step).await?;
            list.push(of_step(&step, &verdict));
        }
        let journal = self.journal().await?;
        let mut found = differences(set, &journal, Order::Loose, Missing::Refused);
        self.fill_in(&mut found).await?;
        for difference in found {
            let checksum = |version: &str| {
                set.iter()
                    .find(|one| one.version.0 == version)
                    .map(|one| one.checksum.clone())
                    .unwrap_or_default()
            };
            list.extend(of_difference(difference, checksum));
        }
        let path = |version: &Version| {
            let found = set.iter().find(|one| one.version == *version);
            found.map_or_else(|| "there is none".to_owned(), |one| one.path.clone())
        };
        list.extend(self.drift(&journal).await?.into_iter().map(|drift| of_drift(&drift, path)));
        Ok(list)
    }

    /// Does what was chosen: first each statement that makes something again, then what the journal is told, in one transaction.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`] when a choice is about nothing that is there; that others have the database.
    pub async fn repair(&mut self, choices: &[Choice]) -> Result<(), Error> {
        let mut session = self.session().await?;
        let outcome = async {
            let journal = session.journal().await?;
            let writer = session.writer();
            let mut sql = Vec::new();
            for choice in choices {
                let version = choice.version();
                let Some(record) = journal.find(version) else {
                    return Err(Error::UnknownVersion(version.0.clone()));
                };
                let key = |phase| PartKey { version, attempt: record.attempt, phase };
                match choice {
                    Choice::MarkDone { phase, number, .. } => {
                        sql.push(writer.ended(key(*phase), *number, StepState::Done, None));
                    }
                    Choice::RunAgain { phase, number, .. } => sql.push(writer.forget(key(*phase), *number)),
                    Choice::Accept { checksum, .. } => sql.extend(writer.accept(version, checksum)),
                    Choice::Removed { .. } => sql.extend(writer.accept(version, REMOVED)),
                    Choice::Forget { .. } => sql.extend(writer.drop(version)),
                    Choice::ByHand { thing, .. } => sql.extend(writer.accept(version, &mark(thing))),
                    Choice::MakeAgain { statement, .. } => session.make_again(statement).await?,
                }
            }
            if sql.is_empty() { Ok(()) } else { session.write(&sql).await }
        }
        .await;
        session.end().await;
        outcome
    }
}

impl Choice {
    /// What it is about.
    #[must_use]
    pub fn version(&self) -> &Version {
        match self {
            Self::MarkDone { version, .. }
            | Self::RunAgain { version, .. }
            | Self::Accept { version, .. }
            | Self::Removed { version }
            | Self::ByHand { version, .. }
            | Self::MakeAgain { version, .. }
            | Self::Forget { version } => version,
        }
    }
}

impl Session<'_> {
    /// Sends one statement again, by itself: it comes about as a whole, or not at all.
    async fn make_again(&mut self, statement: &Statement) -> Result<(), Error> {
        let doing = "making again what was dropped by hand";
        let wait = self.settings.lock_timeout.as_millis();
        let wait = match self.connection.dialect() {
            Dialect::Postgres
                if classify(statement, Dialect::Postgres).transactional != Transactional::No =>
            {
                format!("SET lock_timeout = '{wait}ms'")
            }
            // What builds without stopping anybody is left its time.
            Dialect::Postgres => "SET lock_timeout = DEFAULT".to_owned(),
            Dialect::Mysql => format!("SET SESSION lock_wait_timeout = {}", wait.div_ceil(1_000).max(1)),
            Dialect::Sqlite => format!("PRAGMA busy_timeout = {wait}"),
        };
        self.connection.run(&wait).await.map_err(Error::query(doing))?;
        let fence = self.writer().fence();
        self.connection.run(&fence).await.map_err(|_| Error::Fenced)?;
        self.connection.run(&statement.text).await.map(drop).map_err(Error::query(doing))
    }
}

fn of_drift(drift: &Drift, path: impl Fn(&Version) -> String) -> Ailment {
    let (Drift::Gone(thing, origin) | Drift::There(thing, origin)) = drift;
    let version = origin.version.clone();
    let by_hand = Choice::ByHand { version: version.clone(), thing: thing.clone() };
    let (journal, catalog, choices) = match drift {
        Drift::Gone(..) => {
            let again = Choice::MakeAgain {
                version: version.clone(),
                thing: thing.clone(),
                statement: origin.statement.clone(),
            };
            let again = Some(again).filter(|_| origin.alone);
            let choices = again.into_iter().chain([by_hand, Choice::Forget { version: version.clone() }]);
            (format!("{thing} was made"), "it is not there".to_owned(), choices.collect())
        }
        Drift::There(..) => (
            format!("{thing} was taken away"),
            "it is there; if nobody needs it, drop it".to_owned(),
            vec![by_hand],
        ),
    };
    let words = crate::runner::words(&origin.statement.text);
    let file = format!("{}, line {}: {words}", path(&version), origin.statement.line);
    Ailment { version, journal, catalog, file, texts: None, choices }
}

fn of_step(step: &Step, verdict: &Verdict) -> Ailment {
    let Step { version, phase, number, line, state, .. } = step;
    let error = step.error.as_deref().map_or_else(String::new, |error| format!(": {error}"));
    let again = Choice::RunAgain { version: version.clone(), phase: *phase, number: *number };
    let done = Choice::MarkDone { version: version.clone(), phase: *phase, number: *number };
    let (catalog, choices) = match verdict {
        Verdict::Done => ("it is applied; the next run writes that down", vec![done]),
        Verdict::NotDone => ("nothing of it is there; the next run sends it again", vec![again]),
        Verdict::Finish(_) => ("it is half done; the next run brings it to its end", vec![]),
        Verdict::Unclear(_) => ("it cannot tell; look at what the statement is about", vec![done, again]),
    };
    Ailment {
        version: version.clone(),
        journal: format!("{phase}, statement {} is {state}{error}", number + 1),
        catalog: catalog.to_owned(),
        file: format!("line {line}: {}", crate::runner::words(&step.statement)),
        texts: None,
        choices,
    }
}

fn of_difference(difference: Difference, checksum: impl Fn(&str) -> String) -> Option<Ailment> {
    match difference {
        Difference::Edited { version, path, applied, file } => {
            let accept = Choice::Accept { checksum: checksum(&version), version: Version(version.clone()) };
            Some(Ailment {
                version: Version(version),
                journal: "it is applied".to_owned(),
                catalog: "as it was applied".to_owned(),
                file: format!("{path} was changed since"),
                texts: Some((applied, file)),
                choices: vec![accept],
            })
        }
        Difference::Missing { version, name } => {
            let version = Version(version);
            Some(Ailment {
                version: version.clone(),
                journal: format!("it is applied ({name})"),
                catalog: "as it was applied".to_owned(),
                file: "there is none".to_owned(),
                texts: None,
                choices: vec![Choice::Removed { version: version.clone() }, Choice::Forget { version }],
            })
        }
        Difference::OutOfOrder { .. } => None,
    }
}
