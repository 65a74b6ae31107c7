//! What belongs to a service and not to a release: who scales it, and how many of its pods may go at once.

use std::time::Duration;

use bascule_engine::ports::{SlotSpec, Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Matcher};
use bascule_model::release::Scale;

use crate::support::{FENCE, World, slot, spec};

fn scaled(number: u64) -> SlotSpec {
    let mut spec = spec(number);
    spec.release.services[0].pods.scale = Some(Scale { min: 2, max: 6, cpu: 70 });
    spec
}

fn target(world: &World) -> Option<String> {
    let scaler = world.cluster.get("HorizontalPodAutoscaler", "shop-web")?;
    Some(scaler["spec"]["scaleTargetRef"]["name"].as_str().unwrap().to_owned())
}

/// Nobody waits for it: it comes soon after.
async fn until_scales(world: &World, wanted: Option<&str>) {
    for _ in 0..3000 {
        if target(world).as_deref() == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?} is scaled, not {wanted:?}", target(world));
}

#[tokio::test(start_paused = true)]
async fn a_scaler_is_held_until_the_switch_and_follows_the_traffic_there_and_back() {
    for world in [World::new(), World::old()] {
        let (first, second) = (scaled(1), scaled(2));
        world.deploy(FENCE, &first, None).await.unwrap();
        until_scales(&world, Some("shop-web-r1-abcdef")).await;
        let grow = |one: &mut serde_json::Value| one["spec"]["replicas"] = 4.into();
        world.cluster.edit("Deployment", "shop-web-r1-abcdef", "hpa", grow);
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.bring_up(FENCE, &second).await.unwrap();
        assert_eq!(target(&world).as_deref(), Some("shop-web-r1-abcdef"), "held");
        let new = world.cluster.get("Deployment", "shop-web-r2-abcdef").unwrap();
        assert_eq!(new["spec"]["replicas"], 4);
        world.traffic.can_take(&second.release).await.unwrap();
        world.switch(FENCE, Some(&first), Some(&second)).await.unwrap();
        until_scales(&world, Some("shop-web-r2-abcdef")).await;
        // The way back does not depend on it, and it comes when the cluster lets it.
        let refused = Matcher::any().resource("horizontalpodautoscalers").first(1);
        world.cluster.fault(refused, Fault::Forbidden);
        world.switch(FENCE, Some(&second), Some(&first)).await.unwrap();
        assert_eq!(world.selected(), "r1-abcdef");
        until_scales(&world, Some("shop-web-r1-abcdef")).await;
        assert!(world.traffic.drift(&first.release.key).await.unwrap().is_empty());
        world.switch(FENCE, Some(&first), None).await.unwrap();
        until_scales(&world, None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_for_both_releases_and_goes_with_the_last() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    let budget = world.cluster.get("PodDisruptionBudget", "shop-web").unwrap();
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    assert!(budget["spec"]["selector"]["matchLabels"].get("bascule.dev/release").is_none(), "{budget}");
    world.deploy(FENCE, &second, Some(&first)).await.unwrap();
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    assert_eq!(world.names("PodDisruptionBudget"), ["shop-web"]);
    world.switch(FENCE, Some(&second), None).await.unwrap();
    world.target.stop(FENCE, &slot(&second)).await.unwrap();
    assert!(world.names("PodDisruptionBudget").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_a_release_that_failed_is_again_as_the_live_one_wants_it() {
    let world = World::new();
    let (first, mut second) = (spec(1), spec(2));
    second.release.services[0].pods.max_unavailable = Some(2);
    let most =
        || world.cluster.get("PodDisruptionBudget", "shop-web").unwrap()["spec"]["maxUnavailable"].clone();
    world.deploy(FENCE, &first, None).await.unwrap();
    // The cluster writes there as well.
    let write = Matcher::any().verb("patch").resource("poddisruptionbudgets").first(1);
    world.cluster.fault(write, Fault::Status(409));
    world.bring_up(FENCE, &second).await.unwrap();
    assert_eq!(most(), 2);
    world.target.stop(FENCE, &slot(&second)).await.unwrap();
    assert_eq!(most(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_not_see_budgets_and_scalers_can_still_take_everything_away() {
    let world = World::new();
    let first = spec(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    world.cluster.deny("list", "poddisruptionbudgets");
    world.cluster.deny("list", "horizontalpodautoscalers");
    world.switch(FENCE, Some(&first), None).await.unwrap();
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    world.traffic.close(FENCE, &first.release.key).await.unwrap();
    for kind in ["Deployment", "Service"] {
        assert!(world.names(kind).is_empty(), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_takes_what_belongs_to_its_services_with_it_and_nothing_of_others() {
    let world = World::new();
    let first = scaled(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    until_scales(&world, Some("shop-web-r1-abcdef")).await;
    let (kinds, key) = (["Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"], &first.release.key);
    for kind in kinds {
        // Somebody's copy, with all of its labels.
        let mut other = world.cluster.get(kind, "shop-web").unwrap();
        other["metadata"] = serde_json::json!({ "name": "copy", "labels": other["metadata"]["labels"] });
        other["spec"].as_object_mut().unwrap().retain(|name, _| name != "clusterIP" && name != "clusterIPs");
        if let Some(port) = other.pointer_mut("/spec/ports/0") {
            port.as_object_mut().unwrap().remove("nodePort");
        }
        world.cluster.create("somebody", other);
    }
    world.traffic.close(FENCE, key).await.unwrap();
    for kind in kinds {
        assert_eq!(world.names(kind), ["copy"], "{kind}");
    }
    assert!(!world.traffic.directs(key));
    world.traffic.close(FENCE, key).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_removed_when_it_was_closed_is_removed_the_next_time() {
    let world = World::new();
    let first = scaled(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    until_scales(&world, Some("shop-web-r1-abcdef")).await;
    let refused = Matcher::any().verb("delete").resource("poddisruptionbudgets").first(1);
    world.cluster.fault(refused, Fault::Forbidden);
    assert!(world.traffic.close(FENCE, &first.release.key).await.is_err());
    assert!(world.traffic.directs(&first.release.key), "it is known where there is something left");
    world.traffic.close(FENCE, &first.release.key).await.unwrap();
    for kind in ["Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"] {
        assert!(world.names(kind).is_empty(), "{kind}");
    }
}

/// Another engine makes the second release live, and its scalers follow.
fn move_elsewhere(world: &World) {
    world.cluster.edit("Service", "shop-web", "bascule", |one| {
        one["spec"]["selector"]["bascule.dev/release"] = "r2-abcdef".into();
    });
    world.cluster.edit("HorizontalPodAutoscaler", "shop-web", "bascule", |one| {
        one["spec"]["scaleTargetRef"]["name"] = "shop-web-r2-abcdef".into();
    });
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_does_not_have_scalers_follow_what_was_live_before() {
    for verb in ["list", "patch"] {
        let world = World::new();
        let (first, second) = (scaled(1), scaled(2));
        world.deploy(FENCE, &first, None).await.unwrap();
        until_scales(&world, Some("shop-web-r1-abcdef")).await;
        world.bring_up(FENCE, &second).await.unwrap();
        world.cluster.edit("HorizontalPodAutoscaler", "shop-web", "somebody", |one| {
            one["spec"]["scaleTargetRef"]["name"] = "nothing".into();
        });
        let slow = Matcher::any().verb(verb).resource("horizontalpodautoscalers").first(1);
        world.cluster.fault(slow, Fault::Late(Duration::from_secs(3)));
        // Who is live is live already; that the scalers follow is looked after all the same.
        assert!(world.switch(FENCE, None, Some(&first)).await.unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
        move_elsewhere(&world);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(target(&world).as_deref(), Some("shop-web-r2-abcdef"), "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scaler_that_was_left_behind_follows_when_the_next_control_plane_begins() {
    let world = World::new();
    let (first, second) = (scaled(1), scaled(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    until_scales(&world, Some("shop-web-r1-abcdef")).await;
    world.bring_up(FENCE, &second).await.unwrap();
    // The switch was made, and whoever made it died.
    world.cluster.edit("Service", "shop-web", "bascule", |one| {
        one["spec"]["selector"]["bascule.dev/release"] = "r2-abcdef".into();
    });
    world.traffic.take_over().unwrap();
    until_scales(&world, Some("shop-web-r2-abcdef")).await;
}

#[tokio::test(start_paused = true)]
async fn scalers_that_never_can_follow_are_tried_by_one_alone() {
    let world = World::new();
    let first = scaled(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    until_scales(&world, Some("shop-web-r1-abcdef")).await;
    let asked = Matcher::any().verb("list").resource("horizontalpodautoscalers");
    world.cluster.fault(asked, Fault::Forbidden);
    for _ in 0..20 {
        world.switch(FENCE, None, Some(&first)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    world.cluster.forget_calls();
    tokio::time::sleep(Duration::from_secs(1200)).await;
    let calls = world.cluster.calls();
    let tries = calls.iter().filter(|call| call.resource == "horizontalpodautoscalers").count();
    // Every two minutes.
    assert!((1..=11).contains(&tries), "{tries} times in 20 minutes");
}
