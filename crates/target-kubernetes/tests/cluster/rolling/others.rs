//! Somebody else, a full quota, calls that go wrong.

use std::time::Duration;

use bascule_engine::executor::Driven as Came;
use bascule_engine::ports::{Bound, PortError, Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Matcher};
use bascule_model::ids::Generation;
use bascule_model::problem::Code;
use bascule_model::release::Rolling;
use bascule_model::run::Outcome;
use serde_json::json;

use super::{Count, SIZE, size, until_new_has, world};
use crate::support::{World, key, spec};

#[tokio::test(start_paused = true)]
async fn who_writes_the_selector_in_the_middle_stops_it_and_is_named() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let begun = world.begin(2).await.unwrap();
    let spoil = async {
        let new = until_new_has(&world, first.as_str(), 2).await;
        world.cluster.edit("Service", "shop-web", "gitops", move |service| {
            service["spec"]["selector"]["bascule.dev/release"] = new.clone().into();
        });
        size(&world, first.as_str())
    };
    let (came, had) = tokio::join!(world.engine.drive(begun), spoil);
    assert_eq!(came, Came::AwaitsPerson, "nobody knows whom users have");
    assert_eq!(size(&world, first.as_str()), had, "somebody went after that");
    let told = world.traffic.drift(&key()).await.unwrap().join("\n");
    assert!(told.contains("gitops"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_quota_needs_room_for_the_surge_and_not_for_twice() {
    let quota = |pods: u32| {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
            "spec": { "hard": { "pods": pods.to_string() } },
        })
    };
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    world.cluster.create("admin", quota(SIZE));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let ended = world.deploy(2).await;
    assert_eq!(ended.outcome, Outcome::Refused, "{ended:?}");
    assert_eq!(ended.cause.unwrap().code, Code::ClusterNoRoom);
    assert_eq!(world.agreed().await, first.as_str());
    world.cluster.edit("ResourceQuota", "small", "admin", |quota| {
        quota["spec"]["hard"]["pods"] = (SIZE + 1).to_string().into();
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let second = world.deploy(2).await.live();
    assert_eq!(world.agreed().await, second.as_str());
    // What is left of the former release has no pods that it could give back.
    let third = world.deploy(3).await.live();
    assert_eq!(world.agreed().await, third.as_str());
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_scales_does_not_roll() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    world.cluster.create(
        "admin",
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "theirs" },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": format!("shop-web-{first}") },
                "maxReplicas": 9,
            },
        }),
    );
    let ended = world.deploy(2).await;
    assert_eq!(ended.outcome, Outcome::Refused, "{ended:?}");
    let cause = ended.cause.unwrap();
    assert_eq!(cause.code, Code::ClusterRefused);
    assert!(cause.message.contains("theirs"), "{cause:?}");
    assert_eq!(world.agreed().await, first.as_str());
}

#[tokio::test(start_paused = true)]
async fn every_call_of_a_roll_may_go_wrong_once() {
    let writes = [("patch", "services"), ("patch", "deployments")];
    let reads = [("get", "services"), ("list", "pods")];
    let mut all: Vec<(Fault, (&str, &str))> = Vec::new();
    for fault in [Fault::Status(503), Fault::HangAfter, Fault::LostAnswer] {
        all.extend(writes.map(|call| (fault, call)));
    }
    for fault in [Fault::Status(503), Fault::Hang] {
        all.extend(reads.map(|call| (fault, call)));
    }
    // Somebody wrote there meanwhile.
    all.push((Fault::Status(409), writes[1]));
    for (fault, (verb, resource)) in all {
        let world = world(0, 1);
        world.deploy(1).await.live();
        world.at("deploy.roll.apply.before", move |cluster| {
            cluster.fault(Matcher::any().verb(verb).resource(resource).kept().first(2), fault);
        });
        let count = Count::begin(&world.cluster);
        let second = world.deploy(2).await.live();
        count.within(SIZE, SIZE + 1);
        assert_eq!(world.agreed().await, second.as_str(), "{fault:?} of {verb} {resource}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_lease_is_older_moves_nobody() {
    let rolling = |number| {
        let mut spec = spec(number);
        spec.release.rollout.rolling = Some(Rolling { max_unavailable: 0, max_surge: 1 });
        spec
    };
    let world = World::new();
    let (first, second) = (rolling(1), rolling(2));
    world.deploy(Generation(1), &first, None).await.unwrap();
    world.traffic.open(Generation(1), &second.release).await.unwrap();
    world.target.start(Generation(1), &second).await.unwrap();
    let roll = |fence, bound| {
        let to = (second.slot, &second.release);
        let back = (first.slot, &first.release);
        let (from, to) = if bound == Bound::Forth { (&first.release, to) } else { (&second.release, back) };
        world.traffic.roll(fence, from, to, bound)
    };
    roll(Generation(1), Bound::Forth).await.unwrap();
    let other = World::over(world.cluster.clone(), "state-1");
    other.traffic.open(Generation(7), &first.release).await.unwrap();
    world.cluster.forget_calls();
    for bound in [Bound::Forth, Bound::Back] {
        let late = roll(Generation(1), bound).await;
        assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
    }
    assert!(world.cluster.calls().iter().all(|call| call.verb != "patch"), "{:?}", world.cluster.calls());
}
