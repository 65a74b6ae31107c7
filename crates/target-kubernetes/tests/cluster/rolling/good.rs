//! Releases that come as they should.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bascule_model::problem::Code;
use bascule_model::release::{Health, Probe, Service, Traffic};
use serde_json::json;

use super::{Count, SIZE, behind, size, world};
use crate::driven::Driven;

#[tokio::test(start_paused = true)]
async fn a_release_comes_pod_by_pod_as_the_former_one_goes() {
    for (max_unavailable, max_surge) in [(0, 1), (1, 1), (0, 2), (2, 3)] {
        let world = world(max_unavailable, max_surge);
        let first = world.deploy(1).await.live();
        let planned = world.engine.plan_deploy(&world.wish).await.unwrap();
        let steps: Vec<&str> = planned.steps.iter().map(|step| step.name.as_str()).collect();
        assert!(steps.contains(&"roll") && !steps.contains(&"switch"), "{steps:?}");
        let count = Count::begin(&world.cluster);
        let second = world.deploy(2).await.live();
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, second.as_str());
        assert_eq!((size(&world, second.as_str()), size(&world, first.as_str())), (i64::from(SIZE), 0));
        assert!(world.end_window().await, "nothing of it is warm: it is retired at once");
        assert_eq!(world.standing(), [second.as_str()]);
        // And the next one, in the other slot.
        let count = Count::begin(&world.cluster);
        let third = world.deploy(3).await.live();
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, third.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn pods_wait_for_what_is_in_flight_before_they_end_whoever_ends_them() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let of = |release: &str| {
        let deployment = world.cluster.get("Deployment", &format!("shop-web-{release}")).unwrap();
        deployment["spec"]["template"]["spec"].clone()
    };
    let pod = of(first.as_str());
    // The drain of 1 s, at least the 3 s that nodes may take; and 2 s of grace.
    assert_eq!(pod["containers"][0]["lifecycle"], json!({ "preStop": { "sleep": { "seconds": 3 } } }));
    assert_eq!(pod["terminationGracePeriodSeconds"], 5);
    let mut plain = Driven::new();
    plain.wish.release.rollout.rolling = None;
    let live = plain.deploy(1).await.live();
    let deployment = plain.cluster.get("Deployment", &format!("shop-web-{live}")).unwrap();
    assert!(deployment["spec"]["template"]["spec"]["containers"][0]["lifecycle"].is_null());
}

#[tokio::test(start_paused = true)]
async fn who_was_not_made_to_go_pod_by_pod_is_switched_from_once() {
    let mut world = world(0, 1);
    let rolling = world.wish.release.rollout.rolling.take();
    world.deploy(1).await.live();
    world.wish.release.rollout.rolling = rolling;
    let planned = world.engine.plan_deploy(&world.wish).await.unwrap();
    assert!(
        planned.notes.iter().any(|note| note.contains("not made to go pod by pod")),
        "{:?}",
        planned.notes
    );
    assert!(planned.steps.iter().any(|step| step.name == "switch"));
    let second = world.deploy(2).await.live();
    assert_eq!(world.agreed().await, second.as_str());
    let planned = world.engine.plan_deploy(&world.wish).await.unwrap();
    assert!(planned.steps.iter().any(|step| step.name == "roll"), "now it can");
}

#[tokio::test(start_paused = true)]
async fn as_many_as_somebody_made_of_it_come_and_come_back() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let name = format!("shop-web-{first}");
    world.cluster.edit("Deployment", &name, "kubectl-scale", |one| one["spec"]["replicas"] = 5.into());
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.failing(false, true);
    let count = Count::begin(&world.cluster);
    world.deploy(2).await.back(Code::VerifyLiveFailed);
    count.within(5, 6);
    assert_eq!(size(&world, first.as_str()), 5);
    world.failing(false, false);
    let count = Count::begin(&world.cluster);
    let third = world.deploy(3).await.live();
    count.within(5, 6);
    assert_eq!(size(&world, third.as_str()), 5);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_comes_the_same_way() {
    // Whether what is left of the former release stands still, or is made anew.
    for is_retired in [false, true] {
        let world = world(0, 1);
        let first = world.deploy(1).await.live();
        world.deploy(2).await.live();
        if is_retired {
            assert!(world.end_window().await);
        }
        let count = Count::begin(&world.cluster);
        assert_eq!(world.rollback(Some(&first)).await.unwrap().live(), first);
        count.within(SIZE, SIZE + 1);
        assert_eq!(world.agreed().await, first.as_str());
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
    }
}

#[tokio::test(start_paused = true)]
async fn all_services_of_an_app_roll_and_those_that_come_or_go_do_as_well() {
    let mut world = world(0, 1);
    let web = world.wish.release.services[0].clone();
    let service = |name: &str, path: Option<&str>| Service {
        name: name.parse().unwrap(),
        instances: 2,
        traffic: path.map(|path| Traffic { path: path.to_owned(), ..web.traffic.clone().unwrap() }),
        health: if path.is_some() {
            web.health.clone()
        } else {
            Health { probe: Probe::Uptime, ..web.health.clone() }
        },
        ..web.clone()
    };
    world.wish.release.services = vec![service("api", Some("/api")), service("old", None), web.clone()];
    let first = world.deploy(1).await.live();
    let (fewest, cluster) = (Arc::new(Mutex::new(usize::MAX)), world.cluster.clone());
    let kept = fewest.clone();
    let looking = tokio::spawn(async move {
        loop {
            let now = behind(&cluster, "shop-api");
            {
                let mut kept = kept.lock().unwrap();
                *kept = (*kept).min(now);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    world.wish.release.services = vec![service("api", Some("/api")), service("new", None), web.clone()];
    let second = world.deploy(2).await.live();
    looking.abort();
    assert_eq!(*fewest.lock().unwrap(), 2, "of the other Service");
    let selected = world.cluster.get("Service", "shop-api").unwrap()["spec"]["selector"].clone();
    assert_eq!(selected["bascule.dev/release"], second.as_str());
    let replicas = |name: String| world.cluster.get("Deployment", &name).unwrap()["spec"]["replicas"].clone();
    assert_eq!(replicas(format!("shop-new-{second}")), 2);
    assert_eq!(replicas(format!("shop-old-{first}")), 2, "it stays until all of the former one is retired");
    assert!(world.end_window().await);
    assert_eq!(world.agreed().await, second.as_str());
    assert!(world.standing().iter().all(|release| release == second.as_str()), "{:?}", world.standing());
}
