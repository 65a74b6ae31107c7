//! JSON Patch, merge patch, strategic merge patch.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::scenes::{cluster, config_map, create, deployment, refusal, service};

fn json_patch(operations: Value) -> Patch<()> {
    Patch::Json(serde_json::from_value(operations).expect("it is a patch"))
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_can_compare_and_swap() {
    let (cluster, client) = cluster();
    let _: Service =
        create(&client, service("web", json!({"app": "web", "slot": "blue"}))).await.expect("it is made");
    let services = Api::<Service>::default_namespaced(client);
    let switch = json_patch(json!([
        {"op": "test", "path": "/spec/selector/slot", "value": "blue"},
        {"op": "replace", "path": "/spec/selector/slot", "value": "green"},
    ]));
    let parameters = PatchParams { field_manager: Some("bascule".to_owned()), ..PatchParams::default() };
    let switched = services.patch("web", &parameters, &switch).await.expect("it is patched");
    assert_eq!(switched.spec.expect("a spec").selector.expect("a selector")["slot"], "green");
    let lost = refusal(services.patch("web", &parameters, &switch).await);
    assert_eq!((lost.code, lost.reason.as_str()), (422, "Invalid"));
    let managers = &cluster.get("Service", "web").expect("it is there")["metadata"]["managedFields"];
    let mine =
        managers.as_array().expect("managers").iter().find(|one| one["manager"] == "bascule").expect("mine");
    assert_eq!(mine["fieldsV1"], json!({"f:spec": {"f:selector": {}}}));
    let nowhere = json_patch(json!([{"op": "remove", "path": "/spec/nothing"}]));
    assert_eq!(refusal(services.patch("web", &parameters, &nowhere).await).code, 422);
    let elsewhere = refusal(services.patch("other", &parameters, &switch).await);
    assert_eq!(elsewhere.code, 404);
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_with_a_version_is_refused_when_it_is_stale() {
    let (_, client) = cluster();
    let made: ConfigMap =
        create(&client, config_map("a", json!({"x": "1", "y": "2"}))).await.expect("it is made");
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let version = made.metadata.resource_version;
    let patch =
        Patch::Merge(json!({"metadata": {"resourceVersion": version}, "data": {"x": null, "z": "3"}}));
    let patched = maps.patch("a", &PatchParams::default(), &patch).await.expect("it is patched");
    let data: Vec<_> = patched.data.expect("data").into_iter().collect();
    assert_eq!(data, [("y".to_owned(), "2".to_owned()), ("z".to_owned(), "3".to_owned())]);
    assert!(refusal(maps.patch("a", &PatchParams::default(), &patch).await).is_conflict());
    let same = Patch::Merge(json!({"data": {"z": "3"}}));
    let same = maps.patch("a", &PatchParams::default(), &same).await.expect("nothing changes");
    assert_eq!(same.metadata.resource_version, patched.metadata.resource_version);
}

#[tokio::test(start_paused = true)]
async fn a_strategic_merge_finds_containers_by_name() {
    let (_, client) = cluster();
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let deployments = Api::<Deployment>::default_namespaced(client);
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "shop:2"}]}}}});
    let patched = deployments
        .patch("web", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .expect("it is patched");
    let container = patched.spec.expect("a spec").template.spec.expect("a pod").containers.remove(0);
    assert_eq!(container.image.as_deref(), Some("shop:2"));
    assert_eq!(container.ports.expect("ports are kept").len(), 1);
    assert_eq!(patched.metadata.generation, Some(2));
}

#[tokio::test(start_paused = true)]
async fn the_status_is_written_apart() {
    let (cluster, client) = cluster();
    cluster.hold_controllers();
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let deployments = Api::<Deployment>::default_namespaced(client);
    let both = Patch::Merge(json!({"status": {"replicas": 7}, "spec": {"replicas": 2}}));
    let main = deployments.patch("web", &PatchParams::default(), &both).await.expect("it is patched");
    assert_eq!(
        (main.spec.expect("a spec").replicas, main.status.and_then(|status| status.replicas)),
        (Some(2), None)
    );
    let both = Patch::Merge(json!({"status": {"replicas": 7}, "spec": {"replicas": 5}}));
    let status =
        deployments.patch_status("web", &PatchParams::default(), &both).await.expect("it is patched");
    let replicas = status.status.and_then(|status| status.replicas);
    assert_eq!((status.spec.expect("a spec").replicas, replicas), (Some(2), Some(7)));
    assert_eq!(status.metadata.generation, Some(2), "a status is no new generation");
}
