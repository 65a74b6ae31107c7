//! Jobs.

use std::time::Duration;

use bascule_fake_cluster::PodScript;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, DeleteParams};
use serde_json::json;

use crate::scenes::{cluster, condition, create, events, job, until};

#[tokio::test(start_paused = true)]
async fn a_job_that_succeeds() {
    let (cluster, client) = cluster();
    cluster.image("task:1", PodScript::exits(0, Duration::from_secs(3)));
    let mut wanted = job("migrate", "task:1");
    wanted["spec"]["ttlSecondsAfterFinished"] = json!(60);
    let _: Job = create(&client, wanted).await.expect("it is made");
    let now = || cluster.get("Job", "migrate").expect("it is there");
    assert_eq!(now()["status"]["active"], 1);
    let pod = cluster.list("Pod").remove(0);
    assert_eq!(pod["metadata"]["labels"]["job-name"], "migrate");
    until("it is complete", || condition(&now(), "Complete").is_some()).await;
    let status = &now()["status"];
    assert_eq!((&status["succeeded"], &status["active"]), (&json!(1), &json!(null)));
    assert_eq!(cluster.list("Pod")[0]["status"]["phase"], "Succeeded");
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(cluster.get("Job", "migrate").is_none() && cluster.list("Pod").is_empty(), "its time is over");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails() {
    let (cluster, client) = cluster();
    cluster.image("task:1", PodScript::exits(3, Duration::from_secs(1)).logs(["no such table"]));
    let _: Job = create(&client, job("migrate", "task:1")).await.expect("it is made");
    let now = || cluster.get("Job", "migrate").expect("it is there");
    until("it failed", || condition(&now(), "Failed").is_some()).await;
    assert_eq!(condition(&now(), "Failed").expect("a condition").1, "BackoffLimitExceeded");
    assert_eq!(now()["status"]["failed"], 2, "once, and once more");
    assert!(events(&cluster, "migrate").contains(&"BackoffLimitExceeded".to_owned()));
    let jobs = Api::<Job>::default_namespaced(client);
    jobs.delete("migrate", &DeleteParams::background()).await.expect("it is deleted");
    assert!(cluster.list("Pod").is_empty());
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_job_stay_unless_it_is_said() {
    let (cluster, client) = cluster();
    let _: Job = create(&client, job("migrate", "task:1")).await.expect("it is made");
    Api::<Job>::default_namespaced(client)
        .delete("migrate", &DeleteParams::default())
        .await
        .expect("it is deleted");
    assert_eq!((cluster.list("Job").len(), cluster.list("Pod").len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_too_long() {
    let (cluster, client) = cluster();
    cluster.image("task:1", PodScript::never_ready());
    let mut wanted = job("migrate", "task:1");
    wanted["spec"]["activeDeadlineSeconds"] = json!(10);
    let _: Job = create(&client, wanted).await.expect("it is made");
    let now = || cluster.get("Job", "migrate").expect("it is there");
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(condition(&now(), "Failed").is_none());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(condition(&now(), "Failed").expect("a condition").1, "DeadlineExceeded");
    assert!(cluster.list("Pod").is_empty());
}
