//! For which environments this engine acts where the journal is shared, and what stands in a cluster by that journal alone, for a
//! control plane that has no records of its own of it.

use bascule_journal::{EnvironmentRecord, ReleaseRecord};
use bascule_model::ids::{EnvironmentKey, Slot};
use bascule_model::problem::Problem;
use bascule_model::release::TargetKind;

use super::Engine;
use crate::home;

impl Engine {
    /// Whether this engine acts for an environment, or another one that shares the journal.
    #[must_use]
    pub fn is_home_of(&self, environment: &EnvironmentRecord) -> bool {
        self.seat.is_home_of(environment)
    }

    /// Nothing is begun of an environment that runs elsewhere.
    pub(super) async fn refuse_elsewhere(&self, key: &EnvironmentKey) -> Result<(), Problem> {
        if !self.seat.shares_the_journal() {
            return Ok(());
        }
        let environment = self.environment(key).await?;
        if self.seat.is_home_of(&environment) { Ok(()) } else { Err(home::elsewhere(&environment)) }
    }

    /// Releases of an environment that stand in a cluster, each with its slot: the live one first, then the one that stands by, then
    /// the one that an unfinished run has begun to start. Nothing where the journal is not shared: then our own records say it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn standing_in_a_cluster(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Vec<(Slot, ReleaseRecord)>, Problem> {
        if !self.seat.shares_the_journal() {
            return Ok(Vec::new());
        }
        let key = &environment.key;
        let standings = environment.live.iter().chain(environment.standby.iter().map(|one| &one.standing));
        let mut wanted: Vec<_> = standings.map(|one| (one.slot, one.release.clone())).collect();
        if let Some(run) = self.journal.active(key).await?
            && let Some(release) = run.plan.release
        {
            let begun = run.state.steps.iter().any(|step| step.name == "start" && step.attempts > 0);
            if begun && wanted.iter().all(|(_, there)| *there != release) {
                wanted.push((run.plan.slot, release));
            }
        }
        let mut standing = Vec::new();
        for (slot, release) in wanted {
            let record = self.journal.release(key, &release).await?;
            let record = record.filter(|record| record.release.target == TargetKind::Kubernetes);
            standing.extend(record.map(|record| (slot, record)));
        }
        Ok(standing)
    }
}
