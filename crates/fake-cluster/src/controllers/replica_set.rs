//! ReplicaSets: as many pods as they want, and their status.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::conditions::{self, Condition, is_true};
use super::deployment::replicas;
use super::{Due, events, kubelet, manager};
use crate::core::Core;
use crate::object;
use crate::store::Key;
use crate::verbs::delete::{self, Propagation};
use crate::write::{self, Ownership, Persist};

pub(super) fn pass(core: &mut Core, due: &mut Due) {
    for set in core.store.list("replicasets", "") {
        let failure = if object::is_terminating(&set) { None } else { meet(core, &set) };
        status(core, &set, failure.as_deref(), due);
    }
}

/// The pods that count: not those that end or have ended.
fn active(core: &Core, set: &Value) -> Vec<Arc<Value>> {
    let pods = core.store.list("pods", object::text(set, "/metadata/namespace"));
    let is_active = |pod: &Value| {
        object::is_controlled_by(pod, object::uid(set))
            && !object::is_terminating(pod)
            && !["Succeeded", "Failed"].contains(&object::text(pod, "/status/phase"))
    };
    pods.into_iter().filter(|pod| is_active(pod)).collect()
}

/// Makes and takes pods; answers why one could not be made.
fn meet(core: &mut Core, set: &Value) -> Option<String> {
    let mut pods = active(core, set);
    let wanted = usize::try_from(replicas(set)).unwrap_or_default();
    for _ in pods.len()..wanted {
        if let Some(why) = make(core, set) {
            return Some(why);
        }
    }
    // Those that are not ready go first, then the youngest.
    let age = |pod: &Value| object::text(pod, "/metadata/resourceVersion").parse::<u64>().unwrap_or(0);
    pods.sort_by_key(|pod| (is_true(pod, "Ready"), std::cmp::Reverse(age(pod))));
    for pod in pods.iter().take(pods.len().saturating_sub(wanted)) {
        let key = Key::new("pods", object::text(pod, "/metadata/namespace"), object::name(pod));
        let resource = core.resource("pods");
        delete::remove(core, resource, &key, Propagation::Background, None);
        let message = format!("Deleted pod: {}", key.name);
        events::normal(core, events::Source::ReplicaSetController, set, "SuccessfulDelete", &message);
    }
    None
}

fn make(core: &mut Core, set: &Value) -> Option<String> {
    let template = &set["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    object::set(&mut metadata, &["ownerReferences"], json!([object::owner_reference(set)]));
    object::set(&mut metadata, &["generateName"], json!(format!("{}-", object::name(set))));
    let pod = json!({"metadata": metadata, "spec": template["spec"]});
    let namespace = object::text(set, "/metadata/namespace");
    let name = format!("{}-{}", object::name(set), core.chance.suffix());
    let resource = core.resource("pods");
    let key = Key::new("pods", namespace, &name);
    match write::create(core, resource, key, pod, &manager(""), Ownership::Update, Persist::Kept) {
        Ok(_) => {
            let message = format!("Created pod: {name}");
            events::normal(core, events::Source::ReplicaSetController, set, "SuccessfulCreate", &message);
            None
        }
        // The name is another with each try; a condition that changes with it would never come to rest.
        Err(failure) => Some(failure.message.replace(&name, &format!("{}-zx9gp", object::name(set)))),
    }
}

fn status(core: &mut Core, set: &Value, failure: Option<&str>, due: &mut Due) {
    let key = Key::new("replicasets", object::text(set, "/metadata/namespace"), object::name(set));
    let Some(set) = core.store.get(&key).cloned() else { return };
    let pods = active(core, &set);
    let now = core.clock.now();
    let wait = u64::try_from(object::number(&set, "/spec/minReadySeconds").unwrap_or(0)).unwrap_or(0);
    let (mut ready, mut available) = (0, 0);
    for pod in pods.iter().filter(|pod| is_true(pod, "Ready")) {
        ready += 1;
        let since: Instant = kubelet::ready_since(core, object::uid(pod)).unwrap_or(now);
        let when = since + Duration::from_secs(wait);
        if when <= now {
            available += 1;
        } else {
            due.at(when);
        }
    }
    let mut new = json!({"replicas": pods.len(), "observedGeneration": set["metadata"]["generation"]});
    for (field, count) in
        [("fullyLabeledReplicas", pods.len()), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        if count > 0 {
            new[field] = json!(count);
        }
    }
    let mut list = set["status"]["conditions"].clone();
    let was_failing = conditions::find(&list, "ReplicaFailure").is_some();
    match failure {
        Some(why) => {
            let stamp = core.clock.stamp();
            conditions::set(
                &mut list,
                &Condition::new("ReplicaFailure", "True", "FailedCreate", why),
                &stamp,
            );
        }
        None => conditions::remove(&mut list, "ReplicaFailure"),
    }
    object::set(&mut new, &["conditions"], list);
    write::edit(core, &key, &manager("status"), |set| set["status"] = new);
    if let Some(why) = failure.filter(|_| !was_failing) {
        let message = format!("Error creating: {why}");
        events::warning(core, events::Source::ReplicaSetController, &set, "FailedCreate", &message);
    }
}
