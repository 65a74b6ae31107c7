//! Whether a Deployment says only what Kubernetes has words for: an older API server passes over what it does not know, and nobody
//! would be told. Pure.

use k8s_openapi::api::apps::v1::Deployment;
use serde::Deserialize as _;
use serde_json::Value;

/// What is not understood, one sentence each.
pub(crate) fn not_understood(deployment: &Value) -> Vec<String> {
    let read = match Deployment::deserialize(deployment) {
        Ok(read) => serde_json::to_value(read).unwrap_or_default(),
        Err(error) => {
            return vec![format!("a field is of another type than Kubernetes has for it ({error})")];
        }
    };
    let mut paths = Vec::new();
    compare(deployment, &read, "", &mut paths);
    paths.iter().map(|path| format!("`{path}` is no field that Kubernetes has")).collect()
}

/// Paths of what is in one and not in the other.
fn compare(said: &Value, read: &Value, path: &str, lost: &mut Vec<String>) {
    match said {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match read.get(name) {
                    Some(read) => compare(value, read, &path, lost),
                    None if says_nothing(value) => {}
                    None => lost.push(path),
                }
            }
        }
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                compare(element, read.get(at).unwrap_or(&Value::Null), &format!("{path}[{at}]"), lost);
            }
        }
        _ => {}
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(pod: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" },
            "spec": { "selector": {}, "template": { "spec": pod } },
        })
    }

    #[test]
    fn a_word_that_kubernetes_does_not_have_is_named_with_its_place() {
        let table = [
            (
                json!({ "containers": [{ "name": "app", "resources": {}, "envFrom": [] }], "volumes": [{ "name": "t", "emptyDir": {} }] }),
                "",
            ),
            (json!({ "containers": [], "toleratons": [{ "key": "a" }] }), "`spec.template.spec.toleratons`"),
            (
                json!({ "containers": [{ "name": "app" }, { "name": "b", "imagePolicy": "x" }] }),
                "`spec.template.spec.containers[1].imagePolicy`",
            ),
            (json!({ "containers": [], "priority": "high" }), "another type"),
        ];
        for (pod, expected) in table {
            let told = not_understood(&with(&pod)).join("; ");
            assert!(told.contains(expected) && (told.is_empty() == expected.is_empty()), "{pod}: {told}");
        }
    }
}
