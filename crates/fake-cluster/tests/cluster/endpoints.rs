//! Slices and Endpoints of Services.

use std::time::Duration;

use bascule_fake_cluster::{FakeCluster, Flavour, PodScript, Slices};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use crate::scenes::{cluster, create, deployment, of, service, until, until_available};

fn endpoints(cluster: &FakeCluster) -> Vec<Value> {
    cluster
        .list("EndpointSlice")
        .iter()
        .flat_map(|one| one["endpoints"].as_array().cloned().unwrap_or_default())
        .collect()
}

fn ready(cluster: &FakeCluster) -> usize {
    endpoints(cluster).iter().filter(|one| one["conditions"]["ready"] == true).count()
}

#[tokio::test(start_paused = true)]
async fn slices_follow_the_selector() {
    let (cluster, client) = cluster();
    cluster.image("shop:2", PodScript::never_ready());
    let _: Service = create(&client, service("shop", json!({"app": "blue"}))).await.expect("it is made");
    let _: Deployment = create(&client, deployment("blue", 2, "shop:1")).await.expect("it is made");
    let _: Deployment = create(&client, deployment("green", 1, "shop:2")).await.expect("it is made");
    until_available(&cluster, "blue", 2).await;
    let slices = Api::<EndpointSlice>::default_namespaced(client);
    let labels = ListParams::default().labels("kubernetes.io/service-name=shop");
    let found = slices.list(&labels).await.expect("a list").items.remove(0);
    assert_eq!(found.ports.expect("ports")[0].port, Some(8080), "the name of a port is looked up");
    assert_eq!(found.endpoints.len(), 2);
    let endpoint = &found.endpoints[0];
    let pod = endpoint.target_ref.as_ref().expect("a pod").name.clone().expect("a name");
    let pod = cluster.get("Pod", &pod).expect("it is there");
    assert_eq!(pod["status"]["podIP"], endpoint.addresses[0].as_str());
    assert_eq!(endpoint.conditions.as_ref().expect("conditions").ready, Some(true));

    cluster
        .edit("Service", "shop", "bascule", |service| service["spec"]["selector"] = json!({"app": "green"}));
    let now = endpoints(&cluster);
    assert_eq!((now.len(), &now[0]["conditions"]["ready"]), (1, &json!(false)));
    let old_form = cluster.get("Endpoints", "shop").expect("it is there");
    assert_eq!(old_form["subsets"][0]["notReadyAddresses"].as_array().map(Vec::len), Some(1));
    cluster.delete("Service", "shop");
    assert!(cluster.list("EndpointSlice").is_empty() && cluster.list("Endpoints").is_empty());
}

#[tokio::test(start_paused = true)]
async fn pods_that_end_are_shown_as_terminating_or_leave() {
    for (flavour, shown) in [(Flavour::New, 1), (Flavour::Old, 0)] {
        let (cluster, client) = of(flavour);
        cluster.image("shop:1", PodScript::default().stops_after(Duration::from_secs(5)));
        let _: Service = create(&client, service("shop", json!({"app": "web"}))).await.expect("it is made");
        let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
        until_available(&cluster, "web", 1).await;
        let slice = &cluster.list("EndpointSlice")[0];
        let version =
            if flavour == Flavour::New { "discovery.k8s.io/v1" } else { "discovery.k8s.io/v1beta1" };
        assert_eq!(slice["apiVersion"], version);
        cluster.edit("Deployment", "web", "test", |web| web["spec"]["replicas"] = json!(0));
        let now = endpoints(&cluster);
        assert_eq!(now.len(), shown, "{flavour:?}");
        if let Some(one) = now.first() {
            assert_eq!(one["conditions"], json!({"ready": false, "serving": true, "terminating": true}));
        }
        until("it is gone", || endpoints(&cluster).is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn slices_can_lag_and_be_partial_and_be_many() {
    let (cluster, client) = cluster();
    cluster.slices(Slices::Lag(Duration::from_secs(5)));
    let _: Service = create(&client, service("shop", json!({"app": "web"}))).await.expect("it is made");
    let _: Deployment = create(&client, deployment("web", 3, "shop:1")).await.expect("it is made");
    until_available(&cluster, "web", 3).await;
    assert_eq!(ready(&cluster), 0, "they lag behind");
    let begun = tokio::time::Instant::now();
    until("they have come", || ready(&cluster) == 3).await;
    assert!(begun.elapsed() > Duration::from_secs(3));
    cluster.slices(Slices::Only(2));
    assert_eq!(ready(&cluster), 2);
    cluster.slices(Slices::Prompt);
    cluster.endpoints_per_slice(2);
    cluster.edit("Deployment", "web", "test", |web| web["spec"]["replicas"] = json!(4));
    until("all are in", || ready(&cluster) == 4).await;
    assert_eq!(cluster.list("EndpointSlice").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_test_makes_pods_unready() {
    let (cluster, client) = cluster();
    let _: Service = create(&client, service("shop", json!({"app": "web"}))).await.expect("it is made");
    let _: Deployment = create(&client, deployment("web", 2, "shop:1")).await.expect("it is made");
    until_available(&cluster, "web", 2).await;
    cluster.make_unready(&[("app", "web")]);
    assert_eq!((ready(&cluster), endpoints(&cluster).len()), (0, 2));
    cluster.make_ready(&[("app", "web")]);
    assert_eq!(ready(&cluster), 2);
}
