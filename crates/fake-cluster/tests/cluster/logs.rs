//! Logs of containers.

use std::time::Duration;

use bascule_fake_cluster::PodScript;
use futures_util::AsyncReadExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};
use serde_json::json;

use crate::scenes::{cluster, create, deployment, refusal, until, until_available};

#[tokio::test(start_paused = true)]
async fn lines_of_this_run_and_of_the_one_before() {
    let (cluster, client) = cluster();
    cluster.image("shop:1", PodScript::ready_after(Duration::from_secs(1)).logs(["one", "two", "three"]));
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let name = cluster.list("Pod")[0]["metadata"]["name"].as_str().expect("a name").to_owned();
    let pods = Api::<Pod>::default_namespaced(client);
    let early = refusal(pods.logs(&name, &LogParams::default()).await);
    assert!(
        early.code == 400 && early.message.contains("is waiting to start: ContainerCreating"),
        "{early:?}"
    );
    until_available(&cluster, "web", 1).await;
    assert_eq!(pods.logs(&name, &LogParams::default()).await.expect("lines"), "one\ntwo\nthree\n");
    let tail = LogParams { tail_lines: Some(1), ..LogParams::default() };
    assert_eq!(pods.logs(&name, &tail).await.expect("lines"), "three\n");
    let previous = LogParams { previous: true, ..LogParams::default() };
    assert_eq!(refusal(pods.logs(&name, &previous).await).code, 400);
    cluster.image("shop:1", PodScript::crash_loop(2).logs(["again"]).previous_logs(["it went wrong"]));
    until("it was restarted", || {
        cluster.list("Pod")[0]["status"]["containerStatuses"][0]["restartCount"].as_u64().unwrap_or(0) > 0
    })
    .await;
    assert_eq!(pods.logs(&name, &previous).await.expect("lines"), "it went wrong\n");
}

#[tokio::test(start_paused = true)]
async fn a_log_is_followed_until_the_pod_goes() {
    let (cluster, client) = cluster();
    cluster.image("shop:1", PodScript::default().logs(["one"]));
    let mut wanted = deployment("web", 1, "shop:1");
    let containers = wanted["spec"]["template"]["spec"]["containers"].as_array_mut().expect("containers");
    containers.push(json!({"name": "side", "image": "side:1"}));
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    until_available(&cluster, "web", 1).await;
    let name = cluster.list("Pod")[0]["metadata"]["name"].as_str().expect("a name").to_owned();
    let pods = Api::<Pod>::default_namespaced(client);
    let which = refusal(pods.logs(&name, &LogParams::default()).await);
    assert!(which.message.contains("choose one of: [web side]"), "{which:?}");
    let follow = LogParams { container: Some("web".to_owned()), follow: true, ..LogParams::default() };
    let mut log = Box::pin(pods.log_stream(&name, &follow).await.expect("a log"));
    let mut text = [0; 4];
    log.read_exact(&mut text).await.expect("a line");
    assert_eq!(&text, b"one\n");
    let mut rest = Vec::new();
    let more = tokio::time::timeout(Duration::from_secs(100), log.read_to_end(&mut rest)).await;
    assert!(more.is_err(), "it stays open");
    cluster.delete("Deployment", "web");
    log.read_to_end(&mut rest).await.expect("it ends");
    assert!(rest.is_empty());
}
