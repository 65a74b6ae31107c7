//! Applying.

use std::time::{Duration, Instant};

use bascule_migrations::{Migration, Phase, Version};
use serde::{Deserialize, Serialize};

use super::Migrator;
use super::agenda::{Item, agenda};
use super::differences::differences;
use super::session::Session;
use super::together::companions;
use super::wish::{Phases, Wish};
use crate::backfill;
use crate::error::{Difference, Error};
use crate::journal::{Journal, StepPhase};

/// One part that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its migration.
    pub version: Version,
    /// Which part.
    pub phase: StepPhase,
    /// How long it took.
    pub took: Duration,
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was applied, in order.
    pub applied: Vec<Applied>,
    /// What another runner applied while this one waited for it.
    pub by_others: Vec<Version>,
}

impl Outcome {
    /// The versions of which something of that phase was applied.
    #[must_use]
    pub fn versions(&self, phase: StepPhase) -> Vec<Version> {
        self.applied.iter().filter(|one| one.phase == phase).map(|one| one.version.clone()).collect()
    }
}

impl Migrator {
    /// Applies what is pending of the set, in its order.
    ///
    /// # Errors
    /// [`Error::Differ`] before anything is done; the first statement that fails, with what was applied before it in the journal; that
    /// others have the database.
    pub async fn up(&mut self, set: &[Migration], wish: &Wish) -> Result<Outcome, Error> {
        let before = self.journal().await?;
        self.up_from(set, wish, before).await
    }

    /// As [`Self::up`], for who has read the journal already: with nothing to do the server is not asked again.
    ///
    /// # Errors
    /// As [`Self::up`].
    pub async fn up_from(
        &mut self,
        set: &[Migration],
        wish: &Wish,
        before: Journal,
    ) -> Result<Outcome, Error> {
        let items = self.agreed(set, &before, wish).await?;
        if items.is_empty() {
            return Ok(Outcome::default());
        }
        let mut session = self.session().await?;
        let outcome = session.up(set, wish, &before, &items).await;
        session.end().await;
        outcome
    }

    /// What is to be done, when files and journal agree.
    async fn agreed(
        &mut self,
        set: &[Migration],
        journal: &Journal,
        wish: &Wish,
    ) -> Result<Vec<Item>, Error> {
        if let Some(to) = wish.to.as_ref().filter(|to| !set.iter().any(|one| one.version == **to)) {
            return Err(Error::UnknownVersion(to.0.clone()));
        }
        let mut list = differences(set, journal, wish.order, wish.missing);
        if list.is_empty() {
            return Ok(agenda(set, journal, wish));
        }
        self.fill_in(&mut list).await?;
        Err(Error::Differ(list))
    }

    /// Adds the texts as they were applied.
    pub(super) async fn fill_in(&mut self, list: &mut [Difference]) -> Result<(), Error> {
        let edited = |difference: &Difference| match difference {
            Difference::Edited { version, .. } => Some(Version(version.clone())),
            _ => None,
        };
        let versions: Vec<Version> = list.iter().filter_map(edited).collect();
        let details = self.details(&versions).await?;
        for difference in list {
            if let Difference::Edited { version, applied, .. } = difference
                && let Some(found) = details.iter().find(|one| one.version.0 == *version)
            {
                applied.clone_from(&found.up);
            }
        }
        Ok(())
    }
}

impl Session<'_> {
    async fn up(
        &mut self,
        set: &[Migration],
        wish: &Wish,
        before: &Journal,
        planned: &[Item],
    ) -> Result<Outcome, Error> {
        // Another runner may have been there meanwhile.
        let journal = self.journal().await?;
        let list = differences(set, &journal, wish.order, wish.missing);
        if !list.is_empty() {
            return Err(Error::Differ(list));
        }
        let items = agenda(set, &journal, wish);
        let mut outcome = Outcome::default();
        if *before != journal {
            let versions = planned.iter().map(|item| &set[item.at].version);
            outcome.by_others = versions
                .filter(|version| !items.iter().any(|item| set[item.at].version == **version))
                .cloned()
                .collect();
            outcome.by_others.dedup();
        }
        let mut rest = items.as_slice();
        while !rest.is_empty() {
            let count = companions(self.dialect(), set, rest, wish.phases);
            let (now, later) = rest.split_at(count.max(1));
            let begin = Instant::now();
            if count > 1 && self.apply_together(set, now, wish.phases).await {
                let took = begin.elapsed() / u32::try_from(count).unwrap_or(1);
                outcome.applied.extend(now.iter().map(|item| applied(set, *item, took)));
            } else {
                for item in now {
                    let begin = Instant::now();
                    self.one(set, *item, wish).await?;
                    outcome.applied.push(applied(set, *item, begin.elapsed()));
                }
            }
            rest = later;
        }
        Ok(outcome)
    }

    async fn one(&mut self, set: &[Migration], item: Item, wish: &Wish) -> Result<(), Error> {
        let migration = &set[item.at];
        if item.phase == Phase::Contract && wish.phases == Phases::Contract {
            self.may_contract(&migration.version, &migration.parts).await?;
        }
        if item.phase == Phase::Expand && item.attempt > 1 {
            let forgotten = backfill::forget(self.connection, &migration.version).await;
            forgotten.map_err(Error::query("forgetting what was filled in before"))?;
        }
        self.apply(migration, item, wish.phases).await
    }
}

fn applied(set: &[Migration], item: Item, took: Duration) -> Applied {
    Applied { version: set[item.at].version.clone(), phase: item.phase.into(), took }
}
