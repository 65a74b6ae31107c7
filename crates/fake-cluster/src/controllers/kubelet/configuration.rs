//! ConfigMaps and Secrets that a pod refers to, and that are not there.

use serde_json::Value;

use crate::core::Core;
use crate::object;
use crate::store::Key;

/// What is missing first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// A volume cannot be mounted; the pod stays in `ContainerCreating`.
    Volume { message: String },
    /// A variable has no value; the container is in `CreateContainerConfigError`.
    Variable { container: String, message: String },
}

pub(super) fn missing(core: &Core, namespace: &str, pod: &Value) -> Option<Missing> {
    let volume = object::items(pod, "/spec/volumes").iter().find_map(|volume| {
        let why = whole(core, namespace, &volume["configMap"], "configmaps", "/name")
            .or_else(|| whole(core, namespace, &volume["secret"], "secrets", "/secretName"))?;
        let message = format!("MountVolume.SetUp failed for volume {} : {why}", volume["name"]);
        Some(Missing::Volume { message })
    });
    volume.or_else(|| {
        object::items(pod, "/spec/containers").iter().find_map(|container| {
            let message = variables(core, namespace, container)?;
            Some(Missing::Variable { container: object::text(container, "/name").to_owned(), message })
        })
    })
}

fn variables(core: &Core, namespace: &str, container: &Value) -> Option<String> {
    let from = object::items(container, "/envFrom").iter().find_map(|source| {
        whole(core, namespace, &source["configMapRef"], "configmaps", "/name")
            .or_else(|| whole(core, namespace, &source["secretRef"], "secrets", "/name"))
    });
    from.or_else(|| {
        object::items(container, "/env").iter().find_map(|variable| {
            let source = &variable["valueFrom"];
            key(core, namespace, &source["configMapKeyRef"], "configmaps")
                .or_else(|| key(core, namespace, &source["secretKeyRef"], "secrets"))
        })
    })
}

/// Why a reference to an object, or to some of its keys, cannot be met.
fn whole(
    core: &Core,
    namespace: &str,
    reference: &Value,
    plural: &'static str,
    name: &str,
) -> Option<String> {
    if !reference.is_object() || reference["optional"] == true {
        return None;
    }
    let name = object::text(reference, name);
    let Some(found) = core.store.get(&Key::new(plural, namespace, name)) else {
        return Some(format!("{} {name:?} not found", plural.trim_end_matches('s')));
    };
    let keys = object::items(reference, "/items").iter().map(|item| object::text(item, "/key"));
    keys.into_iter()
        .find(|key| !has(found, key))
        .map(|key| format!("references non-existent config key: {key}"))
}

fn key(core: &Core, namespace: &str, reference: &Value, plural: &'static str) -> Option<String> {
    if !reference.is_object() || reference["optional"] == true {
        return None;
    }
    let (name, key) = (object::text(reference, "/name"), object::text(reference, "/key"));
    match core.store.get(&Key::new(plural, namespace, name)) {
        None => Some(format!("{} {name:?} not found", plural.trim_end_matches('s'))),
        Some(found) if !has(found, key) => {
            let kind = if plural == "secrets" { "Secret" } else { "ConfigMap" };
            Some(format!("couldn't find key {key} in {kind} {namespace}/{name}"))
        }
        Some(_) => None,
    }
}

fn has(object: &Value, key: &str) -> bool {
    ["data", "binaryData"].iter().any(|part| object[part].get(key).is_some())
}
