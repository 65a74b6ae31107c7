//! Objects that the tests share, and waiting for states.

use std::time::Duration;

use bascule_fake_cluster::{FakeCluster, Flavour};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, PostParams};
use kube::core::Status;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub fn cluster() -> (FakeCluster, Client) {
    of(Flavour::New)
}

pub fn of(flavour: Flavour) -> (FakeCluster, Client) {
    let cluster = FakeCluster::new(flavour, "shop");
    let client = Client::new(cluster.service(), "shop");
    (cluster, client)
}

/// A typed object of its JSON.
pub fn typed<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("it is one")
}

pub async fn create<K>(client: &Client, value: Value) -> kube::Result<K>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
    K::DynamicType: Default,
{
    Api::<K>::default_namespaced(client.clone()).create(&PostParams::default(), &typed(value)).await
}

/// The status of a refusal.
pub fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> Status {
    match result {
        Err(kube::Error::Api(status)) => *status,
        other => panic!("it is no refusal: {other:?}"),
    }
}

pub fn deployment(name: &str, replicas: i32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}]},
            },
        },
    })
}

#[expect(clippy::needless_pass_by_value, reason = "a test writes the value where it makes the object")]
pub fn service(name: &str, selector: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": "http"}]},
    })
}

#[expect(clippy::needless_pass_by_value, reason = "a test writes the value where it makes the object")]
pub fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

pub fn job(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {
            "backoffLimit": 1,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "task", "image": image}]}},
        },
    })
}

/// Waits in steps of 5 ms of the runtime's time, at most a minute.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to that: {what}");
}

pub async fn until_available(cluster: &FakeCluster, name: &str, count: i64) {
    until(&format!("{count} of {name} available"), || {
        let deployment = cluster.get("Deployment", name).expect("it is there");
        deployment["status"]["availableReplicas"].as_i64().unwrap_or(0) == count
    })
    .await;
}

/// The condition of an object: status and reason.
pub fn condition(object: &Value, kind: &str) -> Option<(String, String)> {
    let all = object["status"]["conditions"].as_array()?;
    let one = all.iter().find(|one| one["type"] == kind)?;
    let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason")))
}

/// The reasons of all events in the home namespace about objects whose name begins so.
pub fn events(cluster: &FakeCluster, about: &str) -> Vec<String> {
    let all = cluster.list("Event");
    let mut reasons: Vec<_> = all
        .iter()
        .filter(|event| event["involvedObject"]["name"].as_str().is_some_and(|name| name.starts_with(about)))
        .map(|event| event["reason"].as_str().unwrap_or_default().to_owned())
        .collect();
    reasons.sort();
    reasons.dedup();
    reasons
}
