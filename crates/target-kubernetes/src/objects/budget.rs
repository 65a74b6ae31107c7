//! The PodDisruptionBudget of a service: how many of its pods may be taken away at once when a node is emptied, whatever release they
//! are of.

use bascule_model::ids::EnvironmentKey;
use bascule_model::plan::hex;
use bascule_model::release::Service;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::names;

pub(crate) const GROUP: &str = "policy";
/// Versions that we can write, the best first.
pub(crate) const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// Whether a service gets one: with a single pod it would only keep nodes from being emptied.
pub(crate) fn is_wanted(service: &Service) -> bool {
    service.instances >= 2
}

/// The object. `owner` is the state folder's id.
pub(crate) fn budget(key: &EnvironmentKey, service: &Service, version: &str, owner: &str) -> Value {
    let spec = json!({
        "maxUnavailable": service.pods.max_unavailable.unwrap_or(1),
        "selector": { "matchLabels": names::pods_of(key, &service.name) },
    });
    let print = hex(&Sha256::digest(spec.to_string()));
    json!({
        "apiVersion": format!("{GROUP}/{version}"),
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": names::service(&key.app, &service.name),
            "labels": names::of_every_release(key, &service.name),
            "annotations": { names::SPEC: print, names::OWNER: owner },
        },
        "spec": spec,
    })
}
