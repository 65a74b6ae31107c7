//! Which objects may stand beside those that Bascule makes by itself. Pure.
//!
//! They belong to the environment's namespace and to nothing outside of it, hold nothing that has to be kept secret, and say nothing that
//! is the cluster's or Bascule's to say.

use serde_json::{Map, Value};

use crate::manifest::read::reader::shortened;
use crate::release::patch::is_reserved;
use crate::secret_shape::certain;

/// Why an object is not taken, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: String,
    pub(super) remedy: &'static str,
}

/// Kinds that belong to no namespace, as far as every cluster has them; of others the cluster is asked.
const OF_THE_CLUSTER: [&str; 16] = [
    "APIService",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CSIDriver",
    "CustomResourceDefinition",
    "GatewayClass",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingWebhookConfiguration",
];
/// What a file may say of an object beside what it is.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// Everything for which an object is not taken into an environment's namespace.
pub(super) fn refusals(object: &Value, namespace: &str) -> Vec<Refusal> {
    let refusal = |why: String, remedy| Refusal { why, remedy };
    if identity(object).is_none() {
        let why = "it lacks `apiVersion`, `kind` or `metadata.name`".to_owned();
        return vec![refusal(why, "write all three: an object is found again by them")];
    }
    let mut all = Vec::new();
    let kind = object["kind"].as_str().unwrap_or_default();
    if kind == "Secret" && object["apiVersion"] == "v1" {
        all.push(refusal(
            "a Secret does not belong in a file that is committed, nor in a release".to_owned(),
            "take it out of the files: put the value into the store (bascule secret set ENV NAME), or have the Secret made in the cluster by \
             whoever keeps it",
        ));
    }
    if OF_THE_CLUSTER.contains(&kind) {
        all.push(refusal(
            format!(
                "a {kind} belongs to no namespace, and this environment is its namespace {namespace} alone"
            ),
            "have it applied by whoever keeps the cluster",
        ));
    }
    let other = object["metadata"]["namespace"].as_str().filter(|other| *other != namespace);
    if let Some(other) = other {
        all.push(refusal(
            format!("it is for the namespace {}, and this environment is in {namespace}", shortened(other)),
            "leave `namespace` out: objects go where the environment is",
        ));
    }
    for (name, value) in object["metadata"].as_object().into_iter().flatten() {
        if !METADATA.contains(&name.as_str()) && !value.is_null() {
            let why = format!("`metadata.{}` is the cluster's to say", shortened(name));
            all.push(refusal(why, "leave it out"));
        }
    }
    if !says_nothing(&object["status"]) {
        all.push(refusal("`status` is the cluster's to say".to_owned(), "leave it out"));
    }
    let mut walk = Walk { path: String::new(), found: Vec::new() };
    walk.value(object);
    all.extend(walk.found);
    all
}

/// The object without what a tool writes into it and means nothing by.
pub(super) fn cleaned(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, value| name != "namespace" && !value.is_null());
    }
    object
}

/// What tells an object from the others of its namespace: group, kind, name. None where something is missing.
pub(super) fn identity(object: &Value) -> Option<(&str, &str, &str)> {
    let text = |value: &'_ Value| -> bool { value.as_str().is_some_and(|text| !text.is_empty()) };
    let (version, kind, name) = (&object["apiVersion"], &object["kind"], &object["metadata"]["name"]);
    if ![version, kind, name].into_iter().all(text) {
        return None;
    }
    let group = version.as_str()?.split_once('/').map_or("", |(group, _)| group);
    Some((group, kind.as_str()?, name.as_str()?))
}

/// What it is called: `ConfigMap shop-extra`.
pub(super) fn in_words(object: &Value) -> String {
    match identity(object) {
        Some((_, kind, name)) => format!("{} {}", shortened(kind), shortened(name)),
        None => "what begins there".to_owned(),
    }
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// Goes through all of an object.
struct Walk {
    path: String,
    found: Vec<Refusal>,
}

impl Walk {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let length = self.path.len();
                    self.path = if length == 0 { name.clone() } else { format!("{}.{name}", self.path) };
                    if name == "metadata" {
                        self.reserved(value);
                    }
                    self.value(value);
                    self.path.truncate(length);
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.value(element)),
            Value::String(text) => {
                if let Some((_, shape)) = certain(text) {
                    let why = format!(
                        "`{}` spells out what looks like a secret: {}",
                        shortened(&self.path),
                        shape.what
                    );
                    let remedy =
                        "take it out of the files, and put it into the store: bascule secret set ENV NAME";
                    self.found.push(Refusal { why, remedy });
                }
            }
            _ => {}
        }
    }

    /// Of the object itself and of pods that it makes: a Service takes pods by their labels.
    fn reserved(&mut self, metadata: &Value) {
        for kind in ["labels", "annotations"] {
            let names = metadata[kind].as_object().into_iter().flat_map(|fields| fields.keys());
            // A name of the app is anybody's to give.
            for name in names.filter(|name| is_reserved(name) && *name != "app.kubernetes.io/name") {
                let why = format!(
                    "Bascule knows its own by `{}`, in `{}.{kind}`",
                    shortened(name),
                    shortened(&self.path)
                );
                self.found.push(Refusal { why, remedy: "leave it out" });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_belongs_to_the_namespace_is_taken() {
        for object in [
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "a": "b" } }),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": "shop", "creationTimestamp": null }, "status": {} }),
            json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": { "name": "a" } }),
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "a", "labels": { "app.kubernetes.io/name": "shop" } },
                "spec": { "podSelector": { "matchLabels": { "bascule.dev/service": "web" } } } }),
        ] {
            assert_eq!(refusals(&object, "shop"), [], "{object}");
        }
    }

    #[test]
    fn what_does_not_is_refused_with_a_remedy() {
        let map = |metadata: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
        let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4));
        for (object, words) in [
            (json!(3), "it lacks `apiVersion`"),
            (
                json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "a-" } }),
                "it lacks `apiVersion`",
            ),
            (
                json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" } }),
                "a Secret does not belong",
            ),
            (
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } }),
                "belongs to no namespace",
            ),
            (map(json!({ "name": "a", "namespace": "other" })), "it is for the namespace other"),
            (map(json!({ "name": "a", "uid": "1" })), "`metadata.uid` is the cluster's"),
            (map(json!({ "name": "a", "managedFields": [] })), "`metadata.managedFields` is the cluster's"),
            (
                map(json!({ "name": "a", "ownerReferences": [{}] })),
                "`metadata.ownerReferences` is the cluster's",
            ),
            (
                map(json!({ "name": "a", "labels": { "bascule.dev/app": "x" } })),
                "`bascule.dev/app`, in `metadata.labels`",
            ),
            (
                map(json!({ "name": "a", "labels": { "app.kubernetes.io/managed-by": "Helm" } })),
                "managed-by`",
            ),
            (
                json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" }, "status": { "replicas": 1 } }),
                "`status` is the cluster's",
            ),
            (
                json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" },
                    "spec": { "template": { "metadata": { "labels": { "bascule.dev/release": "r1" } } } } }),
                "in `spec.template.metadata.labels`",
            ),
            (
                json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "k": token } }),
                "`data.k` spells out",
            ),
        ] {
            let told = refusals(&object, "shop");
            assert!(told.len() == 1 && told[0].why.contains(words), "{object}: {told:?}");
            assert!(!told[0].why.contains("ghp_") && told[0].remedy.len() > 10, "{told:?}");
        }
    }

    #[test]
    fn what_tools_write_is_left_out() {
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "status": {},
            "metadata": { "name": "a", "namespace": "shop", "creationTimestamp": null, "labels": { "a": "b" } } });
        let expected = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "labels": { "a": "b" } } });
        assert_eq!(cleaned(object), expected);
    }
}
