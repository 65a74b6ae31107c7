//! `status` of Deployments: counts, and the conditions Available, Progressing and ReplicaFailure.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::conditions::{self, Condition};
use super::deployment::{current, owned, replicas, status, surge_and_unavailable};
use super::{Due, manager};
use crate::core::Core;
use crate::object;
use crate::store::Key;
use crate::write;

/// When a Deployment moved last, and what it looked like then.
#[derive(Debug)]
pub(super) struct Progress {
    since: Instant,
    seen: (i64, [i64; 4]),
}

pub(super) fn write(core: &mut Core, deployment: &Value, due: &mut Due) {
    // What was done in this pass may have changed it.
    let key =
        Key::new("deployments", object::text(deployment, "/metadata/namespace"), object::name(deployment));
    let Some(deployment) = core.store.get(&key).cloned() else { return };
    let sets = owned(core, &deployment);
    let sum = |field: &str| sets.iter().map(|set| status(set, field)).sum::<i64>();
    let updated = current(core, &deployment).map_or(0, |set| status(&set, "replicas"));
    let (all, ready, available) = (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"));
    let wanted = replicas(&deployment);
    let spread: i64 = sets.iter().map(|set| replicas(set)).sum();
    let mut new = json!({"observedGeneration": deployment["metadata"]["generation"]});
    // What is zero is left out, as in the real server's answers.
    for (field, count) in [
        ("replicas", all),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", spread.max(wanted) - available),
    ] {
        if count > 0 {
            new[field] = json!(count);
        }
    }
    let stamp = core.clock.stamp();
    let mut list = deployment["status"]["conditions"].clone();
    conditions::set(&mut list, &availability(&deployment, available), &stamp);
    let counts = (wanted, [all, updated, ready, available]);
    let is_complete = updated == wanted && all == wanted && available == wanted;
    progressing(core, &deployment, counts, is_complete, &mut list, due);
    let failure =
        sets.iter().find_map(|set| conditions::find(&set["status"]["conditions"], "ReplicaFailure"));
    match failure {
        Some(failure) => {
            let message = object::text(failure, "/message");
            conditions::set(
                &mut list,
                &Condition::new("ReplicaFailure", "True", "FailedCreate", message),
                &stamp,
            );
        }
        None => conditions::remove(&mut list, "ReplicaFailure"),
    }
    for one in list.as_array_mut().into_iter().flatten() {
        // Of conditions that are not about progress it is the same.
        let when = one["lastTransitionTime"].clone();
        object::default(one, &["lastUpdateTime"], when);
    }
    new["conditions"] = list;
    write::edit(core, &key, &manager("status"), |deployment| deployment["status"] = new);
}

fn availability(deployment: &Value, available: i64) -> Condition<'static> {
    let (_, unavailable) = surge_and_unavailable(deployment);
    if available >= replicas(deployment) - unavailable {
        let message = "Deployment has minimum availability.";
        Condition::new("Available", "True", "MinimumReplicasAvailable", message)
    } else {
        let message = "Deployment does not have minimum availability.";
        Condition::new("Available", "False", "MinimumReplicasUnavailable", message)
    }
}

fn progressing(
    core: &mut Core,
    deployment: &Value,
    counts: (i64, [i64; 4]),
    is_complete: bool,
    list: &mut Value,
    due: &mut Due,
) {
    let Some(set) = current(core, deployment) else { return };
    let name = object::name(&set);
    let now = core.clock.now();
    let before = conditions::find(list, "Progressing").cloned();
    let was = before.as_ref().map(|one| object::text(one, "/reason").to_owned());
    let progress = core.memory.progress.entry(object::uid(deployment).to_owned());
    let progress = progress.or_insert(Progress { since: now, seen: counts });
    let moved = progress.seen != counts;
    if moved {
        *progress = Progress { since: now, seen: counts };
    }
    let deadline = object::number(deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
    let deadline = progress.since + Duration::from_secs(u64::try_from(deadline).unwrap_or(600));
    let new = |status, reason, text: &str| {
        let message = match reason {
            "NewReplicaSetCreated" => format!("Created new replica set {name:?}"),
            _ => format!("ReplicaSet {name:?} {text}"),
        };
        Condition::new("Progressing", status, reason, message)
    };
    let condition = if is_complete {
        new("True", "NewReplicaSetAvailable", "has successfully progressed.")
    } else if was.as_deref() == Some("NewReplicaSetAvailable")
        && set["metadata"]["name"] == of(before.as_ref())
    {
        // A Deployment that was complete stays so when a pod of it fails later.
        return;
    } else if now >= deadline {
        new("False", "ProgressDeadlineExceeded", "has timed out progressing.")
    } else {
        due.at(deadline);
        if was.is_none() {
            new("True", "NewReplicaSetCreated", "")
        } else {
            new("True", "ReplicaSetUpdated", "is progressing.")
        }
    };
    let stamp = core.clock.stamp();
    conditions::set(list, &condition, &stamp);
    let is_new = was.as_deref() != Some(condition.reason);
    let updated =
        before.filter(|_| !is_new && !moved).map_or(json!(stamp), |one| one["lastUpdateTime"].clone());
    for one in list.as_array_mut().into_iter().flatten() {
        if one["type"] == "Progressing" {
            one["lastUpdateTime"] = updated.clone();
        }
    }
}

/// The ReplicaSet that a condition speaks of.
fn of(condition: Option<&Value>) -> &str {
    let message = condition.map_or("", |one| object::text(one, "/message"));
    message.split('"').nth(1).unwrap_or_default()
}
