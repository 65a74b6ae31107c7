//! A release's database, opened for a run.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::Migrating;
use bascule_migrate::{Address, Connection, Migrator, Settings};
use bascule_migrations::Migration;
use bascule_model::problem::{Code, Problem};
use bascule_model::schema::{DatabaseAccess, Schema};

use super::store::SetStore;
use super::ways::Ways;
use super::{address, problem};
use crate::databases::watching::Words;

/// A lock is tried for so many times its time.
const TRIES: u32 = 60;

/// How long a lock is tried for, with pauses in between, before the run gives up.
fn lock_budget(lock_timeout: Duration) -> Duration {
    (lock_timeout * TRIES).min(Duration::from_secs(60))
}

/// A release's database as a run sees it.
pub(super) struct Session<'a> {
    pub migrating: &'a Migrating<'a>,
    pub schema: &'a Schema,
    pub access: &'a DatabaseAccess,
    pub address: Address,
    pub set: Vec<Migration>,
    owner: &'a str,
    ways: &'a Ways,
}

impl<'a> Session<'a> {
    /// Puts together what is known; asks nobody but for the way.
    ///
    /// # Errors
    /// When the release has no database, its migrations are gone, or there is no way to it.
    pub async fn of(
        migrating: &'a Migrating<'a>,
        store: &SetStore,
        owner: &'a str,
        ways: &'a Ways,
    ) -> Result<Self, Problem> {
        let missing = || {
            Problem::new(
                Code::Internal,
                format!("{} has no database", migrating.release.id),
                "report this: it is a defect of Bascule",
            )
        };
        let schema = migrating.release.schema.as_ref().ok_or_else(missing)?;
        let access = migrating.values.database.as_ref().ok_or_else(missing)?;
        let address = address(&access.url, migrating.project)?;
        let address = ways.reached(address, migrating.release.cluster.as_ref()).await?;
        Ok(Self { migrating, schema, access, address, set: store.read(&schema.set)?, owner, ways })
    }

    /// Where another database of the release is, as this machine comes to it.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn reach(&self, url: &str) -> Result<Address, Problem> {
        let address = address(url, self.migrating.project)?;
        self.ways.reached(address, self.migrating.release.cluster.as_ref()).await
    }

    /// Connects, and has the words of the work handed on while `work` goes on.
    ///
    /// # Errors
    /// Those of the way to the database, and of the work.
    pub async fn with<T, F, W>(&self, work: W) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Problem>>,
        W: FnOnce(Migrator) -> F,
    {
        let (words, mut said) = Words::new();
        let mut settings = Settings::new(self.address.clone(), self.owner);
        settings.lock_timeout = self.schema.policy.lock_timeout;
        settings.lock_budget = lock_budget(self.schema.policy.lock_timeout);
        settings.run = self.migrating.run.map(ToString::to_string);
        settings.release = Some(self.migrating.release.id.to_string());
        settings.watch = Arc::new(words);
        let work = async {
            let migrator = Migrator::open(settings).await.map_err(|error| problem::migrate(&error))?;
            work(migrator).await
        };
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                Some(words) = said.recv() => (self.migrating.note)(words),
            }
        }
    }

    /// Who is shown to others.
    pub fn owner(&self) -> &str {
        self.owner
    }

    /// A connection of its own, for what is not journalled by the migrator.
    ///
    /// # Errors
    /// Those of the way to the database.
    pub async fn connect(&self, purpose: &str) -> Result<Connection, Problem> {
        let name = format!("bascule:{purpose}");
        Connection::open(&self.address, &name).await.map_err(|error| problem::migrate(&error))
    }
}
