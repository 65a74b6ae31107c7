//! What the cluster says before anything is made: what it would refuse, and what will be in the way.

use bascule_engine::ports::{SlotSpec, Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Matcher};
use bascule_model::problem::Code;
use bascule_model::release::DeploymentPatch;
use bascule_model::run::Outcome;
use serde_json::{Value, json};

use crate::driven::Driven;
use crate::support::{FENCE, World, problem, slot, spec, with_env};

/// Kinds that a release is made of.
const MADE: [&str; 6] = ["Deployment", "ReplicaSet", "Pod", "Service", "ConfigMap", "Secret"];

fn nothing_is_made(world: &World) {
    for kind in MADE {
        assert!(world.names(kind).is_empty(), "{kind}: {:?}", world.names(kind));
    }
}

async fn told(world: &World, spec: &SlotSpec) -> String {
    world.target.can_start(spec).await.unwrap().join("\n")
}

#[tokio::test(start_paused = true)]
async fn each_object_that_would_be_refused_is_named_with_the_servers_words() {
    let first = with_env(spec(1), &[("MODE", "fast"), ("TOKEN", "hunter2hunter2")], &["TOKEN"]);
    for (resource, kind) in [
        ("deployments", "Deployment shop-web-r1-abcdef"),
        ("pods", "Pod shop-web-r1-abcdef"),
        ("services", "Service shop-web"),
        ("configmaps", "ConfigMap shop-web-"),
        ("secrets", "Secret shop-web-"),
    ] {
        let world = World::new();
        let calls = Matcher::any().verb("create").resource(resource);
        world.cluster.fault(calls, Fault::Denied("images come from registry.corp alone"));
        let refused = problem(world.target.can_start(&first).await);
        assert_eq!(refused.code, Code::ClusterWouldRefuse, "{refused:?}");
        for words in [kind, "guard.test", "images come from registry.corp alone"] {
            assert!(refused.message.contains(words), "{resource}: {refused:?}");
        }
        assert!(!refused.message.contains("hunter2"), "{refused:?}");
        nothing_is_made(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn all_is_tried_and_nothing_of_it_is_kept() {
    let world = World::new();
    let first = with_env(spec(1), &[("MODE", "fast"), ("TOKEN", "hunter2hunter2")], &["TOKEN"]);
    assert_eq!(told(&world, &first).await, "");
    nothing_is_made(&world);
    let calls = world.cluster.calls();
    let tried: Vec<&str> =
        calls.iter().filter(|call| call.dry_run).map(|call| call.resource.as_str()).collect();
    assert_eq!(tried, ["services", "configmaps", "secrets", "deployments", "pods"]);
    assert!(calls.iter().all(|call| call.dry_run || call.verb != "create"), "{calls:#?}");
    world.deploy(FENCE, &first, None).await.unwrap();
    // The Service is there by now, and what stands already is not tried again.
    world.cluster.forget_calls();
    world.target.can_start(&first).await.unwrap();
    world.target.can_start(&spec(2)).await.unwrap();
    let tried: Vec<String> =
        world.cluster.calls().iter().filter(|call| call.dry_run).map(|call| call.name.clone()).collect();
    assert_eq!(tried, ["shop-web-r2-abcdef", "shop-web-r2-abcdef"]);
}

#[tokio::test(start_paused = true)]
async fn limits_of_the_namespace_for_pods_are_seen() {
    let world = World::new();
    world.cluster.create(
        "admin",
        json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "small" },
            "spec": { "limits": [{ "type": "Container", "max": { "memory": "64Mi" } }] },
        }),
    );
    let mut large = spec(1);
    large.release.services[0].limits.memory = Some(128 << 20);
    let refused = problem(world.target.can_start(&large).await);
    assert_eq!(refused.code, Code::ClusterWouldRefuse, "{refused:?}");
    assert!(refused.message.contains("maximum memory usage per Container is 64Mi"), "{refused:?}");
    large.release.services[0].limits.memory = Some(64 << 20);
    assert_eq!(told(&world, &large).await, "");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_tried_is_told_and_is_no_failure() {
    let world = World::new();
    world.cluster.fault(Matcher::any().verb("create").resource("deployments"), Fault::NoDryRun);
    world.cluster.deny("create", "pods");
    let first = spec(1);
    let told = told(&world, &first).await;
    for words in
        ["Deployment shop-web-r1-abcdef was not tried", "does not support dry run", "may not create pods"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    world.deploy(FENCE, &first, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_full_of_a_release_that_goes_first_is_not_in_the_way() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.deploy(FENCE, &second, Some(&first)).await.unwrap();
    world.cluster.create(
        "admin",
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
            "spec": { "hard": { "pods": "4" } },
        }),
    );
    world.traffic.can_open(&spec(3).release).await.unwrap();
    assert_eq!(told(&world, &spec(3)).await, "");
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    world.deploy(FENCE, &spec(3), Some(&second)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_would_be_refused_writes_nothing() {
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    world.cluster.fault(Matcher::any().verb("create").resource("pods").dry(), Fault::Denied("no"));
    world.cluster.forget_calls();
    let ended = world.deploy(2).await;
    assert_eq!(ended.cause.as_ref().map(|cause| cause.code), Some(Code::ClusterWouldRefuse), "{ended:?}");
    assert_eq!(ended.outcome, Outcome::Refused, "{ended:?}");
    let calls = world.cluster.calls();
    let reads = |verb: &str| matches!(verb, "get" | "list" | "watch");
    assert!(calls.iter().all(|call| call.dry_run || reads(&call.verb)), "{calls:#?}");
    assert_eq!(world.agreed().await, first.as_str());
    // The way back asks nothing of that kind.
    world.cluster.clear_faults();
    let second = world.deploy(2).await.live();
    world.cluster.fault(Matcher::any().verb("create").resource("pods").dry(), Fault::Denied("no"));
    world.rollback(None).await.unwrap().live();
    assert_ne!(world.agreed().await, second.as_str());
}

fn budget(name: &str, selector: &Value) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": name },
        "spec": { "minAvailable": "100%", "selector": { "matchLabels": selector } },
    })
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_lets_no_pod_go_is_named() {
    let world = World::new();
    let first = spec(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    world.cluster.create("gitops", budget("all-or-none", &json!({ "bascule.dev/app": "shop" })));
    world.cluster.create("gitops", budget("others", &json!({ "bascule.dev/app": "other" })));
    for name in ["all-or-none", "others"] {
        world.cluster.edit_status("PodDisruptionBudget", name, "kube-controller-manager", |budget| {
            budget["status"] = json!({ "disruptionsAllowed": 0, "currentHealthy": 2, "expectedPods": 2 });
        });
    }
    let told = told(&world, &spec(2)).await;
    assert!(told.contains("all-or-none lets none of its pods go") && !told.contains("others"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_scaler_that_stays_with_the_former_release_is_named() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    let target = |name: &str| json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name });
    for (name, scales) in [("theirs", "shop-web-r1-abcdef"), ("others", "another")] {
        world.cluster.create(
            "gitops",
            json!({
                "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": name },
                "spec": { "scaleTargetRef": target(scales), "maxReplicas": 4 },
            }),
        );
    }
    let said = told(&world, &spec(2)).await;
    assert!(said.contains("theirs scales shop-web-r1-abcdef") && !said.contains("others"), "{said}");
    // With our labels it goes along.
    world.cluster.edit("HorizontalPodAutoscaler", "theirs", "gitops", |scaler| {
        scaler["metadata"]["labels"] = json!({
            "bascule.dev/app": "shop", "bascule.dev/environment": "staging", "bascule.dev/service": "web",
        });
    });
    assert_eq!(told(&world, &spec(2)).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_network_policy_for_one_of_both_releases_is_named() {
    let world = World::new();
    let policy = |name: &str, selector: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name },
            "spec": { "podSelector": { "matchLabels": selector }, "policyTypes": ["Ingress"], "ingress": [] },
        })
    };
    world.cluster.create("gitops", policy("green-alone", json!({ "bascule.dev/slot": "green" })));
    let first = spec(1);
    // Nobody is live yet: there is nothing to compare with.
    assert_eq!(told(&world, &first).await, "");
    world.deploy(FENCE, &first, None).await.unwrap();
    let said = told(&world, &spec(2)).await;
    assert!(said.contains("web: the NetworkPolicy green-alone is for the new release's pods"), "{said}");
    world.cluster.create("gitops", policy("all", json!({ "bascule.dev/app": "shop" })));
    assert_eq!(told(&world, &spec(2)).await, "", "both let the same in");
    world.cluster.deny("list", "networkpolicies");
    let said = told(&world, &spec(2)).await;
    assert!(said.contains("nobody looked whether a NetworkPolicy is in the way"), "{said}");
    assert!(said.contains("render rbac"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_grace_that_is_shorter_than_the_drain_is_told_in_the_plan() {
    let world = World::new();
    let mut one = spec(1);
    assert!(world.target.warnings(&one.release).await.is_empty());
    one.release.services[0].drain = std::time::Duration::from_secs(30);
    let told = world.target.warnings(&one.release).await.join("\n");
    assert!(told.contains("web: ") && told.contains("2 s (`stop.grace`), not 30 s (`drain`)"), "{told}");
    one.release.services[0].traffic = None;
    assert!(world.target.warnings(&one.release).await.is_empty(), "who has no users has nothing in flight");
}

#[tokio::test(start_paused = true)]
async fn a_pause_before_the_end_that_is_longer_than_the_grace_is_told_in_the_plan() {
    let world = World::new();
    let mut one = spec(1);
    let pause = |seconds: u64| DeploymentPatch {
        service: None,
        changes: json!({ "spec": { "template": { "spec": { "containers": [{
            "name": "app",
            "lifecycle": { "preStop": { "sleep": { "seconds": seconds } } },
        }] } } } }),
    };
    one.release.cluster.as_mut().unwrap().patches = vec![pause(2)];
    let told = world.target.warnings(&one.release).await.join("\n");
    assert!(told.contains("web: its `preStop` waits 2 s, and `stop.grace` is 2 s"), "{told}");
    assert!(told.contains("about 2 s until"), "{told}");
    // The last one holds, and a grace with room for it is as it should be.
    one.release.cluster.as_mut().unwrap().patches.push(pause(1));
    assert_eq!(world.target.warnings(&one.release).await, Vec::<String>::new());
    // It is a part of the grace, so that what is in flight has no more of it.
    one.release.services[0].drain = std::time::Duration::from_secs(9);
    let told = world.target.warnings(&one.release).await.join("\n");
    assert!(told.contains("requests in flight get 2 s"), "{told}");
    one.release.services[0].drain = std::time::Duration::from_secs(1);
    // One that cannot be read holds all the same: what it says instead is not known.
    one.release.cluster.as_mut().unwrap().patches = vec![
        pause(2),
        DeploymentPatch {
            service: None,
            changes: json!({ "spec": { "template": { "spec": { "containers": [{
            "name": "app",
            "lifecycle": { "preStop": { "httpGet": { "path": "/end", "port": 8080 } } },
        }] } } } }),
        },
    ];
    assert_eq!(world.target.warnings(&one.release).await, Vec::<String>::new());
}
