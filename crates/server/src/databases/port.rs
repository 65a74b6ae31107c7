//! The engine's port, over the libraries.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bascule_engine::ports::{Clock, Migrating, Migrations, PortError, Surveyed, Surveying};
use bascule_migrate::tools::Tools;
use bascule_migrations::Gate;
use bascule_model::run::Evidence;
use bascule_model::schema::SchemaFacts;

use super::backups::Backups;
use super::session::Session;
use super::store::SetStore;
use super::verdict::Verdicts;
use super::ways::Ways;
use super::{contract, expand, facts, fill, rehearsal, survey, tend};

/// Databases of apps, as runs of this control plane see them.
pub struct Databases {
    state: PathBuf,
    store: SetStore,
    tools: Tools,
    backups: Backups,
    owner: String,
    clock: Arc<dyn Clock>,
    ways: Ways,
}

impl Databases {
    /// Puts it together. `owner` is who is shown to those who wait for us.
    #[must_use]
    pub fn new(
        state: PathBuf,
        tools: Tools,
        backups: Backups,
        (owner, ways): (String, Ways),
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store: SetStore::of(&state), state, tools, backups, owner, clock, ways }
    }

    async fn session<'a>(&'a self, migrating: &'a Migrating<'a>) -> Result<Session<'a>, PortError> {
        Ok(Session::of(migrating, &self.store, &self.owner, &self.ways).await?)
    }
}

#[async_trait]
impl Migrations for Databases {
    async fn survey(&self, surveying: &Surveying<'_>) -> Result<Surveyed, PortError> {
        let today = jiff::tz::TimeZone::UTC.to_datetime(self.clock.now()).date();
        Ok(survey::survey(surveying, &self.store, &self.owner, &self.ways, today).await?)
    }

    async fn rehearse(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        Ok(rehearsal::rehearse(&self.session(migrating).await?, &self.tools, &self.state).await?)
    }

    async fn back_up(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        Ok(self.backups.make(&self.session(migrating).await?).await?)
    }

    async fn expand(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        let session = self.session(migrating).await?;
        self.backups.refuse_stale(&session).await?;
        Ok(expand::expand(&session).await?)
    }

    async fn expanded(&self, migrating: &Migrating<'_>) -> Result<bool, PortError> {
        Ok(expand::expanded(&self.session(migrating).await?).await?)
    }

    async fn broken_queries(&self, migrating: &Migrating<'_>) -> Result<Vec<String>, PortError> {
        Ok(expand::broken_queries(&self.session(migrating).await?).await?)
    }

    async fn revert(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        let session = self.session(migrating).await?;
        let verdicts = Verdicts::read(&self.state, &session.schema.set);
        Ok(expand::revert(&session, &verdicts).await?)
    }

    async fn fill(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        Ok(fill::fill(&self.session(migrating).await?, Gate::Switch).await?)
    }

    async fn contract(&self, migrating: &Migrating<'_>) -> Result<Evidence, PortError> {
        Ok(contract::contract(&self.session(migrating).await?).await?)
    }

    async fn undrop(&self, migrating: &Migrating<'_>, version: &str) -> Result<Evidence, PortError> {
        Ok(contract::undrop(&self.session(migrating).await?, version).await?)
    }

    async fn facts(&self, migrating: &Migrating<'_>) -> Result<SchemaFacts, PortError> {
        Ok(facts::read(&self.session(migrating).await?).await?)
    }

    async fn tend(&self, migrating: &Migrating<'_>) -> Result<Vec<String>, PortError> {
        Ok(tend::tend(&self.session(migrating).await?, &self.backups).await?)
    }
}
