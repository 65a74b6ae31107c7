use std::time::Duration;

use bascule_model::ids::{ReleaseId, Slot};
use bascule_model::release::{
    Cluster, Configuration, Container, DeploymentPatch, Health, Limits, OnDrift, OnNoData, Pods, Probe,
    Release, Rollout, ServiceKind, Stop, TargetKind, Writing,
};
use serde_json::json;

use super::*;

fn service(name: &str) -> Service {
    Service {
        name: name.parse().unwrap(),
        command: Vec::new(),
        container: Some(Container { files: Writing::ReadOnly, ..Container::default() }),
        secret_files: Vec::new(),
        traffic: None,
        instances: 1,
        pods: Pods::default(),
        drain: Duration::ZERO,
        stop: Stop { signal: 15, grace: Duration::from_secs(2) },
        limits: Limits::default(),
        health: Health {
            probe: Probe::Uptime,
            interval: Duration::ZERO,
            timeout: Duration::ZERO,
            start_period: Duration::ZERO,
            healthy_after: 1,
            unhealthy_after: 1,
        },
        configuration: BTreeMap::new(),
    }
}

fn spec(patches: Vec<DeploymentPatch>) -> SlotSpec {
    let release = Release {
        id: ReleaseId::from_text("r1-abcdef"),
        number: 1,
        key: "shop/staging".parse().unwrap(),
        target: TargetKind::Kubernetes,
        artifact: "image:registry.test/shop@sha256:1".to_owned(),
        drift: OnDrift::Repair,
        cluster: Some(Cluster {
            context: None,
            namespace: "shop".to_owned(),
            service: ServiceKind::ClusterIP,
            node_port: None,
            observe: None,
            probe: None,
            service_name: None,
            route: None,
            adopt: None,
            mirror: true,
            pull_secrets: Vec::new(),
            patches,
            manifests: Vec::new(),
        }),
        listen: "127.0.0.1:80".parse().unwrap(),
        hosts: Vec::new(),
        services: vec![service("web"), service("worker")],
        rollout: Rollout {
            deadline: Duration::from_secs(60),
            bake: Duration::ZERO,
            max_error_rate: 0.01,
            max_p95: Duration::ZERO,
            min_requests: 1,
            on_no_data: OnNoData::Probe,
            warm: Duration::ZERO,
            keep: 1,
            rolling: None,
        },
        tasks: Vec::new(),
        schema: None,
        secrets: BTreeMap::new(),
        provenance: None,
        content: String::new(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
    };
    SlotSpec { release, slot: Slot::Blue, configuration: Configuration::default() }
}

fn patch(service: Option<&str>, changes: Value) -> DeploymentPatch {
    DeploymentPatch { service: service.map(|name| name.parse().unwrap()), changes }
}

/// The Deployments of both services.
fn made(patches: Vec<DeploymentPatch>) -> [Value; 2] {
    let spec = spec(patches);
    [0, 1].map(|at| objects(&spec, &spec.release.services[at], 1, Waits::ByItself, "state-1").deployment)
}

fn spec_of(deployment: &Value) -> &str {
    deployment["metadata"]["annotations"][names::SPEC].as_str().unwrap()
}

#[test]
fn a_patch_is_for_its_service_or_for_all_and_the_last_one_counts() {
    let node =
        |disk: &str| json!({ "spec": { "template": { "spec": { "nodeSelector": { "disk": disk } } } } });
    let [web, worker] = made(vec![patch(None, node("any")), patch(Some("web"), node("ssd"))]);
    let disk = |one: &Value| one["spec"]["template"]["spec"]["nodeSelector"]["disk"].clone();
    assert_eq!((disk(&web), disk(&worker)), (json!("ssd"), json!("any")));
}

#[test]
fn whatever_a_patch_changes_is_another_object() {
    let [plain, _] = made(Vec::new());
    let mut seen = vec![spec_of(&plain).to_owned()];
    for changes in [
        json!({ "metadata": { "annotations": { "a": "1" } } }),
        json!({ "metadata": { "annotations": { "a": "2" } } }),
        json!({ "metadata": { "labels": { "a": "1" } } }),
        json!({ "spec": { "template": { "metadata": { "annotations": { "a": "1" } } } } }),
        json!({ "spec": { "template": { "spec": { "priorityClassName": "high" } } } }),
    ] {
        let [web, worker] = made(vec![patch(Some("web"), changes.clone())]);
        assert_eq!(spec_of(&worker), spec_of(&made(Vec::new())[1]), "{changes}");
        assert!(!seen.contains(&spec_of(&web).to_owned()), "{changes}");
        seen.push(spec_of(&web).to_owned());
    }
}

/// What is written on an object that stands stays what it is compared with: it is there longer than the program that made it.
#[test]
fn without_a_patch_it_is_the_print_of_the_template() {
    let [web, _] = made(Vec::new());
    assert_eq!(spec_of(&web), hex(&Sha256::digest(web["spec"]["template"].to_string())));
}

#[test]
fn volumes_and_mounts_are_merged_beside_ours() {
    let [web, _] = made(vec![patch(
        None,
        json!({ "spec": { "template": { "spec": {
            "volumes": [{ "name": "data", "emptyDir": {} }],
            "containers": [{ "name": "app", "volumeMounts": [{ "mountPath": "/data", "name": "data" }] }, { "name": "side", "image": "s:1" }],
        } } } }),
    )]);
    let pod = &web["spec"]["template"]["spec"];
    let names = |list: &Value, key: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&pod["volumes"], "name"), ["tmp", "data"]);
    assert_eq!(names(&pod["containers"], "name"), ["app", "side"]);
    assert_eq!(names(&pod["containers"][0]["volumeMounts"], "mountPath"), ["/tmp", "/data"]);
    assert_eq!(pod["containers"][0]["image"], "registry.test/shop@sha256:1");
}
