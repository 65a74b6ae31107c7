//! Calls that go wrong, and counting them.

use std::time::Duration;

use bascule_fake_cluster::{Fault, Matcher};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

use crate::scenes::{cluster, config_map, create, refusal};

#[tokio::test(start_paused = true)]
async fn refusals_on_request() {
    let (cluster, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    for (code, reason) in [
        (409, "Conflict"),
        (422, "Invalid"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (403, "Forbidden"),
    ] {
        cluster.fault(Matcher::any().verb("create").resource("configmaps").name("a"), Fault::Status(code));
        let refused = refusal(create::<ConfigMap>(&client, config_map("a", json!({}))).await);
        assert_eq!((refused.code, refused.reason.as_str()), (code, reason));
        assert!(cluster.get("ConfigMap", "a").is_none());
        maps.list(&ListParams::default()).await.expect("other verbs work");
        cluster.clear_faults();
    }
    cluster.fault(Matcher::any().nth(2), Fault::Forbidden);
    maps.list(&ListParams::default()).await.expect("the first works");
    assert!(refusal(maps.list(&ListParams::default()).await).is_forbidden());
    maps.list(&ListParams::default()).await.expect("the third works");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_busy_says_how_long() {
    let (cluster, _) = cluster();
    cluster.fault(Matcher::any(), Fault::TooManyRequests(7));
    let request = http::Request::get("/api/v1/namespaces/shop/configmaps").body(kube::client::Body::empty());
    let answer = tower_service::Service::call(&mut cluster.service(), request.expect("a request")).await;
    let answer = answer.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &http::HeaderValue::from(7))
    );
}

#[tokio::test(start_paused = true)]
async fn answers_that_do_not_come() {
    let (cluster, client) = cluster();
    for (name, fault, is_done) in [
        ("hang", Fault::Hang, false),
        ("hang-after", Fault::HangAfter, true),
        ("lost", Fault::LostAnswer, true),
        ("broken", Fault::Broken, false),
    ] {
        cluster.fault(Matcher::any().verb("create").name(name).first(1), fault);
        let made = create::<ConfigMap>(&client, config_map(name, json!({})));
        match (fault, tokio::time::timeout(Duration::from_secs(1000), made).await) {
            (Fault::Hang | Fault::HangAfter, Err(_)) | (_, Ok(Err(kube::Error::Service(_)))) => {}
            (_, other) => panic!("{name}: {other:?}"),
        }
        assert_eq!(cluster.get("ConfigMap", name).is_some(), is_done, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_late() {
    let (cluster, client) = cluster();
    cluster.fault(Matcher::any().verb("create"), Fault::Late(Duration::from_secs(5)));
    let begun = tokio::time::Instant::now();
    let _: ConfigMap = create(&client, config_map("a", json!({}))).await.expect("it is made");
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn calls_are_written_down() {
    let (cluster, client) = cluster();
    let _: ConfigMap = create(&client, config_map("a", json!({}))).await.expect("it is made");
    let maps = Api::<ConfigMap>::default_namespaced(client);
    tokio::time::sleep(Duration::from_secs(2)).await;
    maps.get("a").await.expect("it is there");
    let calls = cluster.calls();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.verb.as_str(), call.resource.as_str(), call.name.as_str(), call.at.as_secs()))
        .collect();
    assert_eq!(seen, [("create", "configmaps", "a", 0), ("get", "configmaps", "a", 2)]);
    assert_eq!(calls[1].path, "/api/v1/namespaces/shop/configmaps/a");
    cluster.forget_calls();
    assert!(cluster.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_webhook_says_no_to() {
    let (cluster, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let tried = PostParams { dry_run: true, ..PostParams::default() };
    let map = |name: &str| serde_json::from_value::<ConfigMap>(config_map(name, json!({}))).expect("a map");
    let of_maps = Matcher::any().verb("create").resource("configmaps");
    cluster.fault(of_maps.clone().name("denied"), Fault::Denied("not on a Friday"));
    let refused = refusal(create::<ConfigMap>(&client, config_map("denied", json!({}))).await);
    assert_eq!(refused.message, "admission webhook \"guard.test\" denied the request: not on a Friday");
    // One that cannot be tried can be made, and one that was tried is not there.
    cluster.fault(of_maps.clone().name("a"), Fault::NoDryRun);
    let refused = refusal(maps.create(&tried, &map("a")).await);
    assert!(refused.code == 400 && refused.message.contains("does not support dry run"), "{refused:?}");
    maps.create(&PostParams::default(), &map("a")).await.expect("it is made");
    maps.create(&tried, &map("b")).await.expect("it would be made");
    assert!(cluster.get("ConfigMap", "a").is_some() && cluster.get("ConfigMap", "b").is_none());
    let tries: Vec<bool> = cluster.calls().iter().map(|call| call.dry_run).collect();
    assert_eq!(tries, [false, true, false, true]);
    // Only the calls that are kept, or only those that are not.
    cluster.fault(of_maps.clone().name("c").kept(), Fault::Forbidden);
    maps.create(&tried, &map("c")).await.expect("it would be made");
    assert!(refusal(maps.create(&PostParams::default(), &map("c")).await).is_forbidden());
    cluster.fault(of_maps.name("d").dry(), Fault::Forbidden);
    assert!(refusal(maps.create(&tried, &map("d")).await).is_forbidden());
    maps.create(&PostParams::default(), &map("d")).await.expect("it is made");
}
