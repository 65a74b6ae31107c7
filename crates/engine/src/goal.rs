//! Which release a rollback goes to, and whether it is found running.

use bascule_journal::{EnvironmentRecord, ReleaseRecord, Standard};
use bascule_model::evidence::InstanceState;
use bascule_model::ids::ReleaseId;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Release, Service};

use crate::engine::Engine;
use crate::planner;
use crate::ports::SlotRef;
use crate::steps::Warmth;

impl Engine {
    pub(crate) async fn rollback_goal(
        &self,
        environment: &EnvironmentRecord,
        to: Option<&ReleaseId>,
    ) -> Result<ReleaseRecord, Problem> {
        let key = &environment.key;
        let live = environment.live.as_ref().map(|live| &live.release);
        if let Some(to) = to {
            if live == Some(to) {
                return Err(Problem::new(
                    Code::NothingToRollBackTo,
                    format!("{to} is live already"),
                    format!("`bascule history {}` lists the releases", key.environment),
                ));
            }
            let record = self.journal.release(key, to).await?;
            return record.filter(|record| !record.release.artifact.is_empty()).ok_or_else(|| {
                Problem::new(
                    Code::ReleaseUnknown,
                    format!("{} has no release {to} that could be started", planner::named(key)),
                    format!("`bascule history {}` lists the releases", key.environment),
                )
            });
        }
        let records = self.journal.releases(key, 1000).await?;
        let failed = |id: &ReleaseId| {
            records.iter().all(|record| record.release.id != *id || record.standard == Standard::Failed)
        };
        let goal = planner::rollback_goal(live, &environment.settled, failed).cloned();
        goal.and_then(|goal| records.into_iter().find(|record| record.release.id == goal)).ok_or_else(|| {
            Problem::new(
                Code::NothingToRollBackTo,
                format!("{} has no release that settled before the live one", planner::named(key)),
                format!("`bascule history {}` lists the releases; `--to RELEASE` names one", key.environment),
            )
        })
    }

    /// Warm: every instance of the release runs in the standby slot, and the edge knows it. More than it was written to have is as warm:
    /// somebody, or a scaler, made it larger while it was live.
    pub(crate) async fn warmth(&self, environment: &EnvironmentRecord, release: &Release) -> Warmth {
        let Some(standby) = &environment.standby else { return Warmth::Cold };
        let standing = &standby.standing;
        if standing.release != release.id || standby.warm_until.is_none() {
            return Warmth::Cold;
        }
        let slot =
            SlotRef { key: environment.key.clone(), slot: standing.slot, release: standing.release.clone() };
        let instances = self.ports.target.observe(&slot).await.unwrap_or_default();
        let runs = |service: &Service| {
            let of_it = instances.iter().filter(|one| one.service == service.name);
            of_it.filter(|one| matches!(one.state, InstanceState::Running { .. })).count()
                >= service.instances as usize
        };
        let is_whole = release.services.iter().all(runs);
        let known = self
            .ports
            .traffic
            .routing(&environment.key)
            .await
            .is_ok_and(|routing| routing.slots.get(&standing.slot) == Some(&standing.release));
        if is_whole && known { Warmth::Warm } else { Warmth::Cold }
    }
}
