//! Server-side apply.

use bascule_fake_cluster::Flavour;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::scenes::{cluster, config_map, deployment, of, refusal, service};

fn managers(object: &Value) -> Vec<(String, String)> {
    let all = object["metadata"]["managedFields"].as_array().expect("managers");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|one| (text(&one["manager"]), text(&one["operation"]))).collect()
}

#[tokio::test(start_paused = true)]
async fn an_apply_makes_changes_and_gives_up() {
    let (cluster, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let mine = PatchParams::apply("bascule");
    let made = maps.patch("a", &mine, &Patch::Apply(config_map("a", json!({"x": "1", "y": "2"})))).await;
    let made = made.expect("it is made");
    let again = maps.patch("a", &mine, &Patch::Apply(config_map("a", json!({"x": "1", "y": "2"})))).await;
    assert_eq!(again.expect("nothing changes").metadata.resource_version, made.metadata.resource_version);
    cluster.edit("ConfigMap", "a", "somebody", |map| map["data"]["z"] = json!("3"));
    let less = maps
        .patch("a", &mine, &Patch::Apply(config_map("a", json!({"x": "1"}))))
        .await
        .expect("it is applied");
    let keys: Vec<_> = less.data.expect("data").into_keys().collect();
    assert_eq!(keys, ["x", "z"], "y was mine alone, z is of somebody");
    let now = cluster.get("ConfigMap", "a").expect("it is there");
    let expected =
        [("bascule", "Apply"), ("somebody", "Update")].map(|(one, two)| (one.to_owned(), two.to_owned()));
    let mut found = managers(&now);
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn fields_of_others_are_refused_or_taken() {
    let (cluster, client) = cluster();
    let services = Api::<Service>::default_namespaced(client);
    let wanted = |slot: &str| Patch::Apply(service("web", json!({"app": "web", "slot": slot})));
    services.patch("web", &PatchParams::apply("bascule"), &wanted("blue")).await.expect("it is made");
    let other = PatchParams::apply("gitops");
    services.patch("web", &other, &wanted("blue")).await.expect("the same value is shared");
    let refused = refusal(services.patch("web", &other, &wanted("green")).await);
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    assert!(refused.message.contains("Apply failed with 1 conflict"), "{}", refused.message);
    let causes = refused.details.expect("details").causes;
    assert_eq!(
        (causes[0].field.as_str(), causes[0].reason.as_str()),
        (".spec.selector", "FieldManagerConflict")
    );
    assert!(causes[0].message.contains("\"bascule\""), "{}", causes[0].message);
    services.patch("web", &other.force(), &wanted("green")).await.expect("it is taken");
    let now = cluster.get("Service", "web").expect("it is there");
    let mine = now["metadata"]["managedFields"].as_array().expect("managers").iter();
    let mine = mine.clone().find(|one| one["manager"] == "bascule").expect("it still owns the ports");
    assert!(mine["fieldsV1"]["f:spec"]["f:selector"].is_null(), "{mine}");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_another_is_a_conflict_too() {
    let (cluster, client) = cluster();
    let deployments = Api::<Deployment>::default_namespaced(client);
    let mine = PatchParams::apply("bascule");
    deployments.patch("web", &mine, &Patch::Apply(deployment("web", 2, "shop:1"))).await.expect("it is made");
    cluster.edit("Deployment", "web", "kubectl-edit", |deployment| deployment["spec"]["replicas"] = json!(5));
    let refused =
        refusal(deployments.patch("web", &mine, &Patch::Apply(deployment("web", 2, "shop:1"))).await);
    let cause = &refused.details.expect("details").causes[0];
    assert_eq!(cause.field, ".spec.replicas");
    assert!(cause.message == "conflict with \"kubectl-edit\" using apps/v1", "{}", cause.message);
    // Without the field there is no conflict, and the other's value stays.
    let mut without = deployment("web", 2, "shop:1");
    without["spec"].as_object_mut().expect("a spec").remove("replicas");
    let applied = deployments.patch("web", &mine, &Patch::Apply(without)).await.expect("it is applied");
    assert_eq!(applied.spec.expect("a spec").replicas, Some(5));
}

#[tokio::test(start_paused = true)]
async fn replicas_that_nobody_applies_any_more_become_one() {
    let (_, client) = cluster();
    let deployments = Api::<Deployment>::default_namespaced(client);
    let mine = PatchParams::apply("bascule");
    deployments.patch("web", &mine, &Patch::Apply(deployment("web", 5, "shop:1"))).await.expect("it is made");
    let mut without = deployment("web", 5, "shop:1");
    without["spec"].as_object_mut().expect("a spec").remove("replicas");
    let applied = deployments.patch("web", &mine, &Patch::Apply(without)).await.expect("it is applied");
    assert_eq!(applied.spec.expect("a spec").replicas, Some(1));
}

#[tokio::test(start_paused = true)]
async fn items_of_lists_go_with_their_manager() {
    let (_, client) = cluster();
    let deployments = Api::<Deployment>::default_namespaced(client);
    let mut more = deployment("web", 1, "shop:1");
    let containers = more["spec"]["template"]["spec"]["containers"].as_array_mut().expect("containers");
    containers.push(json!({"name": "sidecar", "image": "side:1"}));
    let mine = PatchParams::apply("bascule");
    let made = deployments.patch("web", &mine, &Patch::Apply(more)).await.expect("it is made");
    let count = |one: Deployment| one.spec.expect("a spec").template.spec.expect("a pod").containers.len();
    assert_eq!(count(made), 2);
    let less = deployments.patch("web", &mine, &Patch::Apply(deployment("web", 1, "shop:1"))).await;
    assert_eq!(count(less.expect("it is applied")), 1);
}

#[tokio::test(start_paused = true)]
async fn selectors_of_services_are_granular_in_the_old_flavour() {
    let (cluster, client) = of(Flavour::Old);
    let services = Api::<Service>::default_namespaced(client);
    let mine = PatchParams::apply("bascule");
    let bare = service("web", json!({"app": "web", "slot": "blue"}));
    let without_protocol = refusal(services.patch("web", &mine, &Patch::Apply(bare.clone())).await);
    assert!(
        without_protocol.code == 500 && without_protocol.message.contains("omits key field \"protocol\"")
    );
    let full = |mut service: Value| {
        service["spec"]["ports"][0]["protocol"] = json!("TCP");
        Patch::Apply(service)
    };
    services.patch("web", &mine, &full(bare)).await.expect("it is made");
    let theirs = full(service("web", json!({"app": "web"})));
    services.patch("web", &PatchParams::apply("gitops").force(), &theirs).await.expect("it is applied");
    assert_eq!(cluster.get("Service", "web").expect("it is there")["spec"]["selector"]["slot"], "blue");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_conflicts_and_keeps_nothing() {
    let (cluster, client) = cluster();
    let maps = Api::<ConfigMap>::default_namespaced(client);
    let dry = PatchParams::apply("bascule").dry_run();
    maps.patch("a", &dry, &Patch::Apply(config_map("a", json!({})))).await.expect("it would be made");
    assert!(cluster.get("ConfigMap", "a").is_none());
}
