//! For which environments this engine acts, and what stands in a cluster by the journal alone, for a control plane that has no records of
//! its own of it.

use bascule_journal::{EnvironmentRecord, ReleaseRecord, RunRecord};
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
        let environment = self.environment(key).await?;
        if self.seat.is_home_of(&environment) {
            return Ok(());
        }
        Err(home::elsewhere(&environment, &self.seat))
    }

    /// Why an unfinished run of this journal is gone on with by another control plane, whose journal this is not; none where it is not.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn left_elsewhere(&self, run: &RunRecord) -> Result<Option<Problem>, Problem> {
        if self.seat.shares_the_journal() || run.state.outcome.is_some() {
            return Ok(None);
        }
        Ok(self.refuse_elsewhere(&run.plan.key).await.err())
    }

    /// Releases of an environment that stand in a cluster, each with its slot: the live one first, then the one that stands by, then
    /// the one that an unfinished run has begun to start, or to run tasks of. Nothing where the journal is not shared and the environment was not taken over:
    /// then our own records say it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn standing_in_a_cluster(
        &self,
        environment: &EnvironmentRecord,
    ) -> Result<Vec<(Slot, ReleaseRecord)>, Problem> {
        if !self.seat.shares_the_journal() && environment.owner.is_none() {
            return Ok(Vec::new());
        }
        let key = &environment.key;
        let standings = environment.live.iter().chain(environment.standby.iter().map(|one| &one.standing));
        let mut wanted: Vec<_> = standings.map(|one| (one.slot, one.release.clone())).collect();
        if let Some(run) = self.journal.active(key).await?
            && let Some(release) = run.plan.release
        {
            // Tasks have made things there before anything is started.
            let makes = ["before-start", "start"];
            let begun =
                run.state.steps.iter().any(|step| makes.contains(&step.name.as_str()) && step.attempts > 0);
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
