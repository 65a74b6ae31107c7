//! The cluster over a real connection, in real time.

use std::pin::pin;
use std::time::Duration;

use bascule_fake_cluster::{FakeCluster, Fault, Flavour, Matcher};
use futures_util::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use crate::scenes::{config_map, create, deployment, until_available};

async fn connected() -> (FakeCluster, Client) {
    let cluster = FakeCluster::new(Flavour::New, "shop");
    let address = cluster.listen().await;
    assert_eq!(cluster.listen().await, address, "it listens once");
    let file = Kubeconfig::from_yaml(&cluster.kubeconfig()).expect("it is a kubeconfig");
    let config =
        Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.expect("it is complete");
    assert_eq!(config.default_namespace, "shop");
    (cluster, Client::try_from(config).expect("a client"))
}

#[tokio::test]
async fn a_program_deploys_and_watches() {
    let (cluster, client) = connected().await;
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let watched =
        pods.watch(&WatchParams::default().labels("app=web").timeout(60), "0").await.expect("a watch");
    let mut watched = pin!(watched);
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    until_available(&cluster, "web", 1).await;
    let is_ready = async {
        while let Some(event) = watched.next().await {
            let Ok(WatchEvent::Added(pod) | WatchEvent::Modified(pod)) = event else { continue };
            let conditions = pod.status.and_then(|status| status.conditions).unwrap_or_default();
            if conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True") {
                return;
            }
        }
        panic!("the watch ended");
    };
    tokio::time::timeout(Duration::from_secs(30), is_ready).await.expect("the pod comes ready");
}

#[tokio::test]
async fn a_connection_breaks() {
    let (cluster, client) = connected().await;
    cluster.fault(Matcher::any().verb("create").first(1), Fault::LostAnswer);
    let lost = create::<ConfigMap>(&client, config_map("a", json!({}))).await;
    assert!(matches!(lost, Err(kube::Error::Service(_) | kube::Error::HyperError(_))), "{lost:?}");
    assert!(cluster.get("ConfigMap", "a").is_some(), "it was done");
}
