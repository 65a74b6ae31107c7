//! What the server says of itself and of what the caller may do.

use bascule_fake_cluster::{FakeCluster, Flavour};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler;
use kube::api::{Api, PostParams};
use kube::core::DynamicObject;
use kube::discovery::{ApiResource, Discovery};
use serde_json::{Value, json};

use crate::scenes::{cluster, create, deployment, of, refusal, typed};

#[tokio::test(start_paused = true)]
async fn groups_and_versions_by_flavour() {
    for (flavour, minor, slices, budgets, scalers) in
        [(Flavour::Old, "20", "v1beta1", "v1beta1", "v2beta2"), (Flavour::New, "33", "v1", "v1", "v2")]
    {
        let (_, client) = of(flavour);
        assert_eq!(client.apiserver_version().await.expect("a version").minor, minor);
        let found = Discovery::new(client).run().await.expect("groups");
        let preferred =
            |group: &str| found.get(group).expect("it is there").preferred_version_or_latest().to_owned();
        assert_eq!(preferred("discovery.k8s.io"), slices);
        assert_eq!(preferred("policy"), budgets);
        assert_eq!(preferred("autoscaling"), scalers);
        let apps = found.get("apps").expect("it is there");
        let (deployments, capabilities) = apps.recommended_kind("Deployment").expect("it is there");
        assert_eq!((deployments.plural.as_str(), deployments.version.as_str()), ("deployments", "v1"));
        assert!(capabilities.subresources.iter().any(|(one, _)| one.plural == "scale"));
        assert!(found.has_group("coordination.k8s.io") && found.has_group("batch"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_served_is_not_found() {
    let (_, client) = of(Flavour::Old);
    let slices = ApiResource {
        group: "discovery.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "discovery.k8s.io/v1".to_owned(),
        kind: "EndpointSlice".to_owned(),
        plural: "endpointslices".to_owned(),
    };
    let missing = refusal(Api::<DynamicObject>::default_namespaced_with(client, &slices).get("x").await);
    assert_eq!((missing.code, missing.reason.as_str()), (404, "NotFound"));
    assert_eq!(missing.message, "the server could not find the requested resource");
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_is_refused_and_reviewed() {
    let (cluster, client) = cluster();
    cluster.deny("create", "deployments");
    cluster.deny("get", "pods/log");
    let reviews = Api::<SelfSubjectAccessReview>::all(client.clone());
    let ask = |verb: &str, resource: &str, subresource: &str| {
        let attributes =
            json!({"verb": verb, "resource": resource, "subresource": subresource, "namespace": "shop"});
        let review: SelfSubjectAccessReview =
            typed(json!({"metadata": {}, "spec": {"resourceAttributes": attributes}}));
        let reviews = reviews.clone();
        async move {
            let answer = reviews.create(&PostParams::default(), &review).await.expect("an answer");
            answer.status.expect("a status").allowed
        }
    };
    assert!(!ask("create", "deployments", "").await);
    assert!(!ask("get", "pods", "log").await);
    assert!(ask("get", "pods", "").await);
    let refused = refusal(create::<Deployment>(&client, deployment("web", 1, "shop:1")).await);
    assert!(
        refused.is_forbidden() && refused.message.contains("cannot create resource \"deployments\""),
        "{refused:?}"
    );
    cluster.allow_all();
    create::<Deployment>(&client, deployment("web", 1, "shop:1")).await.expect("it is allowed");
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_is_shown_in_each_version() {
    let (cluster, client) = cluster();
    let scaler = json!({
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 5,
            "targetCPUUtilizationPercentage": 70,
        },
    });
    let made: HorizontalPodAutoscaler = create(&client, scaler).await.expect("it is made");
    let specification = made.spec.expect("a spec");
    assert_eq!(
        (specification.min_replicas, specification.target_cpu_utilization_percentage),
        (Some(1), Some(70))
    );
    let kept = cluster.get("HorizontalPodAutoscaler", "web").expect("it is there");
    assert_eq!(kept["apiVersion"], "autoscaling/v2");
    assert_eq!(kept["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 70);
    assert_eq!(kept["spec"]["targetCPUUtilizationPercentage"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn names_and_namespaces_of_other_places() {
    let cluster = FakeCluster::new(Flavour::New, "shop");
    cluster.namespace("other");
    cluster.create("test", json!({"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "other"}}));
    assert_eq!(cluster.objects(), [("ConfigMap".to_owned(), "other/a".to_owned())]);
    assert!(cluster.get("configmaps", "other/a").is_some() && cluster.get("ConfigMap", "a").is_none());
}
