//! What is put back in clusters without being asked: what Services select, and a live release that was scaled to nothing.
//!
//! Bounded: whoever writes there again and again has a reason, or is another controller. After three times within an hour it is left
//! alone, and `status` says so. All that is found at one look is one time: an app is never left with half of its Services put back.
//! Never while a run is under way, and never over a newer lease.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bascule_journal::{Deed, EnvironmentRecord};
use bascule_model::ids::EnvironmentKey;
use bascule_model::problem::Problem;
use bascule_model::release::{OnDrift, Release, TargetKind};
use jiff::{SignedDuration, Timestamp};

use crate::control::Control;

/// What the audit trail calls it.
pub(crate) const PUT_BACK: &str = "put-back";
/// So often within [`WINDOW`].
pub(crate) const MOST: usize = 3;
/// Seconds in which that many are too many.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// How often an environment is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Who is looked at, and when next.
#[derive(Default)]
pub(crate) struct ClusterKeeper {
    looked_at: HashMap<EnvironmentKey, Duration>,
    busy: HashMap<EnvironmentKey, Arc<AtomicBool>>,
    /// What was said last of each: the same trouble is told once.
    said: Arc<std::sync::Mutex<HashMap<EnvironmentKey, String>>>,
}

impl ClusterKeeper {
    /// Looks at an environment of a cluster in which no run is under way, where it is time. The cluster may take as long as it likes.
    pub(crate) fn look_after(
        &mut self,
        control: &Arc<Control>,
        environment: &EnvironmentRecord,
        live: &Release,
    ) {
        let key = &environment.key;
        if live.target != TargetKind::Kubernetes || live.drift != OnDrift::Repair {
            return;
        }
        let now = control.engine.ports().clock.elapsed();
        if self.looked_at.get(key).is_some_and(|at| now < *at + LOOK) {
            return;
        }
        let busy = Arc::clone(self.busy.entry(key.clone()).or_default());
        if busy.swap(true, Ordering::AcqRel) {
            return;
        }
        self.looked_at.insert(key.clone(), now);
        let (worker, environment, live) = (Arc::clone(control), environment.clone(), live.clone());
        let said = Arc::clone(&self.said);
        control.tasks.spawn(async move {
            let told = match put_back(&worker, &environment, &live).await {
                Ok(told) => told,
                Err(problem) => problem.to_string(),
            };
            busy.store(false, Ordering::Release);
            let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let before = said.insert(environment.key.clone(), told.clone()).unwrap_or_default();
            drop(said);
            if !told.is_empty() && told != before {
                crate::log::line(&worker.engine, &format!("{}: {told}", environment.key));
            }
        });
    }
}

/// What there is to say; empty where everything is as it was written.
async fn put_back(control: &Control, seen: &EnvironmentRecord, live: &Release) -> Result<String, Problem> {
    let journal = control.engine.journal();
    let slots: BTreeMap<_, _> = seen
        .live
        .iter()
        .chain(seen.standby.iter().map(|standby| &standby.standing))
        .map(|standing| (standing.slot, standing.release.clone()))
        .collect();
    let fence = seen.generation;
    let needed = control.traffic.to_mend(fence, live, &slots).await.map_err(Problem::from)?;
    let mut told = Vec::new();
    let now = control.engine.ports().clock.now();
    if let (Some(mend), true) = (needed.first(), left_alone(control, &seen.key).await?) {
        return Ok(format!("{} is not as it was written, and is left alone", mend.what()));
    }
    for mend in &needed {
        // A run that has begun since decides for itself; its first write to the cluster makes ours one that lost.
        let is_so = journal.environment(&seen.key).await?.is_some_and(|now| now.generation == fence);
        if !is_so || journal.active(&seen.key).await?.is_some() {
            break;
        }
        journal
            .note(&Deed {
                at: now,
                actor: "bascule (drift)".to_owned(),
                action: PUT_BACK,
                key: seen.key.clone(),
                detail: format!("put {} back", mend.what()),
            })
            .await?;
        if control.traffic.mend(fence, live, mend).await.map_err(Problem::from)? {
            told.push(format!("put {} back at {now}", mend.what()));
        }
    }
    Ok(told.join("; "))
}

/// Whether it was put back so often that it is left alone.
pub(crate) async fn left_alone(control: &Control, key: &EnvironmentKey) -> Result<bool, Problem> {
    let since = since(control.engine.ports().clock.now());
    let deeds = control.engine.journal().deeds(key, PUT_BACK, since).await?;
    Ok(times(deeds.iter().map(|deed| deed.at)) >= MOST)
}

/// How many looks found something: what one look found has one moment.
fn times(moments: impl Iterator<Item = Timestamp>) -> usize {
    moments.collect::<BTreeSet<_>>().len()
}

fn since(now: Timestamp) -> Timestamp {
    now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_look_found_is_one_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        // Four Services that somebody changed at once, and one of them once more.
        assert_eq!(times([at(7), at(7), at(7), at(7), at(60)].into_iter()), 2);
        assert_eq!(times([].into_iter()), 0);
    }
}
