//! The keyed hash of how a container is made, by which one is known again: equal for equal requests, and tells no value.

use bascule_engine::ports::Vault;
use bollard::models::ContainerCreateBody;
use serde_json::Value;

/// The hash of a request without its labels.
pub(crate) fn of(vault: &dyn Vault, body: &ContainerCreateBody) -> String {
    let body = ContainerCreateBody { labels: None, ..body.clone() };
    let mut value = serde_json::to_value(&body).unwrap_or_default();
    sort(&mut value);
    vault.fingerprint(&value.to_string())
}

/// Maps of the engine's types have no order of their own.
fn sort(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(sort);
            map.sort_keys();
        }
        Value::Array(values) => values.iter_mut().for_each(sort),
        _ => {}
    }
}
