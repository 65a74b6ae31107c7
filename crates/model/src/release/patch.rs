//! What an environment adds to the Deployments of a cluster beside what Bascule says of them, and how such an addition is merged: as a
//! strategic merge patch of Kubernetes, in which lists with a key are merged element by element.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::ServiceName;

/// An addition to the Deployments of an environment. What may stand in it is checked when the manifest is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeploymentPatch {
    /// The service whose Deployment it is for; none: for that of each service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// `metadata` and `spec`, each only where there is something for it.
    pub changes: Value,
}

/// In an element of a list with a key: takes out the one that has this key.
pub const DIRECTIVE: &str = "$patch";
/// The one word that [`DIRECTIVE`] may say.
pub const DELETE: &str = "delete";

/// The name of the container that a service runs in.
pub const CONTAINER: &str = "app";

/// By which field an element of a list of this name is found, as the types of Kubernetes say (`patchMergeKey`); none: the list is
/// replaced as a whole.
#[must_use]
pub fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" | "resourceClaims"
        | "schedulingGates" => Some("name"),
        "ports" => Some("containerPort"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}

/// Whether a label or an annotation of this name is set by Bascule, and by nobody else.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    name.starts_with("bascule.dev/")
        || ["app.kubernetes.io/managed-by", "app.kubernetes.io/name"].contains(&name)
}

/// Merges an addition into an object.
pub fn merge(object: &mut Value, changes: &Value) {
    match (object, changes) {
        (Value::Object(object), Value::Object(changes)) => {
            for (name, value) in changes {
                let there = object.entry(name.as_str()).or_insert(Value::Null);
                match (merge_key(name), value) {
                    (Some(key), Value::Array(elements)) => merge_list(there, elements, key),
                    _ => merge(there, value),
                }
            }
        }
        (object, changes) => object.clone_from(changes),
    }
}

fn merge_list(list: &mut Value, changes: &[Value], key: &str) {
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let Some(list) = list.as_array_mut() else { return };
    for element in changes {
        if element.get(DIRECTIVE).is_some_and(|word| word == DELETE) {
            list.retain(|one| one.get(key) != element.get(key));
        } else if let Some(there) = list.iter_mut().find(|one| one.get(key) == element.get(key)) {
            merge(there, element);
        } else {
            list.push(element.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_with_a_key_are_merged_and_others_are_replaced() {
        let object = json!({ "spec": {
            "containers": [{ "name": "app", "image": "1", "volumeMounts": [{ "mountPath": "/tmp", "name": "tmp" }] }],
            "volumes": [{ "name": "tmp", "emptyDir": {} }],
            "tolerations": [{ "key": "a" }],
            "nodeSelector": { "disk": "ssd" },
        } });
        let table = [
            (json!({}), "/spec/nodeSelector", json!({ "disk": "ssd" })),
            (
                json!({ "spec": { "nodeSelector": { "arch": "arm64" } } }),
                "/spec/nodeSelector",
                json!({ "disk": "ssd", "arch": "arm64" }),
            ),
            (
                json!({ "spec": { "tolerations": [{ "key": "b" }] } }),
                "/spec/tolerations",
                json!([{ "key": "b" }]),
            ),
            (
                json!({ "spec": { "containers": [{ "name": "side", "image": "2" }] } }),
                "/spec/containers/1",
                json!({ "name": "side", "image": "2" }),
            ),
            (
                json!({ "spec": { "containers": [{ "name": "app", "volumeMounts": [{ "mountPath": "/data", "name": "data" }] }] } }),
                "/spec/containers/0/volumeMounts",
                json!([{ "mountPath": "/tmp", "name": "tmp" }, { "mountPath": "/data", "name": "data" }]),
            ),
            (
                json!({ "spec": { "volumes": [{ "name": "tmp", "emptyDir": { "sizeLimit": "1Gi" } }] } }),
                "/spec/volumes",
                json!([{ "name": "tmp", "emptyDir": { "sizeLimit": "1Gi" } }]),
            ),
            (
                json!({ "spec": { "volumes": [{ "name": "tmp", "$patch": "delete" }, { "name": "other", "emptyDir": {} }] } }),
                "/spec/volumes",
                json!([{ "name": "other", "emptyDir": {} }]),
            ),
            (
                json!({ "spec": { "hostAliases": [{ "ip": "10.0.0.1", "hostnames": ["db"] }] } }),
                "/spec/hostAliases",
                json!([{ "ip": "10.0.0.1", "hostnames": ["db"] }]),
            ),
        ];
        for (changes, place, expected) in table {
            let mut merged = object.clone();
            merge(&mut merged, &changes);
            assert_eq!(merged.pointer(place), Some(&expected), "{changes}");
        }
    }

    #[test]
    fn a_patch_survives_json() {
        for service in [None, Some("web".parse().unwrap())] {
            let patch = DeploymentPatch { service, changes: json!({ "spec": { "template": {} } }) };
            let text = serde_json::to_string(&patch).unwrap();
            assert_eq!(serde_json::from_str::<DeploymentPatch>(&text).unwrap(), patch);
        }
    }
}
