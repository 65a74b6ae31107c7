//! What is kept, and the removal of everything else.

use bascule_journal::EnvironmentRecord;
use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::problem::Problem;

use crate::engine::Engine;

impl Engine {
    /// Removes what no kept release needs: folders, logs and artifacts. Best effort, after a run.
    ///
    /// # Errors
    /// Those of the target and the store.
    pub async fn prune(&self, key: &EnvironmentKey) -> Result<(), Problem> {
        let environment = self.environment(key).await?;
        let mut kept_artifacts = Vec::new();
        let mut kept_here = Vec::new();
        for other in self.journal.environments().await? {
            let kept = self.kept(&other).await?;
            for record in self.journal.releases(&other.key, 1000).await? {
                if kept.contains(&record.release.id) {
                    kept_artifacts.push(record.release.artifact.clone());
                }
            }
            if other.key == *key {
                kept_here = kept;
            }
        }
        self.ports.target.prune(environment.generation, key, &kept_here).await.map_err(Problem::from)?;
        self.ports.artifacts.prune(&kept_artifacts).await.map_err(Problem::from)
    }

    /// What stands in a slot, what a run works on, and the last releases that settled.
    async fn kept(&self, environment: &EnvironmentRecord) -> Result<Vec<ReleaseId>, Problem> {
        let mut kept: Vec<ReleaseId> = environment.live.iter().map(|live| live.release.clone()).collect();
        kept.extend(environment.standby.iter().map(|standby| standby.standing.release.clone()));
        if let Some(run) = self.journal.active(&environment.key).await? {
            kept.extend(run.plan.release);
        }
        let keep = self.live_release(environment).await?.map_or(5, |live| live.rollout.keep as usize);
        let mut last: Vec<ReleaseId> = Vec::new();
        for release in environment.settled.iter().rev() {
            if last.len() < keep && !last.contains(release) {
                last.push(release.clone());
            }
        }
        // Logs of the newest release are kept even when it failed: they say why.
        kept.extend(
            self.journal.releases(&environment.key, 1).await?.into_iter().map(|record| record.release.id),
        );
        kept.extend(last);
        Ok(kept)
    }
}
