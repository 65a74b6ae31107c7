//! `Endpoints` of Services, the older form. They do not lag when slices do.

use serde_json::{Value, json};

use super::conditions::is_true;
use super::endpoint_slices::{pods, ports};
use super::manager;
use crate::core::Core;
use crate::object;
use crate::store::Key;
use crate::write::{self, Ownership, Persist};

pub(super) fn pass(core: &mut Core) {
    for service in core.store.list("services", "") {
        if service["spec"]["selector"].as_object().is_some_and(|selector| !selector.is_empty()) {
            write(core, &service);
        }
    }
    let without_service: Vec<_> = core
        .store
        .list("endpoints", "")
        .iter()
        .map(|one| Key::new("endpoints", object::text(one, "/metadata/namespace"), object::name(one)))
        .filter(|key| core.store.get(&Key { plural: "services", ..key.clone() }).is_none())
        .collect();
    for key in without_service {
        core.store.remove(&key);
    }
}

fn write(core: &mut Core, service: &Value) {
    let subsets = subsets(core, service);
    let key = Key::new("endpoints", object::text(service, "/metadata/namespace"), object::name(service));
    if core.store.get(&key).is_some() {
        write::edit(core, &key, &manager(""), |endpoints| object::set(endpoints, &["subsets"], subsets));
        return;
    }
    let resource = core.resource("endpoints");
    let labels = service["metadata"]["labels"].clone();
    let endpoints = json!({"metadata": {"labels": labels}, "subsets": subsets});
    drop(write::create(core, resource, key, endpoints, &manager(""), Ownership::Update, Persist::Kept));
}

fn subsets(core: &Core, service: &Value) -> Value {
    let address = |pod: &Value| {
        json!({
            "ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"],
            "targetRef": {
                "kind": "Pod", "namespace": pod["metadata"]["namespace"], "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            },
        })
    };
    let living: Vec<_> = pods(core, service).into_iter().filter(|pod| !object::is_terminating(pod)).collect();
    let (ready, other): (Vec<_>, Vec<_>) = living.iter().partition(|pod| is_true(pod, "Ready"));
    if living.is_empty() {
        return Value::Null;
    }
    let mut ports = ports(core, service);
    for port in ports.as_array_mut().into_iter().flatten().filter(|port| port["name"] == "") {
        object::set(port, &["name"], Value::Null);
    }
    let mut subset = json!({"ports": ports});
    for (field, pods) in [("addresses", ready), ("notReadyAddresses", other)] {
        if !pods.is_empty() {
            subset[field] = pods.iter().map(|pod| address(pod)).collect();
        }
    }
    json!([subset])
}
