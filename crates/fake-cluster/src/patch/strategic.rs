//! Strategic merge patch: as a merge patch, but for lists with names, which are merged item by item.
//!
//! `$patch: delete` and `$patch: replace` are known; `$retainKeys` and `$setElementOrder` are passed over.

use serde_json::{Map, Value};

/// The field that names an item of a list.
fn merge_key(list: &str, kind: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" => Some("name"),
        "ports" if kind == "Service" => Some("port"),
        "ports" if ["Deployment", "ReplicaSet", "Job", "Pod"].contains(&kind) => Some("containerPort"),
        "volumeMounts" => Some("mountPath"),
        "conditions" => Some("type"),
        "ownerReferences" => Some("uid"),
        _ => None,
    }
}

pub(super) fn patch(live: &Value, body: &Value, kind: &str) -> Value {
    let mut new = live.clone();
    merge(&mut new, body, kind);
    new
}

fn merge(live: &mut Value, patch: &Value, kind: &str) {
    let Some(patch) = patch.as_object() else {
        live.clone_from(patch);
        return;
    };
    if !live.is_object() || patch.get("$patch").is_some_and(|how| how == "replace") {
        *live = Value::Object(Map::new());
    }
    let Some(fields) = live.as_object_mut() else { return };
    for (name, value) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        match (value, merge_key(name, kind)) {
            (Value::Null, _) => drop(fields.remove(name)),
            (Value::Array(items), Some(key)) => {
                let list = fields.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
                merge_list(list, items, key, kind);
            }
            _ => merge(fields.entry(name.clone()).or_insert(Value::Null), value, kind),
        }
    }
}

fn merge_list(live: &mut Value, items: &[Value], key: &str, kind: &str) {
    let Some(list) = live.as_array_mut() else { return };
    if items.iter().any(|item| item["$patch"] == "replace") {
        list.clear();
    }
    for item in items.iter().filter(|item| item["$patch"] != "replace") {
        if item["$patch"] == "delete" {
            list.retain(|one| one[key] != item[key]);
        } else if let Some(one) = list.iter_mut().find(|one| one[key] == item[key]) {
            merge(one, item, kind);
        } else {
            list.push(item.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_with_names_are_merged_item_by_item() {
        let live = json!({"spec": {"a": 1, "b": 2, "containers": [{"name": "x", "image": "1", "args": ["1"]}, {"name": "y"}]}});
        let cases = [
            (
                json!({"spec": {"b": null}}),
                "/spec",
                json!({"a": 1, "containers": live["spec"]["containers"]}),
            ),
            (
                json!({"spec": {"containers": [{"name": "x", "args": ["2"]}, {"name": "z"}]}}),
                "/spec/containers",
                json!([{"name": "x", "image": "1", "args": ["2"]}, {"name": "y"}, {"name": "z"}]),
            ),
            (
                json!({"spec": {"containers": [{"name": "x", "$patch": "delete"}]}}),
                "/spec/containers",
                json!([{"name": "y"}]),
            ),
            (json!({"spec": {"$patch": "replace", "c": 3}}), "/spec", json!({"c": 3})),
        ];
        for (body, pointer, expected) in cases {
            assert_eq!(patch(&live, &body, "Pod").pointer(pointer), Some(&expected), "{body}");
        }
    }
}
