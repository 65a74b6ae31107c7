//! A Deployment that is there already becomes the first release, or is given back: without one pod more or less.

use std::time::Duration;

use bascule_engine::ports::{SlotSpec, Target as _, Traffic as _};
use bascule_fake_cluster::{FakeCluster, Fault, Matcher};
use bascule_model::problem::Code;
use bascule_model::run::Outcome;
use serde_json::{Value, json};

use crate::driven::{BAKE, Driven};
use crate::support::{FENCE, World, image, problem, slot, spec};

/// Somebody's Deployment and the Service in front of it, well.
async fn theirs(cluster: &FakeCluster) {
    let labels =
        json!({ "app": "web", "app.kubernetes.io/name": "web", "app.kubernetes.io/managed-by": "Helm" });
    let selector = json!({ "app": "web", "app.kubernetes.io/name": "web" });
    cluster.create(
        "helm",
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "labels": labels, "annotations": { "team": "a" } },
            "spec": {
                "replicas": 2, "selector": { "matchLabels": selector },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "main", "image": image(1), "ports": [{ "containerPort": 8080 }] }] },
                },
            },
        }),
    );
    cluster.create(
        "helm",
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "labels": labels },
            "spec": { "type": "NodePort", "selector": selector, "ports": [{ "port": 80, "targetPort": 8080, "nodePort": 30080 }] },
        }),
    );
    for _ in 0..300 {
        if cluster.get("Deployment", "web").unwrap()["status"]["availableReplicas"] == 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not come up");
}

fn adopting(release: &mut bascule_model::release::Release) {
    let cluster = release.cluster.as_mut().unwrap();
    (cluster.adopt, cluster.service_name) = (Some("web".to_owned()), Some("web".to_owned()));
}

/// What tells one pod from another, and whether its containers were ever started again.
fn pods(cluster: &FakeCluster) -> Vec<String> {
    cluster.list("Pod").iter().map(|pod| pod["metadata"]["uid"].to_string()).collect()
}

fn selector(cluster: &FakeCluster) -> Value {
    cluster.get("Service", "web").unwrap()["spec"]["selector"].clone()
}

/// Everything but what the server counts: as it was before it was taken over.
fn as_given(cluster: &FakeCluster) -> Vec<Value> {
    let mut all = Vec::new();
    for (kind, name) in [("Deployment", "web"), ("Service", "web")] {
        let object = cluster.get(kind, name).unwrap_or_else(|| panic!("{kind} {name} is not there"));
        let mut annotations = object["metadata"]["annotations"].clone();
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove("deployment.kubernetes.io/revision");
        }
        let annotations = if annotations == json!({}) { Value::Null } else { annotations };
        all.push(json!([object["metadata"]["labels"], annotations, object["spec"]]));
    }
    all.extend(
        cluster.list("Pod").iter().map(|pod| json!([pod["metadata"]["labels"], pod["metadata"]["uid"]])),
    );
    all.extend(
        cluster
            .list("ReplicaSet")
            .iter()
            .map(|set| json!([set["metadata"]["labels"], set["spec"]["template"]])),
    );
    all
}

#[tokio::test(start_paused = true)]
async fn what_runs_becomes_the_first_release_and_the_next_one_follows_it() {
    let mut world = Driven::new();
    theirs(&world.cluster).await;
    adopting(&mut world.wish.release);
    let before = pods(&world.cluster);
    let first = world.deploy(1).await.live();
    assert_eq!(pods(&world.cluster), before, "a pod was started or ended");
    assert!(world.cluster.get("Deployment", "web").is_none());
    assert_eq!(world.standing(), [first.to_string()]);
    assert_eq!(world.pods(first.as_str()).len(), 2);
    assert_eq!(selector(&world.cluster)["bascule.dev/release"], first.as_str());
    let drift = world.traffic.drift(&crate::support::key()).await.unwrap();
    assert!(drift.is_empty(), "{drift:?}");
    let second = world.deploy(2).await.live();
    assert_eq!(selector(&world.cluster)["bascule.dev/release"], second.as_str());
    let back = world.rollback(None).await;
    let back = back.map_or_else(
        |problem| problem.code,
        |ended| {
            ended.live();
            Code::Usage
        },
    );
    assert!(back == Code::Usage || back == Code::NothingToRollBackTo, "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn a_first_release_that_does_badly_is_given_back_as_it_was() {
    for (before_the_switch, after_it) in [(true, false), (false, true)] {
        let mut world = Driven::new();
        theirs(&world.cluster).await;
        adopting(&mut world.wish.release);
        let given = as_given(&world.cluster);
        world.failing(before_the_switch, after_it);
        let ended = world.deploy(1).await;
        assert_ne!(ended.outcome, Outcome::Live, "{ended:?}");
        assert!(world.standing().is_empty() || world.cluster.get("Deployment", "web").is_some(), "{ended:?}");
        // Nobody has lost anything.
        assert_eq!(selector(&world.cluster), given[1][2]["selector"]);
        tokio::time::sleep(BAKE).await;
        let down = world.engine.down(&crate::support::key(), "somebody").await;
        if let Ok(begun) = down {
            world.drive(begun).await;
        }
        assert_eq!(as_given(&world.cluster), given);
        // And again, well this time.
        world.failing(false, false);
        world.deploy(1).await.live();
        assert_eq!(pods(&world.cluster).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_lost_anywhere_costs_no_pod() {
    let mut first = spec(1);
    adopting(&mut first.release);
    let calls = {
        let world = World::new();
        theirs(&world.cluster).await;
        world.cluster.forget_calls();
        there_and_back(&world, &first, "nothing").await;
        world.cluster.calls()
    };
    for verb in ["create", "patch", "delete"] {
        let count = calls.iter().filter(|call| call.verb == verb && !call.dry_run).count();
        for fault in [Fault::LostAnswer, Fault::Broken, Fault::Status(500)] {
            for nth in 1..=count {
                let world = World::new();
                theirs(&world.cluster).await;
                world.cluster.fault(Matcher::any().verb(verb).kept().nth(nth), fault);
                there_and_back(&world, &first, &format!("{verb} {nth}")).await;
            }
        }
    }
}

/// Takes over and gives back, and no pod is another one at any time.
async fn there_and_back(world: &World, first: &SlotSpec, what: &str) {
    let before = pods(&world.cluster);
    world.deploy(FENCE, first, None).await.unwrap();
    assert_eq!(pods(&world.cluster), before, "{what}");
    world.switch(FENCE, Some(first), None).await.unwrap();
    world.target.stop(FENCE, &slot(first)).await.unwrap();
    world.traffic.close(FENCE, &crate::support::key()).await.unwrap();
    assert_eq!(pods(&world.cluster), before, "{what}, back");
    assert!(world.cluster.get("Deployment", "web").is_some(), "{what}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_ends_anywhere_is_followed_by_one_that_goes_on() {
    let mut first = spec(1);
    adopting(&mut first.release);
    for nth in 1..=14 {
        let world = World::new();
        theirs(&world.cluster).await;
        let given = as_given(&world.cluster);
        let before = pods(&world.cluster);
        world.traffic.open(FENCE, &first.release).await.unwrap();
        // As after the end of a process: the call was not made, and nothing after it.
        let calls = Matcher::any().kept().nth(nth);
        world.cluster.fault(calls, Fault::Forbidden);
        let begun = world.target.start(FENCE, &first).await;
        world.cluster.clear_faults();
        if nth % 2 == 0 {
            world.target.start(FENCE, &first).await.unwrap();
            world.bring_up(FENCE, &first).await.unwrap();
            assert_eq!(pods(&world.cluster), before, "{nth}: {begun:?}");
        } else {
            world.target.stop(FENCE, &slot(&first)).await.unwrap();
            world.traffic.close(FENCE, &crate::support::key()).await.unwrap();
            assert_eq!(as_given(&world.cluster), given, "{nth}: {begun:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_over_is_told_and_left_as_it_is() {
    type Deed = fn(&FakeCluster);
    let cases: [(&str, Deed); 6] = [
        ("none of that name", |cluster| cluster.delete("Deployment", "web")),
        ("there is no Service web", |cluster| cluster.delete("Service", "web")),
        ("paused", |cluster| {
            cluster.edit("Deployment", "web", "x", |one| one["spec"]["paused"] = json!(true));
        }),
        ("has no pods", |cluster| {
            cluster.edit("Deployment", "web", "x", |one| one["spec"]["replicas"] = json!(0));
        }),
        ("no port of the Service web leads to", |cluster| {
            cluster.edit("Service", "web", "x", |one| one["spec"]["ports"][0]["targetPort"] = json!(9090));
        }),
        ("by its name", |cluster| {
            cluster.edit("Service", "web", "x", |one| one["spec"]["ports"][0]["targetPort"] = json!("main"));
        }),
    ];
    for (words, deed) in cases {
        let world = World::new();
        theirs(&world.cluster).await;
        deed(&world.cluster);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut first = spec(1);
        adopting(&mut first.release);
        let before = world.cluster.objects();
        let refused = problem(world.traffic.can_open(&first.release).await);
        assert_eq!(refused.code, Code::ClusterRefused, "{refused:?}");
        assert!(refused.message.contains(words), "{words}: {refused:?}");
        assert_eq!(world.cluster.objects(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn rights_that_only_this_needs_are_asked_for_only_then() {
    let world = World::new();
    theirs(&world.cluster).await;
    world.cluster.deny("patch", "replicasets");
    let mut first = spec(1);
    adopting(&mut first.release);
    let refused = problem(world.traffic.can_open(&first.release).await);
    assert_eq!(refused.code, Code::ClusterForbidden);
    assert!(refused.message.contains("patch replicasets"), "{refused:?}");
}
