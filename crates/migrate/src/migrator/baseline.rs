//! Migrations that are taken as applied: a database that was there before the journal.

use bascule_migrations::{Migration, Version};

use super::Migrator;
use super::session::Session;
use crate::error::Error;
use crate::journal::{Before, Contract, Entering, Origin, State};

/// So many migrations go into one transaction.
const AT_ONCE: usize = 200;

impl Migrator {
    /// Takes the migrations of the set up to a version as applied; gives which of them were not in the journal before.
    ///
    /// # Errors
    /// [`Error::UnknownVersion`]; that others have the database.
    pub async fn baseline(&mut self, set: &[Migration], version: &Version) -> Result<Vec<Version>, Error> {
        let Some(last) = set.iter().position(|migration| migration.version == *version) else {
            return Err(Error::UnknownVersion(version.0.clone()));
        };
        let taken: Vec<&Migration> = set[..=last].iter().collect();
        self.take_over(&taken, Origin::Baseline).await
    }

    pub(crate) async fn take_over(
        &mut self,
        taken: &[&Migration],
        origin: Origin,
    ) -> Result<Vec<Version>, Error> {
        let mut session = self.session().await?;
        let outcome = session.take_over(taken, origin).await;
        session.end().await;
        outcome
    }
}

impl Session<'_> {
    async fn take_over(&mut self, taken: &[&Migration], origin: Origin) -> Result<Vec<Version>, Error> {
        let journal = self.journal().await?;
        let known = |migration: &&&Migration| {
            journal.find(&migration.version).is_some_and(|record| record.state != State::Reverted)
        };
        let new: Vec<&&Migration> = taken.iter().filter(|migration| !known(migration)).collect();
        let writer = self.writer();
        let mut position = journal.last_position();
        for chunk in new.chunks(AT_ONCE) {
            let mut sql = Vec::with_capacity(chunk.len());
            for migration in chunk {
                position += 1;
                sql.push(writer.enter(&Entering {
                    migration,
                    position,
                    attempt: journal.find(&migration.version).map_or(1, |record| record.attempt + 1),
                    state: State::Applied,
                    // All of it was applied by whoever did it.
                    contract: Contract::None,
                    origin,
                    row: Before::Present,
                }));
            }
            self.write(&sql).await?;
        }
        Ok(new.into_iter().map(|migration| migration.version.clone()).collect())
    }
}
