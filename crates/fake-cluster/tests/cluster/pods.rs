//! Pods by the scripts of their images.

use std::time::Duration;

use bascule_fake_cluster::{FakeCluster, PodScript};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use crate::scenes::{cluster, condition, config_map, create, deployment, events, until, until_available};

fn container(cluster: &FakeCluster) -> Value {
    cluster.list("Pod")[0]["status"]["containerStatuses"][0].clone()
}

fn waits_for(cluster: &FakeCluster) -> String {
    container(cluster)["state"]["waiting"]["reason"].as_str().unwrap_or_default().to_owned()
}

async fn begin(script: PodScript) -> FakeCluster {
    let (cluster, client) = cluster();
    cluster.image("shop:1", script);
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    cluster
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop() {
    let cluster = begin(PodScript::crash_loop(3)).await;
    until("it backs off", || waits_for(&cluster) == "CrashLoopBackOff").await;
    let status = container(&cluster);
    assert_eq!(
        (&status["restartCount"], &status["lastState"]["terminated"]["exitCode"]),
        (&json!(2), &json!(1))
    );
    assert!(events(&cluster, "web").contains(&"BackOff".to_owned()));
    until("it is tried again", || container(&cluster)["restartCount"] == 4).await;
    assert_eq!(cluster.list("Pod")[0]["status"]["phase"], "Running");
}

#[tokio::test(start_paused = true)]
async fn images_that_cannot_be_pulled() {
    let cluster = begin(PodScript::image_pull_back_off()).await;
    until("it fails", || waits_for(&cluster) == "ErrImagePull").await;
    until("it backs off", || waits_for(&cluster) == "ImagePullBackOff").await;
    assert_eq!(cluster.list("Pod")[0]["status"]["phase"], "Pending");
    assert!(events(&cluster, "web").contains(&"Failed".to_owned()));
    cluster.image("shop:1", PodScript::default());
    until_available(&cluster, "web", 1).await;
}

#[tokio::test(start_paused = true)]
async fn other_reasons_to_wait() {
    let cluster = begin(PodScript::invalid_image_name()).await;
    until("it fails", || waits_for(&cluster) == "InvalidImageName").await;
    let cluster = begin(PodScript::create_container_config_error("secret \"x\" not found")).await;
    until("it fails", || waits_for(&cluster) == "CreateContainerConfigError").await;
}

#[tokio::test(start_paused = true)]
async fn too_much_memory() {
    let cluster = begin(PodScript::oom_killed()).await;
    until("it is killed", || container(&cluster)["lastState"]["terminated"]["reason"] == "OOMKilled").await;
    assert_eq!(container(&cluster)["lastState"]["terminated"]["exitCode"], 137);
}

#[tokio::test(start_paused = true)]
async fn no_node_takes_it() {
    let cluster = begin(PodScript::unschedulable("0/1 nodes are available: 1 Insufficient cpu.")).await;
    let pod = cluster.list("Pod").remove(0);
    let condition = condition(&pod, "PodScheduled");
    assert_eq!(condition, Some(("False".to_owned(), "Unschedulable".to_owned())));
    assert!(events(&cluster, "web").contains(&"FailedScheduling".to_owned()));
    cluster.image("shop:1", PodScript::default());
    until_available(&cluster, "web", 1).await;
}

#[tokio::test(start_paused = true)]
async fn ready_and_not_and_ready() {
    let cluster = begin(PodScript::flapping(Duration::from_secs(1))).await;
    for is_ready in [true, false, true, false] {
        assert_eq!(container(&cluster)["ready"], is_ready);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn ready_and_then_it_crashes() {
    let cluster = begin(PodScript::crashes_after(Duration::from_secs(30))).await;
    until_available(&cluster, "web", 1).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(waits_for(&cluster), "CrashLoopBackOff");
    let web = cluster.get("Deployment", "web").expect("it is there");
    assert_eq!(condition(&web, "Available").expect("a condition").0, "False");
    assert_eq!(condition(&web, "Progressing").expect("a condition").0, "True", "it had come to its end");
}

#[tokio::test(start_paused = true)]
async fn configuration_that_is_missing() {
    let (cluster, client) = cluster();
    let reference = |kind: &str, name: &str, key: &str| json!({"valueFrom": {kind: {"name": name, "key": key}}, "name": "V"});
    let mut wanted = deployment("web", 1, "shop:1");
    wanted["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([reference("configMapKeyRef", "settings", "mode")]);
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    let message =
        || container(&cluster)["state"]["waiting"]["message"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (waits_for(&cluster).as_str(), message().as_str()),
        ("CreateContainerConfigError", "configmap \"settings\" not found")
    );
    cluster.create("test", config_map("settings", json!({"other": "x"})));
    assert_eq!(message(), "couldn't find key mode in ConfigMap shop/settings");
    cluster.edit("ConfigMap", "settings", "test", |map| map["data"]["mode"] = json!("fast"));
    until_available(&cluster, "web", 1).await;
}

#[tokio::test(start_paused = true)]
async fn volumes_that_are_missing() {
    let (cluster, client) = cluster();
    let mut wanted = deployment("web", 1, "shop:1");
    wanted["spec"]["template"]["spec"]["volumes"] = json!([{"name": "v", "secret": {"secretName": "keys"}}]);
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    assert_eq!(waits_for(&cluster), "ContainerCreating");
    assert!(events(&cluster, "web").contains(&"FailedMount".to_owned()));
    cluster.create("test", json!({"kind": "Secret", "metadata": {"name": "keys"}}));
    until_available(&cluster, "web", 1).await;
}

#[tokio::test(start_paused = true)]
async fn init_containers_come_first() {
    let (cluster, client) = cluster();
    cluster.image("init:1", PodScript::exits(0, Duration::from_secs(2)));
    let mut wanted = deployment("web", 1, "shop:1");
    wanted["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "init", "image": "init:1"}]);
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    assert_eq!(waits_for(&cluster), "PodInitializing");
    until_available(&cluster, "web", 1).await;
    let state = cluster.list("Pod")[0]["status"]["initContainerStatuses"][0]["state"].clone();
    assert_eq!(state["terminated"]["reason"], "Completed");
    cluster.image("init:1", PodScript::crash_loop(1));
    cluster.delete_pods(&[("app", "web")]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let state = cluster.list("Pod")[0]["status"]["initContainerStatuses"][0]["state"].clone();
    assert_eq!(state["waiting"]["reason"], "CrashLoopBackOff");
}
