//! Slices of a Service's endpoints.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::conditions::is_true;
use super::{Due, manager};
use crate::Slices;
use crate::core::Core;
use crate::kinds::Flavour;
use crate::object;
use crate::selector::has_labels;
use crate::store::Key;
use crate::write::{self, Ownership, Persist};

const SERVICE: &str = "kubernetes.io/service-name";

pub(super) fn pass(core: &mut Core, due: &mut Due) {
    for service in core.store.list("services", "") {
        if service["spec"]["selector"].as_object().is_none_or(serde_json::Map::is_empty) {
            continue;
        }
        let mut wanted = endpoints(core, &service);
        if let Slices::Only(count) = core.slices {
            wanted.truncate(count);
        }
        if wanted == written(core, &service) && !slices(core, &service).is_empty() {
            core.memory.slices.remove(object::uid(&service));
            continue;
        }
        if !is_time(core, &service, due) {
            continue;
        }
        write(core, &service, &wanted);
    }
}

/// Whether slices that lag behind have lagged long enough.
fn is_time(core: &mut Core, service: &Value, due: &mut Due) -> bool {
    let Slices::Lag(lag) = core.slices else { return true };
    let now = core.clock.now();
    let uid = object::uid(service).to_owned();
    let when: Instant = *core.memory.slices.entry(uid.clone()).or_insert(now + lag);
    if when > now {
        due.at(when);
        return false;
    }
    core.memory.slices.remove(&uid);
    true
}

/// The pods that a Service selects and that have an address, by name.
pub(super) fn pods(core: &Core, service: &Value) -> Vec<std::sync::Arc<Value>> {
    let pods = core.store.list("pods", object::text(service, "/metadata/namespace"));
    let has_ended = |pod: &Value| ["Succeeded", "Failed"].contains(&object::text(pod, "/status/phase"));
    let selector = &service["spec"]["selector"];
    pods.into_iter()
        .filter(|pod| {
            has_labels(pod, selector) && !object::text(pod, "/status/podIP").is_empty() && !has_ended(pod)
        })
        .collect()
}

fn endpoints(core: &Core, service: &Value) -> Vec<Value> {
    let publishes_all = service["spec"]["publishNotReadyAddresses"] == true;
    let is_new = core.flavour == Flavour::New;
    // Before terminating endpoints were shown, a pod that ends left at once.
    let shown = pods(core, service).into_iter().filter(|pod| is_new || !object::is_terminating(pod));
    shown
        .map(|pod| {
            let (serves, ends) = (is_true(&pod, "Ready"), object::is_terminating(&pod));
            let ready = publishes_all || serves && !ends;
            let conditions = if is_new {
                json!({"ready": ready, "serving": serves, "terminating": ends})
            } else {
                json!({"ready": ready})
            };
            let mut endpoint = json!({
                "addresses": [pod["status"]["podIP"]],
                "conditions": conditions,
                "targetRef": {
                    "kind": "Pod", "namespace": pod["metadata"]["namespace"], "name": pod["metadata"]["name"],
                    "uid": pod["metadata"]["uid"],
                },
            });
            if is_new {
                endpoint["nodeName"] = pod["spec"]["nodeName"].clone();
            } else {
                endpoint["topology"] = json!({"kubernetes.io/hostname": pod["spec"]["nodeName"]});
            }
            endpoint
        })
        .collect()
}

fn slices(core: &Core, service: &Value) -> Vec<std::sync::Arc<Value>> {
    let all = core.store.list("endpointslices", object::text(service, "/metadata/namespace"));
    all.into_iter().filter(|slice| object::is_controlled_by(slice, object::uid(service))).collect()
}

fn written(core: &Core, service: &Value) -> Vec<Value> {
    let mut all: Vec<Value> =
        slices(core, service).iter().flat_map(|slice| object::items(slice, "/endpoints").to_vec()).collect();
    all.sort_by(|one, other| {
        object::text(one, "/targetRef/name").cmp(object::text(other, "/targetRef/name"))
    });
    all
}

/// Writes the endpoints into the slices there are, makes more of them where they do not do, and takes what is too many.
fn write(core: &mut Core, service: &Value, wanted: &[Value]) {
    let namespace = object::text(service, "/metadata/namespace");
    let mut parts: Vec<&[Value]> = wanted.chunks(core.endpoints_per_slice.max(1)).collect();
    if parts.is_empty() {
        parts.push(&[]);
    }
    let ports = ports(core, service);
    let there = slices(core, service);
    for (index, part) in parts.iter().enumerate() {
        if let Some(slice) = there.get(index) {
            let key = Key::new("endpointslices", namespace, object::name(slice));
            write::edit(core, &key, &manager(""), |slice| {
                slice["endpoints"] = json!(part);
                slice["ports"] = ports.clone();
            });
        } else {
            let name = format!("{}-{}", object::name(service), core.chance.suffix());
            let slice = json!({
                "metadata": {
                    "generateName": format!("{}-", object::name(service)),
                    "labels": {
                        SERVICE: object::name(service),
                        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                    },
                    "ownerReferences": [object::owner_reference(service)],
                },
                "addressType": "IPv4", "endpoints": part, "ports": ports,
            });
            let resource = core.resource("endpointslices");
            let key = Key::new("endpointslices", namespace, &name);
            drop(write::create(core, resource, key, slice, &manager(""), Ownership::Update, Persist::Kept));
        }
    }
    for slice in there.iter().skip(parts.len()) {
        core.store.remove(&Key::new("endpointslices", namespace, object::name(slice)));
    }
}

/// The Service's ports as its pods listen on them; a name of a port is looked up in the first pod.
pub(super) fn ports(core: &Core, service: &Value) -> Value {
    let pod = pods(core, service).into_iter().next();
    let ports = object::items(service, "/spec/ports").iter().map(|port| {
        let target = match &port["targetPort"] {
            Value::String(name) => pod
                .iter()
                .flat_map(|pod| object::items(pod, "/spec/containers"))
                .flat_map(|container| object::items(container, "/ports"))
                .find(|one| one["name"] == name.as_str())
                .map_or(Value::Null, |one| one["containerPort"].clone()),
            number => number.clone(),
        };
        let name = port["name"].as_str().unwrap_or_default();
        json!({"name": name, "port": target, "protocol": port["protocol"]})
    });
    ports.collect()
}
