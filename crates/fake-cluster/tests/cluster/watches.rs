//! Watches, and the client's watcher over them.

use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;

use crate::scenes::{cluster, config_map, create, deployment};

#[tokio::test(start_paused = true)]
async fn changes_come_as_events() {
    let (cluster, client) = cluster();
    let made: ConfigMap = create(&client, config_map("a", json!({}))).await.expect("it is made");
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let labelled = WatchParams::default().labels("slot=blue").timeout(60);
    let version = made.metadata.resource_version.expect("a version");
    let watch = maps.watch(&labelled, &version).await.expect("a watch");
    let set = |slot: &'static str| {
        cluster.edit("ConfigMap", "a", "test", |map| map["metadata"]["labels"] = json!({"slot": slot}));
    };
    set("blue");
    cluster.edit("ConfigMap", "a", "test", |map| map["data"] = json!({"x": "1"}));
    set("green");
    set("blue");
    cluster.delete("ConfigMap", "a");
    let seen: Vec<_> = watch
        .take(5)
        .map_ok(|event| match event {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            _ => "other",
        })
        .try_collect()
        .await
        .expect("events");
    assert_eq!(seen, ["added", "modified", "deleted", "added", "deleted"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_its_time_and_gets_bookmarks() {
    let (_, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let begun = tokio::time::Instant::now();
    let watch = maps.watch(&WatchParams::default().timeout(100), "1").await.expect("a watch");
    let events: Vec<_> = watch.try_collect().await.expect("events");
    assert_eq!(begun.elapsed().as_secs(), 100);
    assert!(matches!(events.as_slice(), [WatchEvent::Bookmark(_)]), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_version_to_come_is_waited_for() {
    let (cluster, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let watch =
        maps.watch(&WatchParams::default().timeout(5).disable_bookmarks(), "100000").await.expect("a watch");
    cluster.create("test", config_map("a", json!({})));
    let events: Vec<_> = watch.try_collect().await.expect("events");
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn too_old_a_version_is_gone() {
    let (cluster, client) = cluster();
    let made: ConfigMap = create(&client, config_map("a", json!({}))).await.expect("it is made");
    cluster.compact();
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let version = made.metadata.resource_version.expect("a version");
    let watch = maps.watch(&WatchParams::default(), &version).await.expect("a watch");
    let events: Vec<_> = watch.try_collect().await.expect("events");
    let [WatchEvent::Error(error)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((error.code, error.reason.as_str()), (410, "Expired"));
}

#[tokio::test(start_paused = true)]
async fn the_watcher_sees_pods_come_ready_and_survives_breaks() {
    let (cluster, client) = cluster();
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let mut watched = pin!(watcher(pods, watcher::Config::default().labels("app=web")).default_backoff());
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let mut is_ready = async |name: Option<&str>| {
        let wait = async {
            loop {
                let pod = match watched.next().await.expect("it goes on") {
                    Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => pod,
                    _ => continue,
                };
                let conditions = pod.status.and_then(|status| status.conditions).unwrap_or_default();
                if conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True")
                    && pod.metadata.name.as_deref() != name
                {
                    return pod.metadata.name.expect("a name");
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(600), wait).await.expect("it comes ready")
    };
    let first = is_ready(None).await;
    cluster.end_watches();
    cluster.compact();
    cluster.delete_pods(&[("app", "web")]);
    let second = is_ready(Some(&first)).await;
    assert_ne!(first, second);
}
