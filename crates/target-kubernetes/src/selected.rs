//! Whether a label selector, as objects of the API carry it, is for a pod. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

/// A selector that says nothing is for every pod; what is not known here selects nothing.
pub(crate) fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let each = selector["matchExpressions"].as_array().into_iter().flatten();
    equal.into_iter().all(|(name, value)| labels.get(name).is_some_and(|it| value == it.as_str()))
        && each.into_iter().all(|expression| holds(expression, labels))
}

fn holds(expression: &Value, labels: &BTreeMap<String, String>) -> bool {
    let found = expression["key"].as_str().and_then(|key| labels.get(key));
    let is_listed = || {
        let mut values = expression["values"].as_array().into_iter().flatten();
        found.is_some_and(|found| values.any(|value| value == found.as_str()))
    };
    match expression["operator"].as_str() {
        Some("In") => is_listed(),
        Some("NotIn") => !is_listed(),
        Some("Exists") => found.is_some(),
        Some("DoesNotExist") => found.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_are_read_as_the_cluster_reads_them() {
        let labels =
            BTreeMap::from([("app".to_owned(), "shop".to_owned()), ("slot".to_owned(), "blue".to_owned())]);
        for (selector, expected) in [
            (json!(null), true),
            (json!({}), true),
            (json!({ "matchLabels": { "app": "shop" } }), true),
            (json!({ "matchLabels": { "app": "other" } }), false),
            (json!({ "matchLabels": { "app": "shop", "tier": "web" } }), false),
            (
                json!({ "matchExpressions": [{ "key": "slot", "operator": "In", "values": ["blue", "red"] }] }),
                true,
            ),
            (
                json!({ "matchExpressions": [{ "key": "slot", "operator": "NotIn", "values": ["blue"] }] }),
                false,
            ),
            (
                json!({ "matchExpressions": [{ "key": "tier", "operator": "NotIn", "values": ["web"] }] }),
                true,
            ),
            (json!({ "matchExpressions": [{ "key": "slot", "operator": "Exists" }] }), true),
            (json!({ "matchExpressions": [{ "key": "slot", "operator": "DoesNotExist" }] }), false),
            (json!({ "matchExpressions": [{ "key": "slot", "operator": "Gt" }] }), false),
        ] {
            assert_eq!(selects(&selector, &labels), expected, "{selector}");
        }
    }
}
