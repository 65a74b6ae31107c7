//! What is kept, and the removal of everything else.

use std::collections::BTreeMap;

use bascule_journal::EnvironmentRecord;
use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::problem::Problem;

use crate::engine::Engine;
use crate::ports::Unneeded;
use crate::store::Alone;

/// What every environment keeps.
struct Kept {
    environments: BTreeMap<EnvironmentKey, (EnvironmentRecord, Vec<ReleaseId>)>,
    /// None while a run is about to make one: what it has just made is in no record yet, and looks like nobody's.
    artifacts: Option<Vec<String>>,
}

/// Whether artifacts are asked about as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    /// Somebody makes one, or looks for one.
    WithoutArtifacts,
}

impl Whole {
    fn of(alone: Option<&Alone<'_>>) -> Self {
        if alone.is_some() { Self::Yes } else { Self::WithoutArtifacts }
    }
}

/// What was found that nobody needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Each thing.
    pub unneeded: Vec<Unneeded>,
    /// Artifacts were not looked at, because somebody is making one, or looking for one.
    pub without_artifacts: bool,
}

impl Engine {
    /// Removes what no kept release of the environment needs: folders, logs and artifacts. Best effort, after a run.
    ///
    /// # Errors
    /// Those of the target and the store.
    pub async fn prune(&self, key: &EnvironmentKey) -> Result<(), Problem> {
        {
            let turn = self.pruning.of(key);
            let _turn = turn.lock().await;
            let kept = self.kept_everywhere(Whole::Yes).await?;
            if let Some((environment, releases)) = kept.environments.get(key) {
                let pruned = self.ports.target.prune(environment.generation, key, releases).await;
                pruned.map_err(Problem::from)?;
            }
        }
        // From the question what is kept until the rest is gone none is made and none found. A store takes its time, and no run of this
        // environment that makes nothing waits for it.
        let alone = self.store.alone();
        match &self.kept_everywhere(Whole::of(alone.as_ref())).await?.artifacts {
            Some(artifacts) => self.ports.artifacts.prune(artifacts).await.map_err(Problem::from),
            None => Ok(()),
        }
    }

    /// What [`Self::tidy`] would remove now: of one environment, or of all. Changes nothing.
    ///
    /// # Errors
    /// Those of the target and the store.
    pub async fn unneeded(&self, only: Option<&EnvironmentKey>) -> Result<Leftovers, Problem> {
        self.listed(&self.kept_everywhere(Whole::Yes).await?, only).await
    }

    /// Removes what nobody needs: of one environment, or of all. Answers what is gone now.
    ///
    /// # Errors
    /// Those of the target and the store.
    pub async fn tidy(&self, only: Option<&EnvironmentKey>) -> Result<Leftovers, Problem> {
        let environments = self.journal.environments().await?;
        let keys = environments.iter().map(|one| &one.key).filter(|key| only.is_none_or(|only| only == *key));
        let turns: BTreeMap<&EnvironmentKey, _> = keys.map(|key| (key, self.pruning.of(key))).collect();
        let mut held = Vec::new();
        // In one order, whoever does it.
        for turn in turns.values() {
            held.push(turn.lock().await);
        }
        let alone = self.store.alone();
        let kept = self.kept_everywhere(Whole::of(alone.as_ref())).await?;
        let before = self.listed(&kept, only).await?;
        for (key, (environment, releases)) in &kept.environments {
            if turns.contains_key(key) {
                let pruned = self.ports.target.prune(environment.generation, key, releases).await;
                pruned.map_err(Problem::from)?;
            }
        }
        held.clear();
        if let Some(artifacts) = &kept.artifacts {
            self.ports.artifacts.prune(artifacts).await.map_err(Problem::from)?;
        }
        drop(alone);
        // What something still holds (an image in a container of a stranger's) stays, and is not said to be gone.
        let after = self.listed(&kept, only).await?;
        let is_gone = |one: &Unneeded| after.unneeded.iter().all(|left| left.what != one.what);
        let unneeded = before.unneeded.into_iter().filter(is_gone).collect();
        Ok(Leftovers { unneeded, ..before })
    }

    async fn listed(&self, kept: &Kept, only: Option<&EnvironmentKey>) -> Result<Leftovers, Problem> {
        let mut unneeded = Vec::new();
        for (key, (_, releases)) in &kept.environments {
            if only.is_none_or(|only| only == key) {
                unneeded.extend(self.ports.target.unneeded(key, releases).await.map_err(Problem::from)?);
            }
        }
        if let Some(artifacts) = &kept.artifacts {
            unneeded.extend(self.ports.artifacts.unneeded(artifacts).await.map_err(Problem::from)?);
        }
        Ok(Leftovers { unneeded, without_artifacts: kept.artifacts.is_none() })
    }

    async fn kept_everywhere(&self, whole: Whole) -> Result<Kept, Problem> {
        let artifacts = if whole == Whole::Yes { self.unreleased.kept() } else { None };
        let mut kept = Kept { environments: BTreeMap::new(), artifacts };
        for environment in self.journal.environments().await? {
            let releases = self.kept(&environment).await?;
            for record in self.journal.releases(&environment.key, 1000).await? {
                if let Some(artifacts) = &mut kept.artifacts
                    && releases.contains(&record.release.id)
                    && !record.release.artifact.is_empty()
                {
                    artifacts.push(record.release.artifact);
                }
            }
            kept.environments.insert(environment.key.clone(), (environment, releases));
        }
        for run in self.journal.unfinished().await? {
            let Some(id) = &run.plan.release else { continue };
            let release = self.journal.release(&run.plan.key, id).await?;
            if release.is_none_or(|record| record.release.artifact.is_empty()) {
                kept.artifacts = None;
            }
        }
        Ok(kept)
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
