//! Deployments: a ReplicaSet for each template, scaled by the strategy.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Due, deployment_status, events, manager};
use crate::chance::template_hash;
use crate::core::Core;
use crate::kinds::Flavour;
use crate::object;
use crate::store::Key;
use crate::write::{self, Ownership, Persist};

/// The label that tells pods of one template from those of another.
const HASH: &str = "pod-template-hash";

pub(super) fn pass(core: &mut Core, due: &mut Due) {
    for deployment in core.store.list("deployments", "") {
        if object::is_terminating(&deployment) {
            continue;
        }
        claim(core, &deployment);
        let is_paused = deployment["spec"]["paused"] == true;
        if current(core, &deployment).is_none() && !is_paused {
            make(core, &deployment);
        }
        scale(core, &deployment);
        forget_old(core, &deployment);
        deployment_status::write(core, &deployment, due);
    }
}

/// ReplicaSets that nobody has and that the Deployment selects become its own.
fn claim(core: &mut Core, deployment: &Value) {
    let selector = &deployment["spec"]["selector"]["matchLabels"];
    let namespace = object::text(deployment, "/metadata/namespace").to_owned();
    let is_selected = |set: &Value| {
        let labels = &set["metadata"]["labels"];
        selector.as_object().is_some_and(|all| all.iter().all(|(label, value)| labels[label] == *value))
    };
    let alone = |set: &Value| {
        !object::items(set, "/metadata/ownerReferences").iter().any(|one| one["controller"] == true)
    };
    for set in core.store.list("replicasets", &namespace) {
        if alone(&set) && is_selected(&set) && !object::is_terminating(&set) {
            let key = Key::new("replicasets", &namespace, object::name(&set));
            let owner = object::owner_reference(deployment);
            write::edit(core, &key, &manager(""), |set| {
                object::set(set, &["metadata", "ownerReferences"], json!([owner]));
            });
        }
    }
}

/// The ReplicaSets of a Deployment.
pub(super) fn owned(core: &Core, deployment: &Value) -> Vec<Arc<Value>> {
    let all = core.store.list("replicasets", object::text(deployment, "/metadata/namespace"));
    all.into_iter().filter(|set| object::is_controlled_by(set, object::uid(deployment))).collect()
}

/// The ReplicaSet of the Deployment's template as it is now.
pub(super) fn current(core: &Core, deployment: &Value) -> Option<Arc<Value>> {
    owned(core, deployment).into_iter().find(|set| {
        let mut template = set["spec"]["template"].clone();
        object::set(&mut template, &["metadata", "labels", HASH], Value::Null);
        template == deployment["spec"]["template"]
    })
}

fn make(core: &mut Core, deployment: &Value) {
    let template = &deployment["spec"]["template"];
    let hash = template_hash(template);
    let mut template = template.clone();
    object::set(&mut template, &["metadata", "labels", HASH], json!(hash));
    let mut selector = deployment["spec"]["selector"].clone();
    object::set(&mut selector, &["matchLabels", HASH], json!(hash));
    let revision = owned(core, deployment).iter().map(|set| revision(set)).max().unwrap_or(0) + 1;
    let name = format!("{}-{hash}", object::name(deployment));
    // The first one begins at full size; others are scaled by the strategy.
    let is_first = owned(core, deployment).iter().all(|set| replicas(set) == 0);
    let begin = if is_first { replicas(deployment) } else { 0 };
    let (surge, _) = surge_and_unavailable(deployment);
    let set = json!({
        "metadata": {
            "labels": template["metadata"]["labels"],
            "annotations": {
                "deployment.kubernetes.io/revision": revision.to_string(),
                "deployment.kubernetes.io/desired-replicas": deployment["spec"]["replicas"].to_string(),
                "deployment.kubernetes.io/max-replicas": (replicas(deployment) + surge).to_string(),
            },
            "ownerReferences": [object::owner_reference(deployment)],
        },
        "spec": {
            "replicas": begin, "selector": selector, "template": template,
            "minReadySeconds": deployment["spec"]["minReadySeconds"],
        },
    });
    let namespace = object::text(deployment, "/metadata/namespace");
    let resource = core.resource("replicasets");
    let key = Key::new("replicasets", namespace, &name);
    drop(write::create(core, resource, key, set, &manager(""), Ownership::Update, Persist::Kept));
    if begin > 0 {
        tell(core, deployment, &name, 0, begin);
    }
    let key = Key::new("deployments", namespace, object::name(deployment));
    write::edit(core, &key, &manager(""), |deployment| {
        let annotations = object::object_at(deployment, &["metadata", "annotations"]);
        annotations.insert("deployment.kubernetes.io/revision".to_owned(), json!(revision.to_string()));
    });
}

fn revision(set: &Value) -> i64 {
    object::text(set, "/metadata/annotations/deployment.kubernetes.io~1revision").parse().unwrap_or(0)
}

pub(super) fn replicas(object: &Value) -> i64 {
    object::number(object, "/spec/replicas").unwrap_or(0)
}

pub(super) fn status(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

/// How many pods more, and how many available ones fewer than wanted there may be during an update.
pub(super) fn surge_and_unavailable(deployment: &Value) -> (i64, i64) {
    let wanted = replicas(deployment);
    let strategy = &deployment["spec"]["strategy"];
    if strategy["type"] == "Recreate" {
        return (0, wanted);
    }
    let percent = |field: &str| -> (i64, i64) {
        match &strategy["rollingUpdate"][field] {
            Value::Number(number) => (number.as_i64().unwrap_or(0) * 100, 0),
            Value::String(text) => {
                let share = text.trim_end_matches('%').parse::<i64>().unwrap_or(25);
                (share * wanted, share * wanted % 100)
            }
            _ => (25 * wanted, 25 * wanted % 100),
        }
    };
    let (surge, rest) = percent("maxSurge");
    // A share of the surge is rounded up, one of what may be unavailable down, as the controller does.
    let surge = surge / 100 + i64::from(rest > 0);
    let unavailable = percent("maxUnavailable").0 / 100;
    (surge, if surge == 0 && unavailable == 0 { 1 } else { unavailable })
}

fn scale(core: &mut Core, deployment: &Value) {
    let wanted = replicas(deployment);
    let sets = owned(core, deployment);
    let current = current(core, deployment);
    let is_current = |set: &Value| current.as_deref().is_some_and(|one| object::uid(one) == object::uid(set));
    let old: Vec<_> = sets.iter().filter(|set| !is_current(set)).collect();
    let Some(current) = current.clone() else { return };
    let is_recreated = deployment["spec"]["strategy"]["type"] == "Recreate";
    let is_idle = |set: &Value| {
        replicas(set) == 0 && if is_recreated { !has_pods(core, set) } else { status(set, "replicas") == 0 }
    };
    if old.iter().all(|set| is_idle(set)) {
        scale_to(core, deployment, &current, wanted);
        return;
    }
    if is_recreated {
        for set in old {
            scale_to(core, deployment, set, 0);
        }
        return;
    }
    let (surge, unavailable) = surge_and_unavailable(deployment);
    let total: i64 = sets.iter().map(|set| replicas(set)).sum();
    let room = (wanted + surge - total).max(0);
    let up = if replicas(&current) > wanted { wanted } else { wanted.min(replicas(&current) + room) };
    scale_to(core, deployment, &current, up);
    let missing = up - status(&current, "availableReplicas");
    let total = total - replicas(&current) + up;
    let mut down = (total - (wanted - unavailable) - missing).max(0);
    // Those that are not available first: they carry nothing.
    let mut goals: Vec<_> = old.iter().map(|set| (*set, replicas(set))).collect();
    for (set, goal) in &mut goals {
        let step = down.min((*goal - status(set, "availableReplicas")).max(0));
        *goal -= step;
        down -= step;
    }
    let available: i64 = sets.iter().map(|set| status(set, "availableReplicas")).sum();
    let mut down = (available - (wanted - unavailable)).max(0);
    for (_, goal) in &mut goals {
        let step = down.min(*goal);
        *goal -= step;
        down -= step;
    }
    for (set, goal) in goals {
        scale_to(core, deployment, set, goal);
    }
}

/// Whether there are pods of a ReplicaSet, also such that end.
fn has_pods(core: &Core, set: &Value) -> bool {
    let pods = core.store.list("pods", object::text(set, "/metadata/namespace"));
    pods.iter().any(|pod| object::is_controlled_by(pod, object::uid(set)))
}

fn scale_to(core: &mut Core, deployment: &Value, set: &Value, goal: i64) {
    let before = replicas(set);
    if before == goal {
        return;
    }
    let namespace = object::text(set, "/metadata/namespace");
    let key = Key::new("replicasets", namespace, object::name(set));
    let wanted = deployment["spec"]["replicas"].to_string();
    write::edit(core, &key, &manager(""), |set| {
        object::set(set, &["spec", "replicas"], json!(goal));
        let annotations = object::object_at(set, &["metadata", "annotations"]);
        annotations.insert("deployment.kubernetes.io/desired-replicas".to_owned(), json!(wanted));
    });
    tell(core, deployment, object::name(set), before, goal);
}

fn tell(core: &mut Core, deployment: &Value, set: &str, before: i64, goal: i64) {
    let direction = if goal > before { "up" } else { "down" };
    let from = if core.flavour == Flavour::New { format!(" from {before}") } else { String::new() };
    let message = format!("Scaled {direction} replica set {set}{from} to {goal}");
    events::normal(core, events::Source::DeploymentController, deployment, "ScalingReplicaSet", &message);
}

/// Takes away ReplicaSets without pods beyond the history that is to be kept.
fn forget_old(core: &mut Core, deployment: &Value) {
    let keep = object::number(deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
    let current = current(core, deployment);
    let mut old: Vec<_> = owned(core, deployment)
        .into_iter()
        .filter(|set| current.as_deref().is_none_or(|one| object::uid(one) != object::uid(set)))
        .filter(|set| replicas(set) == 0 && status(set, "replicas") == 0)
        .collect();
    old.sort_by_key(|set| revision(set));
    let surplus = old.len().saturating_sub(usize::try_from(keep).unwrap_or_default());
    for set in &old[..surplus] {
        core.store.remove(&Key::new(
            "replicasets",
            object::text(set, "/metadata/namespace"),
            object::name(set),
        ));
    }
}
