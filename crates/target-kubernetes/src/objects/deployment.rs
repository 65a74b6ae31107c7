//! A service of a release: one Deployment that is never changed but in its size, and what it refers to.

use std::collections::BTreeMap;

use bascule_engine::ports::SlotSpec;
use bascule_model::plan::hex;
use bascule_model::release::{Service, patch};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::configuration::Configured;
use super::ending::Waits;
use super::pod;
use crate::names;

/// Everything that a service of a release is in the cluster.
pub(crate) struct Made {
    pub(crate) config_map: Option<Value>,
    pub(crate) secret: Option<Value>,
    pub(crate) deployment: Value,
}

/// The name of an object that was made here.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// The objects of a service, `replicas` pods of it. `waits`: what the API server has for pods that end; `owner`: the state
/// folder's id.
pub(crate) fn objects(spec: &SlotSpec, service: &Service, replicas: u32, waits: Waits, owner: &str) -> Made {
    let release = &spec.release;
    let configured = Configured::of(spec, service);
    let config_map = configured.config_map(release, &service.name);
    let secret = configured.secret(release, service);
    let labels = names::of_service(&release.key, &release.id, spec.slot, &service.name);
    let selector = names::selector(&release.key, &service.name, release.id.as_str());
    let told = pod::Told { config_map: config_map.as_ref().map(name), secret: secret.as_ref().map(name) };
    let pod = pod::spec(spec, service, &configured, told, waits);
    let mut deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": names::deployment(&release.key.app, &service.name, &release.id),
            "labels": labels,
            "annotations": { names::SPEC: "", names::OWNER: owner },
        },
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": release.rollout.deadline.as_secs().max(2),
            "selector": { "matchLabels": selector },
            "template": { "metadata": { "labels": labels }, "spec": pod },
        },
    });
    let patches = release.cluster.iter().flat_map(|cluster| &cluster.patches);
    for one in patches.filter(|one| one.service.as_ref().is_none_or(|name| *name == service.name)) {
        patch::merge(&mut deployment, &one.changes);
    }
    deployment["metadata"]["annotations"][names::SPEC] = json!(print(&deployment, &labels));
    Made { config_map, secret, deployment }
}

/// Of what a release is: its size is no part of that, as it may be changed at any time.
fn print(deployment: &Value, labels: &BTreeMap<String, String>) -> String {
    let mut all = deployment["spec"]["template"].to_string();
    // What is beside the template is the same for all, but for what a patch adds.
    let added = |kind: &str, is_usual: &dyn Fn(&str) -> bool| -> BTreeMap<String, Value> {
        let fields = deployment["metadata"][kind].as_object().into_iter().flatten();
        fields
            .filter(|(name, _)| !is_usual(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let more = [
        added("labels", &|name| labels.contains_key(name)),
        added("annotations", &|name| [names::SPEC, names::OWNER].contains(&name)),
    ];
    if more.iter().any(|fields| !fields.is_empty()) {
        all.push_str(&json!(more).to_string());
    }
    hex(&Sha256::digest(all))
}

#[cfg(test)]
mod tests;
