//! Making, reading, replacing and deleting objects.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service};
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::json;

use crate::scenes::{cluster, config_map, create, deployment, refusal, service, typed};

#[tokio::test(start_paused = true)]
async fn what_is_made_can_be_read_listed_replaced_and_deleted() {
    let (cluster, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let made: ConfigMap = create(&client, config_map("a", json!({"x": "1"}))).await.expect("it is made");
    assert!(made.metadata.uid.is_some() && made.metadata.creation_timestamp.is_some());
    let again = refusal(create::<ConfigMap>(&client, config_map("a", json!({}))).await);
    assert!(again.is_already_exists() && again.code == 409, "{again:?}");
    let _: ConfigMap = create(&client, config_map("b", json!({}))).await.expect("it is made");
    let listed = maps.list(&ListParams::default().fields("metadata.name=a")).await.expect("a list");
    assert_eq!(listed.items.len(), 1);
    let first = maps.list(&ListParams::default().limit(1)).await.expect("a list");
    let place = first.metadata.continue_.expect("there is more");
    let second = maps.list(&ListParams::default().limit(1).continue_token(&place)).await.expect("a list");
    assert_eq!(second.items[0].metadata.name.as_deref(), Some("b"));

    let mut changed = made.clone();
    changed.data = Some([("x".to_owned(), "2".to_owned())].into());
    let replaced = maps.replace("a", &PostParams::default(), &changed).await.expect("it is replaced");
    assert_ne!(replaced.metadata.resource_version, made.metadata.resource_version);
    assert_eq!(replaced.metadata.uid, made.metadata.uid);
    let stale = refusal(maps.replace("a", &PostParams::default(), &changed).await);
    assert!(stale.is_conflict() && stale.message.contains("the object has been modified"), "{stale:?}");
    let same = maps.replace("a", &PostParams::default(), &replaced).await.expect("it is the same");
    assert_eq!(same.metadata.resource_version, replaced.metadata.resource_version, "nothing changed");

    let gone = maps.delete("a", &DeleteParams::default()).await.expect("it is deleted");
    assert_eq!(gone.right().expect("a status").details.expect("details").name, "a");
    let missing = refusal(maps.get("a").await);
    assert_eq!((missing.code, missing.message.as_str()), (404, "configmaps \"a\" not found"));
    assert_eq!(missing.details.expect("details").kind, "configmaps");
    assert_eq!(cluster.objects(), [("ConfigMap".to_owned(), "b".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_keeps_nothing() {
    let (cluster, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let made = maps.create(&dry, &typed(config_map("a", json!({})))).await.expect("it would be made");
    assert!(made.metadata.uid.is_some() && made.metadata.resource_version.is_none());
    assert!(cluster.get("ConfigMap", "a").is_none());
    let _: ConfigMap = create(&client, config_map("a", json!({"x": "1"}))).await.expect("it is made");
    let mut changed = maps.get("a").await.expect("it is there");
    changed.data = None;
    maps.replace("a", &dry, &changed).await.expect("it would be replaced");
    maps.delete("a", &DeleteParams::default().dry_run()).await.expect("it would be deleted");
    assert_eq!(cluster.get("ConfigMap", "a").expect("it is there")["data"]["x"], "1");
}

#[tokio::test(start_paused = true)]
async fn names_are_generated_and_checked() {
    let (_, client) = cluster();
    let generated = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}});
    let made: ConfigMap = create(&client, generated).await.expect("it is made");
    assert_eq!(made.metadata.name.expect("a name").len(), "a-".len() + 5);
    let wrong = refusal(create::<ConfigMap>(&client, config_map("Wrong_Name", json!({}))).await);
    assert_eq!((wrong.code, wrong.reason.as_str()), (422, "Invalid"));
    let details = wrong.details.expect("details");
    assert_eq!((details.kind.as_str(), details.causes[0].field.as_str()), ("ConfigMap", "metadata.name"));
    let dotted = refusal(create::<Service>(&client, service("a.b", json!({"app": "x"}))).await);
    assert_eq!(dotted.code, 422, "names of Services have no dots");
    let elsewhere = Api::<ConfigMap>::namespaced(client, "nowhere");
    let nowhere = refusal(elsewhere.create(&PostParams::default(), &typed(config_map("a", json!({})))).await);
    assert_eq!((nowhere.code, nowhere.message.as_str()), (404, "namespaces \"nowhere\" not found"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed() {
    let (_, client) = cluster();
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let deployments = Api::<Deployment>::default_namespaced(client.clone());
    let mut other = deployments.get("web").await.expect("it is there");
    let labels = Some([("app".to_owned(), "other".to_owned())].into());
    let spec = other.spec.as_mut().expect("a spec");
    spec.selector.match_labels.clone_from(&labels);
    spec.template.metadata.as_mut().expect("metadata").labels = labels;
    let refused = refusal(deployments.replace("web", &PostParams::default(), &other).await);
    assert_eq!(refused.code, 422);
    assert_eq!(refused.details.expect("details").causes[0].field, "spec.selector");

    let mut fixed = config_map("fixed", json!({"x": "1"}));
    fixed["immutable"] = json!(true);
    let mut fixed: ConfigMap = create(&client, fixed).await.expect("it is made");
    fixed.data = None;
    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let refused = refusal(maps.replace("fixed", &PostParams::default(), &fixed).await);
    assert!(refused.code == 422 && refused.message.contains("field is immutable when `immutable` is set"));

    let mut made: Service = create(&client, service("web", json!({"app": "web"}))).await.expect("it is made");
    made.spec.as_mut().expect("a spec").cluster_ip = Some("10.96.9.9".to_owned());
    let services = Api::<Service>::default_namespaced(client);
    let refused = refusal(services.replace("web", &PostParams::default(), &made).await);
    assert!(refused.code == 422 && refused.message.contains("spec.clusterIP"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn deployments_have_to_make_sense() {
    let (_, client) = cluster();
    let mut wrong = deployment("web", 1, "shop:1");
    wrong["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let refused = refusal(create::<Deployment>(&client, wrong).await);
    assert!(
        refused.code == 422 && refused.message.contains("does not match template `labels`"),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn secrets_and_leases() {
    let (cluster, client) = cluster();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "value"}});
    let made: Secret = create(&client, secret).await.expect("it is made");
    assert_eq!(made.data.expect("data")["key"].0, b"value");
    assert_eq!(made.type_.as_deref(), Some("Opaque"));
    let lease =
        json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}});
    let made: Lease = create(&client, lease).await.expect("it is made");
    let leases = Api::<Lease>::default_namespaced(client);
    let mut without_version = made.clone();
    without_version.metadata.resource_version = None;
    assert_eq!(refusal(leases.replace("l", &PostParams::default(), &without_version).await).code, 422);
    cluster.edit("Lease", "l", "other", |lease| lease["spec"]["holderIdentity"] = json!("other"));
    assert!(refusal(leases.replace("l", &PostParams::default(), &made).await).is_conflict());
}

#[tokio::test(start_paused = true)]
async fn finalizers_hold_an_object() {
    let (cluster, client) = cluster();
    let mut held = config_map("held", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let _: ConfigMap = create(&client, held).await.expect("it is made");
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let still = maps.delete("held", &DeleteParams::default()).await.expect("it is asked for");
    assert!(still.left().expect("it is there").metadata.deletion_timestamp.is_some());
    cluster.edit("ConfigMap", "held", "keeper", |map| map["metadata"]["finalizers"] = json!([]));
    assert!(cluster.get("ConfigMap", "held").is_none());
}

#[tokio::test(start_paused = true)]
async fn namespaces_go_with_what_is_in_them() {
    let (cluster, client) = cluster();
    let _: Deployment = create(&client, deployment("web", 1, "shop:1")).await.expect("it is made");
    let namespaces = Api::<Namespace>::all(client.clone());
    assert_eq!(namespaces.list(&ListParams::default()).await.expect("a list").items.len(), 3);
    namespaces.delete("shop", &DeleteParams::default()).await.expect("it is deleted");
    assert!(cluster.objects().is_empty(), "{:?}", cluster.objects());
    assert!(Api::<Pod>::all(client).list(&ListParams::default()).await.expect("a list").items.is_empty());
}
