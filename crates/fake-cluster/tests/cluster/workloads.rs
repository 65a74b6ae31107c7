//! Deployments, their ReplicaSets and pods.

use std::time::Duration;

use bascule_fake_cluster::{Flavour, PodScript};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use serde_json::json;

use crate::scenes::{cluster, condition, create, deployment, events, of, refusal, until, until_available};

#[tokio::test(start_paused = true)]
async fn a_deployment_gets_its_pods() {
    let (cluster, client) = cluster();
    cluster.image("shop:1", PodScript::ready_after(Duration::from_secs(3)));
    let made: Deployment = create(&client, deployment("web", 2, "shop:1")).await.expect("it is made");
    assert_eq!(made.metadata.generation, Some(1));
    assert_eq!(made.spec.expect("a spec").progress_deadline_seconds, Some(600), "defaults are filled in");
    let before = cluster.get("Deployment", "web").expect("it is there");
    assert_eq!(before["status"]["observedGeneration"], 1);
    assert_eq!(before["status"]["unavailableReplicas"], 2);
    assert_eq!(condition(&before, "Progressing").expect("a condition").0, "True");
    assert_eq!(condition(&before, "Available").expect("a condition").0, "False");
    let begun = tokio::time::Instant::now();
    until_available(&cluster, "web", 2).await;
    assert_eq!(begun.elapsed().as_secs(), 3, "at the time of the script");
    let after = cluster.get("Deployment", "web").expect("it is there");
    assert_eq!(condition(&after, "Progressing").expect("a condition").1, "NewReplicaSetAvailable");
    assert_eq!(condition(&after, "Available").expect("a condition").0, "True");
    assert_eq!(after["status"]["updatedReplicas"], 2);

    let pods = Api::<Pod>::default_namespaced(client.clone());
    let pods =
        pods.list(&ListParams::default().labels("app=web,pod-template-hash")).await.expect("a list").items;
    assert_eq!(pods.len(), 2);
    let sets = Api::<ReplicaSet>::default_namespaced(client)
        .list(&ListParams::default())
        .await
        .expect("a list")
        .items;
    let set = sets[0].metadata.clone();
    for pod in pods {
        let owners = pod.metadata.owner_references.expect("owners");
        assert_eq!((owners[0].kind.as_str(), Some(&owners[0].uid)), ("ReplicaSet", set.uid.as_ref()));
        assert!(
            pod.metadata
                .name
                .expect("a name")
                .starts_with(&format!("{}-", set.name.as_ref().expect("a name")))
        );
        let status = pod.status.expect("a status");
        assert!(status.pod_ip.expect("an address").starts_with("10.244."));
        assert!(status.container_statuses.expect("containers")[0].ready);
    }
    let told = events(&cluster, "web");
    for reason in ["ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Started"] {
        assert!(told.contains(&reason.to_owned()), "{reason} in {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn scaling_and_deleting() {
    let (cluster, client) = cluster();
    cluster.image("shop:1", PodScript::default().stops_after(Duration::from_secs(5)));
    let _: Deployment = create(&client, deployment("web", 3, "shop:1")).await.expect("it is made");
    until_available(&cluster, "web", 3).await;
    let deployments = Api::<Deployment>::default_namespaced(client.clone());
    let scale = deployments.get_scale("web").await.expect("a scale");
    assert_eq!(scale.status.expect("a status").selector.as_deref(), Some("app=web"));
    let down = Patch::Merge(json!({"spec": {"replicas": 1}}));
    let scaled = deployments.patch_scale("web", &PatchParams::default(), &down).await.expect("it is scaled");
    assert_eq!(scaled.spec.expect("a spec").replicas, Some(1));
    let ends = |pod: &serde_json::Value| !pod["metadata"]["deletionTimestamp"].is_null();
    assert_eq!(cluster.list("Pod").iter().filter(|pod| ends(pod)).count(), 2, "they end with grace");
    until("one pod", || cluster.list("Pod").len() == 1).await;
    assert_eq!(cluster.get("Deployment", "web").expect("it is there")["metadata"]["generation"], 2);

    let wrong = Preconditions { uid: Some("other".to_owned()), ..Preconditions::default() };
    let wrong = DeleteParams::background().preconditions(wrong);
    assert!(refusal(deployments.delete("web", &wrong).await).is_conflict());
    let gone = deployments.delete("web", &DeleteParams::background()).await.expect("it is deleted");
    assert!(gone.is_right(), "it is gone at once");
    until("nothing left", || cluster.list("Pod").is_empty() && cluster.list("ReplicaSet").is_empty()).await;
    assert!(refusal(deployments.get("web").await).is_not_found());
}

#[tokio::test(start_paused = true)]
async fn who_scaled_is_known_to_new_servers() {
    for (flavour, known) in [(Flavour::New, true), (Flavour::Old, false)] {
        let (cluster, client) = of(flavour);
        let _: Deployment = create(&client, deployment("web", 3, "shop:1")).await.expect("it is made");
        let deployments = Api::<Deployment>::default_namespaced(client);
        let parameters = PatchParams { field_manager: Some("scaler".to_owned()), ..PatchParams::default() };
        let down = Patch::Merge(json!({"spec": {"replicas": 1}}));
        deployments.patch_scale("web", &parameters, &down).await.expect("it is scaled");
        let now = cluster.get("Deployment", "web").expect("it is there");
        let managers = now["metadata"]["managedFields"].as_array().expect("managers").clone();
        assert_eq!(managers.iter().any(|one| one["manager"] == "scaler"), known, "{flavour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_in_the_foreground_waits_for_the_pods() {
    let (cluster, client) = cluster();
    cluster.image("shop:1", PodScript::default().stops_after(Duration::from_secs(5)));
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    until_available(&cluster, "web", 1).await;
    let deployments = Api::<Deployment>::default_namespaced(client);
    let still = deployments.delete("web", &DeleteParams::foreground()).await.expect("it is deleted");
    assert!(still.left().expect("it is there").metadata.deletion_timestamp.is_some());
    assert!(cluster.get("Deployment", "web").is_some());
    until("it is gone", || cluster.get("Deployment", "web").is_none()).await;
    assert!(cluster.list("Pod").is_empty(), "the pods went before");
}

#[tokio::test(start_paused = true)]
async fn orphans_stay() {
    let (cluster, client) = cluster();
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let deployments = Api::<Deployment>::default_namespaced(client);
    deployments.delete("web", &DeleteParams::orphan()).await.expect("it is deleted");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((cluster.list("ReplicaSet").len(), cluster.list("Pod").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_keeps_pods_available() {
    let (cluster, client) = cluster();
    let _: Deployment = create(&client, deployment("web", 4, "shop:1")).await.expect("it is made");
    until_available(&cluster, "web", 4).await;
    cluster.image("shop:2", PodScript::ready_after(Duration::from_secs(1)));
    cluster.edit("Deployment", "web", "somebody", |deployment| {
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop:2");
    });
    until("all are new", || {
        let deployment = cluster.get("Deployment", "web").expect("it is there");
        let status = &deployment["status"];
        assert!(status["availableReplicas"].as_i64().unwrap_or(0) >= 3, "{status}");
        assert!(status["replicas"].as_i64().unwrap_or(0) <= 5, "{status}");
        status["updatedReplicas"] == 4 && status["replicas"] == 4 && status["availableReplicas"] == 4
    })
    .await;
    assert_eq!(cluster.list("ReplicaSet").len(), 2, "the old one is kept for the history");
}

#[tokio::test(start_paused = true)]
async fn recreating_waits_until_the_old_pods_are_gone() {
    let (cluster, client) = cluster();
    cluster.image("shop:1", PodScript::default().stops_after(Duration::from_secs(5)));
    let mut wanted = deployment("web", 2, "shop:1");
    wanted["spec"]["strategy"] = json!({"type": "Recreate"});
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    until_available(&cluster, "web", 2).await;
    cluster.edit("Deployment", "web", "somebody", |deployment| {
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop:2");
    });
    let images = || -> Vec<String> {
        cluster.list("Pod").iter().map(|pod| pod["spec"]["containers"][0]["image"].to_string()).collect()
    };
    until("the new ones are there", || {
        let mut images = images();
        images.dedup();
        assert!(images.len() < 2, "{images:?} at once");
        images == ["\"shop:2\""]
    })
    .await;
    until_available(&cluster, "web", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_does_not_get_on_says_so() {
    let (cluster, client) = cluster();
    cluster.image("shop:1", PodScript::never_ready());
    let mut wanted = deployment("web", 1, "shop:1");
    wanted["spec"]["progressDeadlineSeconds"] = json!(20);
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    tokio::time::sleep(Duration::from_secs(19)).await;
    let now = || {
        condition(&cluster.get("Deployment", "web").expect("it is there"), "Progressing")
            .expect("a condition")
    };
    assert_eq!(now().0, "True");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(now(), ("False".to_owned(), "ProgressDeadlineExceeded".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn lost_pods_are_made_again() {
    let (cluster, client) = cluster();
    let _: Deployment = create(&client, deployment("web", 2, "shop:1")).await.expect("it is made");
    until_available(&cluster, "web", 2).await;
    let name = |pod: &serde_json::Value| pod["metadata"]["name"].clone();
    let before: Vec<_> = cluster.list("Pod").iter().map(name).collect();
    cluster.delete_pods(&[("app", "web")]);
    until_available(&cluster, "web", 2).await;
    assert!(cluster.list("Pod").iter().all(|pod| !before.contains(&name(pod))));
}

#[tokio::test(start_paused = true)]
async fn before_the_controllers_came_to_it() {
    let (cluster, client) = cluster();
    cluster.hold_controllers();
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let seen = cluster.get("Deployment", "web").expect("it is there");
    assert!(seen["status"]["observedGeneration"].is_null() && cluster.list("Pod").is_empty());
    cluster.release_controllers();
    until_available(&cluster, "web", 1).await;
}

#[tokio::test(start_paused = true)]
async fn pods_count_as_available_after_their_minimum() {
    let (cluster, client) = cluster();
    let mut wanted = deployment("web", 1, "shop:1");
    wanted["spec"]["minReadySeconds"] = json!(10);
    let _: Deployment = create(&client, wanted).await.expect("it is made");
    until("ready", || cluster.get("Deployment", "web").expect("it is there")["status"]["readyReplicas"] == 1)
        .await;
    assert!(cluster.get("Deployment", "web").expect("it is there")["status"]["availableReplicas"].is_null());
    let begun = tokio::time::Instant::now();
    until_available(&cluster, "web", 1).await;
    assert!(begun.elapsed() > Duration::from_secs(9));
}
