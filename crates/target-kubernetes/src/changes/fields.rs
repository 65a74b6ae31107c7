//! Where two objects of a kind differ, field by field. Pure.

use std::collections::BTreeSet;

use bascule_model::plan::FieldChange;
use serde_json::Value;

use crate::names;

/// What an object is, beside what the API server keeps about it.
const COMPARED: [&str; 3] = ["/metadata/labels", "/metadata/annotations", "/spec"];
/// What differs between any two releases, or is about the object and not about what it does.
const LEFT_OUT: [&str; 5] =
    [names::RELEASE, names::SLOT, names::SPEC, names::OWNER, "deployment.kubernetes.io/revision"];
/// Variables of ours that differ between any two releases.
const OF_A_RELEASE: [&str; 2] = ["BASCULE_RELEASE", "BASCULE_SLOT"];
/// What an object has beside what it is for.
const KEPT_BY_THE_SERVER: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];
/// What stands for a value of the configuration.
const HIDDEN: &str = "***";
/// What tells the elements of a list apart, the first that all of them have.
const KEYS: [&str; 6] = ["name", "mountPath", "containerPort", "key", "ip", "topologyKey"];

/// The differences, in the order of their paths.
pub(crate) fn differences(from: &Value, to: &Value) -> Vec<FieldChange> {
    let mut all = Vec::new();
    for pointer in COMPARED {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        compare(&path, from.pointer(pointer), to.pointer(pointer), &mut all);
    }
    all.retain(|field| variable(&field.path).is_none_or(|name| !OF_A_RELEASE.contains(&name)));
    for field in all.iter_mut().filter(|field| variable(&field.path).is_some()) {
        for value in [&mut field.from, &mut field.to].into_iter().flatten() {
            HIDDEN.clone_into(value);
        }
    }
    all
}

/// As [`differences`], of an object of any kind: its labels and annotations, and all that is beside its metadata. What a Secret holds is
/// told to differ, and not as what.
pub(crate) fn differences_of_all(from: &Value, to: &Value) -> Vec<FieldChange> {
    let mut all = Vec::new();
    for pointer in ["/metadata/labels", "/metadata/annotations"] {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        compare(&path, from.pointer(pointer), to.pointer(pointer), &mut all);
    }
    let names = |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<BTreeSet<_>>());
    let both = names(from).into_iter().chain(names(to)).flatten().collect::<BTreeSet<_>>();
    for name in both.iter().filter(|name| !KEPT_BY_THE_SERVER.contains(&name.as_str())) {
        compare(name, from.get(name), to.get(name), &mut all);
    }
    if to["kind"] == "Secret" {
        for value in all.iter_mut().flat_map(|field| [&mut field.from, &mut field.to]).flatten() {
            HIDDEN.clone_into(value);
        }
    }
    all
}

/// The variable that a path is about.
fn variable(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once(".env[")?;
    rest.split_once(']').map(|(name, _)| name)
}

/// As [`differences`], of those fields alone that `to` has: others have a right to all that is not ours.
pub(crate) fn differences_of_ours(from: &Value, to: &Value) -> Vec<FieldChange> {
    differences(from, to).into_iter().filter(|field| field.to.is_some()).collect()
}

fn compare(path: &str, from: Option<&Value>, to: Option<&Value>, all: &mut Vec<FieldChange>) {
    match (from, to) {
        _ if from == to => {}
        (Some(Value::Object(_)) | None, Some(Value::Object(_)) | None) => {
            let names = |value: Option<&Value>| -> BTreeSet<String> {
                value.and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
            };
            let both: BTreeSet<String> = names(from).into_iter().chain(names(to)).collect();
            for name in both.iter().filter(|name| !LEFT_OUT.contains(&name.as_str())) {
                let of = |value: Option<&'_ Value>| value.and_then(|value| value.get(name)).cloned();
                let inner = format!("{path}.{}", shown(name));
                compare(&inner, of(from).as_ref(), of(to).as_ref(), all);
            }
        }
        (Some(Value::Array(_)) | None, Some(Value::Array(_)) | None)
            if let Some(key) = key(from.into_iter().chain(to)) =>
        {
            let name = |element: &Value| text(&element[key]);
            let elements =
                |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
            let (from, to) = (elements(from), elements(to));
            let names: BTreeSet<String> = from.iter().chain(&to).map(name).collect();
            for one in names {
                let of = |list: &[Value]| list.iter().find(|element| name(element) == one).cloned();
                compare(&format!("{path}[{one}]"), of(&from).as_ref(), of(&to).as_ref(), all);
            }
        }
        _ => all.push(FieldChange { path: path.to_owned(), from: from.map(text), to: to.map(text) }),
    }
}

/// The field by which the elements of these lists are told apart; none where they are compared as a whole.
fn key<'a>(lists: impl Iterator<Item = &'a Value>) -> Option<&'static str> {
    let elements: Vec<&Value> = lists.filter_map(Value::as_array).flatten().collect();
    KEYS.into_iter().find(|key| !elements.is_empty() && elements.iter().all(|one| one.get(*key).is_some()))
}

/// A name with dots in it is one name.
fn shown(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_of_any_kind_is_told_and_a_secret_keeps_what_it_holds() {
        let object = |kind: &str, value: &str| {
            json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "a", "resourceVersion": value },
                "data": { "mode": value }, "status": { "seen": value } })
        };
        let told = |kind: &str| differences_of_all(&object(kind, "one"), &object(kind, "two"));
        let change = |from: &str, to: &str| FieldChange {
            path: "data.mode".to_owned(),
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
        };
        assert_eq!(told("ConfigMap"), [change("one", "two")]);
        assert_eq!(told("Secret"), [change(HIDDEN, HIDDEN)]);
    }

    fn told(from: &Value, to: &Value) -> Vec<String> {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let line =
            |field: &FieldChange| format!("{}: {} > {}", field.path, value(&field.from), value(&field.to));
        differences(from, to).iter().map(line).collect()
    }

    #[test]
    fn each_field_is_told_by_its_path() {
        let pod =
            |containers: Value| json!({ "spec": { "template": { "spec": { "containers": containers } } } });
        let image =
            |image: &str| pod(json!([{ "name": "app", "image": image }, { "name": "proxy", "image": "p" }]));
        for (from, to, expected) in [
            (image("a"), image("a"), vec![]),
            (image("a"), image("b"), vec!["spec.template.spec.containers[app].image: a > b"]),
            (
                image("a"),
                pod(
                    json!([{ "name": "proxy", "image": "p" }, { "name": "app", "image": "a", "args": ["x"] }]),
                ),
                vec!["spec.template.spec.containers[app].args: - > [\"x\"]"],
            ),
            (
                pod(json!([{ "name": "app" }, { "name": "proxy", "image": "p" }])),
                pod(json!([{ "name": "app" }])),
                vec![
                    "spec.template.spec.containers[proxy].image: p > -",
                    "spec.template.spec.containers[proxy].name: proxy > -",
                ],
            ),
            (
                json!({ "spec": { "replicas": 2, "strategy": { "type": "a" } } }),
                json!({ "spec": { "replicas": 3, "strategy": "b" } }),
                vec!["spec.replicas: 2 > 3", "spec.strategy: {\"type\":\"a\"} > b"],
            ),
            (
                json!({ "metadata": { "annotations": { "team.example/who": "a" }, "uid": "1" }, "status": 1 }),
                json!({ "metadata": { "annotations": { "team.example/who": "b" }, "uid": "2" }, "status": 2 }),
                vec!["metadata.annotations.\"team.example/who\": a > b"],
            ),
        ] {
            assert_eq!(told(&from, &to), expected);
        }
    }

    #[test]
    fn what_differs_between_any_two_releases_is_left_out() {
        let object = |release: &str| {
            let labels = json!({ names::RELEASE: release, names::SLOT: release, names::APP: "shop" });
            json!({
                "metadata": { "labels": labels, "annotations": { names::SPEC: release, names::OWNER: release } },
                "spec": { "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels } } },
            })
        };
        assert_eq!(told(&object("r1"), &object("r2")), Vec::<String>::new());
    }

    #[test]
    fn values_of_variables_are_hidden() {
        let object = |release: &str, value: &str| {
            let env =
                json!([{ "name": "BASCULE_RELEASE", "value": release }, { "name": "HOST", "value": value }]);
            json!({ "spec": { "containers": [{ "name": "app", "env": env }] } })
        };
        assert_eq!(
            told(&object("r1", "a"), &object("r2", "b")),
            ["spec.containers[app].env[HOST].value: *** > ***"]
        );
    }

    #[test]
    fn what_others_have_added_is_theirs() {
        let from = json!({ "spec": { "minReplicas": 1, "behavior": { "a": 1 } } });
        let to = json!({ "spec": { "minReplicas": 2 } });
        let fields = differences_of_ours(&from, &to);
        assert_eq!(fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>(), ["spec.minReplicas"]);
    }
}
