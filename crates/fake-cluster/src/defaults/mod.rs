//! What the server fills in where an object says nothing, and what it allocates.

mod pod;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::core::Core;
use crate::kinds::{Flavour, Resource};
use crate::object::{self, default};

/// Fills in an object before it is validated. `old` is what it replaces.
pub(crate) fn fill(core: &Core, resource: &Resource, old: Option<&Value>, new: &mut Value) {
    new["apiVersion"] = json!(resource.api_version());
    new["kind"] = json!(resource.kind);
    match resource.plural {
        "deployments" => deployment(new),
        "replicasets" => {
            default(new, &["spec", "replicas"], json!(1));
            pod::template(new);
        }
        "jobs" => job(core, new),
        "pods" => {
            default(new, &["status", "phase"], json!("Pending"));
            pod::specification(&mut new["spec"], pod::Of::Pod);
        }
        "services" => service(core, old, new),
        "secrets" => secret(new),
        "namespaces" => {
            default(new, &["spec", "finalizers"], json!(["kubernetes"]));
            default(new, &["status", "phase"], json!("Active"));
            let name = new_name(new);
            object::set(new, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
        }
        "httproutes" => http_route(new),
        "horizontalpodautoscalers" => default(new, &["spec", "minReplicas"], json!(1)),
        _ => {}
    }
}

fn new_name(value: &Value) -> Value {
    value["metadata"]["name"].clone()
}

fn deployment(new: &mut Value) {
    default(new, &["spec", "replicas"], json!(1));
    default(new, &["spec", "revisionHistoryLimit"], json!(10));
    default(new, &["spec", "progressDeadlineSeconds"], json!(600));
    default(new, &["spec", "strategy", "type"], json!("RollingUpdate"));
    if new["spec"]["strategy"]["type"] == "RollingUpdate" {
        default(new, &["spec", "strategy", "rollingUpdate", "maxSurge"], json!("25%"));
        default(new, &["spec", "strategy", "rollingUpdate", "maxUnavailable"], json!("25%"));
    }
    pod::template(new);
}

fn job(core: &Core, new: &mut Value) {
    default(new, &["spec", "parallelism"], json!(1));
    default(new, &["spec", "completions"], json!(1));
    default(new, &["spec", "backoffLimit"], json!(6));
    if core.flavour == Flavour::New {
        default(new, &["spec", "completionMode"], json!("NonIndexed"));
        default(new, &["spec", "suspend"], json!(false));
    }
    let (uid, name) = (new["metadata"]["uid"].clone(), new_name(new));
    let prefixes: &[&str] = if core.flavour == Flavour::New { &["batch.kubernetes.io/", ""] } else { &[""] };
    let selected = format!("{}controller-uid", prefixes[0]);
    default(new, &["spec", "selector", "matchLabels", &selected], uid.clone());
    let labels = object::object_at(new, &["spec", "template", "metadata", "labels"]);
    for prefix in prefixes {
        labels.entry(format!("{prefix}controller-uid")).or_insert_with(|| uid.clone());
        labels.entry(format!("{prefix}job-name")).or_insert_with(|| name.clone());
    }
    let labels = new["spec"]["template"]["metadata"]["labels"].clone();
    default(new, &["metadata", "labels"], labels);
    pod::template(new);
}

fn service(core: &Core, old: Option<&Value>, new: &mut Value) {
    default(new, &["spec", "type"], json!("ClusterIP"));
    default(new, &["spec", "sessionAffinity"], json!("None"));
    if new["spec"]["type"] != "ExternalName" {
        let before = old.map(|old| old["spec"]["clusterIP"].clone()).filter(Value::is_string);
        let address = before.unwrap_or_else(|| json!(free_address(core)));
        default(new, &["spec", "clusterIP"], address);
        let address = new["spec"]["clusterIP"].clone();
        object::set(new, &["spec", "clusterIPs"], json!([address]));
        if core.flavour == Flavour::New {
            default(new, &["spec", "ipFamilies"], json!(["IPv4"]));
            default(new, &["spec", "ipFamilyPolicy"], json!("SingleStack"));
            default(new, &["spec", "internalTrafficPolicy"], json!("Cluster"));
        }
    }
    for port in new["spec"]["ports"].as_array_mut().into_iter().flatten() {
        default(port, &["protocol"], json!("TCP"));
        let number = port["port"].clone();
        default(port, &["targetPort"], number);
    }
    default(new, &["status", "loadBalancer"], json!({}));
}

/// The first address of 10.96.0.0/16 that no Service has.
fn free_address(core: &Core) -> String {
    let taken = core.store.list("services", "");
    let is_free = |address: &String| taken.iter().all(|one| one["spec"]["clusterIP"] != address.as_str());
    (10..u16::MAX)
        .map(|number| format!("10.96.{}.{}", number >> 8, number & 0xff))
        .find(is_free)
        .unwrap_or_default()
}

/// As its definition has it: what is led to is a Service, with the weight 1.
fn http_route(new: &mut Value) {
    for rule in new["spec"]["rules"].as_array_mut().into_iter().flatten() {
        for backend in rule["backendRefs"].as_array_mut().into_iter().flatten() {
            default(backend, &["group"], json!(""));
            default(backend, &["kind"], json!("Service"));
            default(backend, &["weight"], json!(1));
        }
    }
}

fn secret(new: &mut Value) {
    default(new, &["type"], json!("Opaque"));
    let Some(plain) = new.as_object_mut().and_then(|fields| fields.remove("stringData")) else { return };
    for (key, value) in plain.as_object().into_iter().flatten() {
        let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
        object::set(new, &["data", key], json!(encoded));
    }
}
