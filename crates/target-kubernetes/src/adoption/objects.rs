//! Deployments and ReplicaSets as they are made, noted and changed in an adoption. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use serde_json::{Value, json};

use crate::names;

/// The label by which a Deployment's controller tells its ReplicaSets apart.
const HASH: &str = "pod-template-hash";
/// What the API server and the controllers write into metadata.
const OF_THE_SERVER: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "ownerReferences",
];
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What was adopted, as it can be made again.
pub(super) fn original(deployment: &Deployment) -> Value {
    let mut object = serde_json::to_value(deployment).unwrap_or_default();
    object["apiVersion"] = json!("apps/v1");
    object["kind"] = json!("Deployment");
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        OF_THE_SERVER.iter().for_each(|field| drop(metadata.remove(*field)));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(REVISION);
        }
    }
    object
}

/// Those of our labels that pods of a ReplicaSet can be given: what it selects them by has to stay as it is. An error: the label without
/// which they would not be ours.
pub(super) fn added(
    labels: BTreeMap<String, String>,
    set: &ReplicaSet,
) -> Result<BTreeMap<String, String>, String> {
    let selector = set.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone()).unwrap_or_default();
    let mut added = BTreeMap::new();
    for (label, value) in labels {
        match selector.get(&label) {
            None => drop(added.insert(label, value)),
            Some(there) if *there == value || label == names::NAME => {}
            Some(_) => return Err(label),
        }
    }
    Ok(added)
}

/// Our labels as they were before: gone, or what the first Deployment said.
pub(super) fn restored(
    labels: &BTreeMap<String, String>,
    original: &Value,
) -> BTreeMap<String, Option<String>> {
    let is_ours = |label: &&String| {
        label.starts_with("bascule.dev/") || [names::MANAGED_BY, names::NAME].contains(&label.as_str())
    };
    let before = &original["spec"]["template"]["metadata"]["labels"];
    labels
        .keys()
        .filter(is_ours)
        .map(|label| (label.clone(), before[label].as_str().map(str::to_owned)))
        .collect()
}

/// The template of a ReplicaSet as its Deployment has it.
pub(super) fn template(set: &ReplicaSet) -> Value {
    let mut template =
        set.spec.as_ref().and_then(|spec| spec.template.clone()).map_or(Value::Null, |it| json!(it));
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    template
}

/// Our Deployment for a ReplicaSet that has our labels already. It does nothing before it is let go on, so that a ReplicaSet that it does
/// not know for its own is left as it is.
pub(super) fn ours(
    name: &str,
    labels: &BTreeMap<String, String>,
    selector: &BTreeMap<String, String>,
    set: &ReplicaSet,
    note: &str,
    owner: &str,
) -> Value {
    let original: Value = serde_json::from_str(note).unwrap_or_default();
    let mut spec = json!({
        "paused": true,
        "replicas": set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        "revisionHistoryLimit": 0,
        "selector": { "matchLabels": selector },
        "template": template(set),
    });
    for field in ["minReadySeconds", "progressDeadlineSeconds", "strategy"] {
        if !original["spec"][field].is_null() {
            spec[field] = original["spec"][field].clone();
        }
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": { names::OWNER: owner, names::ADOPTED: note },
        },
        "spec": spec,
    })
}

/// Whether every pod of a Deployment is of its present template, and well; else why not.
pub(super) fn unsettled(deployment: &Deployment) -> Option<String> {
    let spec = deployment.spec.as_ref()?;
    let status = deployment.status.clone().unwrap_or_default();
    let wanted = spec.replicas.unwrap_or(1);
    let all = [status.replicas, status.updated_replicas, status.available_replicas];
    if deployment.metadata.deletion_timestamp.is_some() {
        return Some("it is being removed".to_owned());
    }
    if spec.paused == Some(true) {
        return Some("it is paused".to_owned());
    }
    if status.observed_generation != deployment.metadata.generation {
        return Some("its controller has not seen its last change".to_owned());
    }
    if wanted == 0 {
        return Some("it has no pods".to_owned());
    }
    if all.iter().any(|count| count.unwrap_or(0) != wanted) {
        let [pods, updated, available] = all.map(|count| count.unwrap_or(0));
        return Some(format!(
            "of {wanted} pods {pods} are there, {updated} are as it wants them now, {available} are well"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    fn deployment(spec: &Value, status: &Value) -> Deployment {
        let metadata = json!({
            "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 2,
            "labels": { "app": "web" }, "annotations": { REVISION: "3", "team": "a" },
            "managedFields": [], "creationTimestamp": "2026-01-01T00:00:00Z",
        });
        let mut full = json!({
            "replicas": 2, "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "web" }] } },
        });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        from_value(json!({ "metadata": metadata, "spec": full, "status": status })).unwrap()
    }

    #[test]
    fn what_is_noted_can_be_made_again() {
        let object = original(&deployment(&json!({}), &json!({ "replicas": 2 })));
        assert_eq!(
            object["metadata"],
            json!({ "name": "web", "namespace": "shop", "labels": { "app": "web" }, "annotations": { "team": "a" } })
        );
        assert_eq!((&object["kind"], &object["status"]), (&json!("Deployment"), &Value::Null));
        assert_eq!(object["spec"]["selector"]["matchLabels"]["app"], "web");
    }

    #[test]
    fn labels_by_which_pods_are_found_stay_as_they_are() {
        let set = |selector: Value| -> ReplicaSet {
            from_value(json!({ "metadata": {}, "spec": { "selector": { "matchLabels": selector } } }))
                .unwrap()
        };
        let ours = || {
            BTreeMap::from(
                [(names::NAME, "shop"), (names::MANAGED_BY, "bascule"), (names::APP, "shop")]
                    .map(|(a, b)| (a.to_owned(), b.to_owned())),
            )
        };
        let keys = |added: BTreeMap<String, String>| added.into_keys().collect::<Vec<_>>();
        let all = added(ours(), &set(json!({ "app": "web" }))).unwrap();
        assert_eq!(all, ours());
        let helm = added(ours(), &set(json!({ names::NAME: "web", HASH: "x" }))).unwrap();
        assert_eq!(keys(helm), [names::MANAGED_BY, names::APP]);
        assert_eq!(
            added(ours(), &set(json!({ names::MANAGED_BY: "Helm" }))),
            Err(names::MANAGED_BY.to_owned())
        );
        let original = json!({ "spec": { "template": { "metadata": { "labels": { "app": "web", names::MANAGED_BY: "Helm" } } } } });
        let mut now = ours();
        now.insert("app".to_owned(), "web".to_owned());
        let expected = [(names::MANAGED_BY, Some("Helm")), (names::NAME, None), (names::APP, None)];
        let expected: BTreeMap<String, Option<String>> =
            expected.into_iter().map(|(label, value)| (label.to_owned(), value.map(str::to_owned))).collect();
        assert_eq!(restored(&now, &original), expected);
    }

    #[test]
    fn only_what_stands_still_is_adopted() {
        let good =
            json!({ "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 });
        let with = |field: &str, value: i64| {
            let mut status = good.clone();
            status[field] = json!(value);
            status
        };
        for (spec, status, why) in [
            (json!({}), good.clone(), None),
            (json!({ "paused": true }), good.clone(), Some("paused")),
            (json!({ "replicas": 0 }), with("replicas", 0), Some("no pods")),
            (json!({}), with("observedGeneration", 1), Some("last change")),
            (json!({}), with("updatedReplicas", 1), Some("1 are as it wants")),
            (json!({}), with("availableReplicas", 1), Some("1 are well")),
            (json!({}), with("replicas", 3), Some("3 are there")),
        ] {
            let said = unsettled(&deployment(&spec, &status));
            assert_eq!(said.is_some(), why.is_some(), "{spec} {status}: {said:?}");
            assert!(said.unwrap_or_default().contains(why.unwrap_or_default()));
        }
    }

    #[test]
    fn ours_has_the_very_template_of_the_set() {
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let template = json!({ "metadata": { "labels": { "app": "web", "a": "b", HASH: "x1" } }, "spec": { "containers": [{ "name": "web" }] } });
        let set: ReplicaSet = from_value(json!({
            "metadata": { "name": "web-x1" },
            "spec": { "replicas": 3, "selector": { "matchLabels": { "app": "web", HASH: "x1" } }, "template": template },
        }))
        .unwrap();
        let note =
            original(&deployment(&json!({ "strategy": { "type": "Recreate" } }), &json!({}))).to_string();
        let made = ours("shop-web-r1", &labels, &labels, &set, &note, "state-1");
        assert_eq!(made["spec"]["template"]["metadata"]["labels"], json!({ "app": "web", "a": "b" }));
        assert_eq!(made["spec"]["strategy"]["type"], "Recreate");
        assert_eq!((&made["spec"]["replicas"], &made["spec"]["paused"]), (&json!(3), &json!(true)));
        assert_eq!(made["metadata"]["annotations"][names::ADOPTED], note);
    }
}
