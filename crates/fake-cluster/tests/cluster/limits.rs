//! Quota, limits and service accounts.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::scenes::{cluster, condition, create, deployment, events, refusal, until_available};

fn quota(hard: &Value) -> Value {
    json!({"kind": "ResourceQuota", "metadata": {"name": "limits"}, "spec": {"hard": hard}})
}

#[tokio::test(start_paused = true)]
async fn pods_above_the_quota_are_not_made() {
    let (cluster, client) = cluster();
    cluster.create("admin", quota(&json!({"pods": "3", "requests.cpu": "1"})));
    let mut wanted = deployment("web", 3, "shop:1");
    let resources = json!({"requests": {"cpu": "400m", "memory": "64Mi"}});
    wanted["spec"]["template"]["spec"]["containers"][0]["resources"] = resources;
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    until_available(&cluster, "web", 2).await;
    let web = cluster.get("Deployment", "web").expect("it is there");
    let (status, reason) = condition(&web, "ReplicaFailure").expect("a condition");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "FailedCreate"));
    let message = web["status"]["conditions"].to_string();
    let expected = "exceeded quota: limits, requested: requests.cpu=400m, used: requests.cpu=800m, limited: requests.cpu=1";
    assert!(message.contains(expected), "{message}");
    assert!(events(&cluster, "web").contains(&"FailedCreate".to_owned()));
    let used = cluster.get("ResourceQuota", "limits").expect("it is there")["status"]["used"].clone();
    assert_eq!(used, json!({"pods": "2", "requests.cpu": "800m"}));

    cluster
        .edit("ResourceQuota", "limits", "admin", |quota| quota["spec"]["hard"]["requests.cpu"] = json!("2"));
    until_available(&cluster, "web", 3).await;
    let web = cluster.get("Deployment", "web").expect("it is there");
    assert_eq!(condition(&web, "ReplicaFailure"), None);
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_refused_by_name() {
    let (cluster, client) = cluster();
    cluster.create("admin", quota(&json!({"pods": "0"})));
    let pod =
        json!({"metadata": {"name": "one"}, "spec": {"containers": [{"name": "c", "image": "shop:1"}]}});
    let refused = refusal(create::<Pod>(&client, pod.clone()).await);
    assert!(refused.is_forbidden(), "{refused:?}");
    assert_eq!(
        refused.message,
        "pods \"one\" is forbidden: exceeded quota: limits, requested: pods=1, used: pods=0, limited: pods=0"
    );
    cluster.edit("ResourceQuota", "limits", "admin", |quota| {
        quota["spec"]["hard"] = json!({"limits.memory": "1Gi"});
    });
    let refused = refusal(create::<Pod>(&client, pod.clone()).await);
    assert!(refused.message.contains("must specify limits.memory"), "{refused:?}");
    let range = json!([{"type": "Container", "default": {"memory": "256Mi"}}]);
    cluster.create(
        "admin",
        json!({"kind": "LimitRange", "metadata": {"name": "range"}, "spec": {"limits": range}}),
    );
    create::<Pod>(&client, pod).await.expect("the limit range says it");
    let used = cluster.get("ResourceQuota", "limits").expect("it is there")["status"]["used"].clone();
    assert_eq!(used, json!({"limits.memory": "256Mi"}));
}

#[tokio::test(start_paused = true)]
async fn service_accounts_have_to_be_there() {
    let (cluster, client) = cluster();
    let mut wanted = deployment("web", 1, "shop:1");
    wanted["spec"]["template"]["spec"]["serviceAccountName"] = json!("robot");
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    let web = cluster.get("Deployment", "web").expect("it is there");
    assert!(web["status"]["conditions"].to_string().contains("serviceaccount \\\"robot\\\" not found"));
    cluster.create("admin", json!({"kind": "ServiceAccount", "metadata": {"name": "robot"}}));
    until_available(&cluster, "web", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_container_may_not_use_more_than_the_range_lets_it() {
    let (cluster, client) = cluster();
    let range = json!([{"type": "Container", "max": {"memory": "64Mi"}}]);
    cluster.create(
        "admin",
        json!({"kind": "LimitRange", "metadata": {"name": "range"}, "spec": {"limits": range}}),
    );
    let pod = |name: &str, resources: Value| {
        let container = json!({"name": "c", "image": "shop:1", "resources": resources});
        json!({"metadata": {"name": name}, "spec": {"containers": [container]}})
    };
    let refused = refusal(create::<Pod>(&client, pod("large", json!({"limits": {"memory": "128Mi"}}))).await);
    let expected =
        "pods \"large\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 128Mi";
    assert_eq!((refused.code, refused.message.as_str()), (403, expected));
    create::<Pod>(&client, pod("small", json!({"limits": {"memory": "64Mi"}}))).await.expect("it is made");
    create::<Pod>(&client, pod("any", json!({}))).await.expect("it is made");
    let any = cluster.get("Pod", "any").expect("it is there");
    assert_eq!(any["spec"]["containers"][0]["resources"]["limits"]["memory"], "64Mi");
}
