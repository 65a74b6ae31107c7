//! The HorizontalPodAutoscaler of a service: it belongs to the service, and scales the Deployment of whichever release is live.

use bascule_model::ids::{EnvironmentKey, ServiceName};
use bascule_model::plan::hex;
use bascule_model::release::Scale;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::names;

pub(crate) const GROUP: &str = "autoscaling";
/// Versions that we can write, the best first.
pub(crate) const VERSIONS: [&str; 3] = ["v2", "v2beta2", "v1"];

/// The object, for that Deployment. `owner` is the state folder's id.
pub(crate) fn scaler(
    key: &EnvironmentKey,
    service: &ServiceName,
    scale: Scale,
    deployment: &str,
    version: &str,
    owner: &str,
) -> Value {
    let mut spec = json!({
        "scaleTargetRef": target(deployment),
        "minReplicas": scale.min,
        "maxReplicas": scale.max,
    });
    if version == "v1" {
        spec["targetCPUUtilizationPercentage"] = json!(scale.cpu);
    } else {
        let target = json!({ "type": "Utilization", "averageUtilization": scale.cpu });
        spec["metrics"] = json!([{ "type": "Resource", "resource": { "name": "cpu", "target": target } }]);
    }
    let print = hex(&Sha256::digest(spec.to_string()));
    json!({
        "apiVersion": format!("{GROUP}/{version}"),
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": names::service(&key.app, service),
            "labels": names::of_every_release(key, service),
            "annotations": { names::SPEC: print, names::OWNER: owner },
        },
        "spec": spec,
    })
}

/// What it scales.
pub(crate) fn target(deployment: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment })
}
