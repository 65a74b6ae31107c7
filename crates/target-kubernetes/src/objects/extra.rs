//! Objects of the files of `manifests`, as they are applied: with the labels by which they are known to be ours. Pure.

use bascule_model::ids::{EnvironmentKey, Slot};
use bascule_model::release::Release;
use serde_json::{Value, json};

use super::route;
use crate::names;

/// What tells an object from the others of its namespace: group, kind, name.
pub(crate) type Identity<'a> = (&'a str, &'a str, &'a str);

/// Which object it is.
pub(crate) fn identity(object: &Value) -> Identity<'_> {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let (kind, name) = (object["kind"].as_str(), object["metadata"]["name"].as_str());
    (group, kind.unwrap_or_default(), name.unwrap_or_default())
}

/// The object as it is applied. `owner` is the state folder's id.
pub(crate) fn applied(key: &EnvironmentKey, manifest: &Value, owner: &str) -> Value {
    let mut object = manifest.clone();
    let metadata = &mut object["metadata"];
    for (kind, name, value) in [
        ("labels", names::MANAGED_BY, "bascule"),
        ("labels", names::APP, key.app.as_str()),
        ("labels", names::ENVIRONMENT, key.environment.as_str()),
        ("annotations", names::OWNER, owner),
        ("annotations", names::EXTRA, "true"),
    ] {
        // A table that is there and holds nothing may be written as nothing.
        if !metadata[kind].is_object() {
            metadata[kind] = json!({});
        }
        metadata[kind][name] = json!(value);
    }
    object
}

/// Whether it is the one whose backends are swapped: applied with each release, it would lead users to where the file says.
pub(crate) fn is_the_route(release: &Release, (group, kind, name): Identity<'_>) -> bool {
    let route = release.cluster.as_ref().and_then(|cluster| cluster.route.as_ref());
    route.is_some_and(|route| {
        (group, kind, name) == (route::group(route.kind), route.kind.as_str(), route.name.as_str())
    })
}

/// Whether Bascule itself makes an object of that kind and name for the app.
pub(crate) fn is_made_anyway(release: &Release, (group, kind, name): Identity<'_>) -> bool {
    let app = &release.key.app;
    let hash =
        |text: &str| text.len() == 10 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    release.services.iter().any(|service| {
        let service = &service.name;
        let behind = name.strip_prefix(&format!("{app}-{service}-")).unwrap_or_default();
        let cluster = release.cluster.as_ref();
        let is_routed = cluster.is_some_and(|cluster| crate::record::is_routed(cluster, service));
        let is_of_a_slot = || Slot::ALL.iter().any(|slot| name == names::slot_service(app, service, *slot));
        match (group, kind) {
            ("", "Service") if is_routed && is_of_a_slot() => true,
            ("", "Service")
            | ("policy", "PodDisruptionBudget")
            | ("autoscaling", "HorizontalPodAutoscaler")
            | ("networking.k8s.io", "NetworkPolicy") => name == names::service(app, service),
            ("apps", "Deployment") => behind
                .strip_prefix('r')
                .is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit())),
            ("", "ConfigMap") => hash(behind),
            ("batch", "Job") => behind.strip_prefix("exec-").is_some_and(hash),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_applied_is_known_to_be_ours() {
        let manifest = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "labels": { "x": "y" } }, "data": {} });
        let object = applied(&"shop/staging".parse().unwrap(), &manifest, "state-1");
        assert_eq!(object["metadata"]["labels"]["x"], "y");
        assert_eq!(object["metadata"]["labels"]["bascule.dev/app"], "shop");
        assert_eq!(object["metadata"]["annotations"]["bascule.dev/owner"], "state-1");
        assert_eq!(identity(&object), ("", "ConfigMap", "a"));
    }
}
