//! What users' traffic depends on is put back; nothing else, and never over a newer lease.

use std::collections::BTreeMap;

use bascule_engine::ports::{PortError, SlotSpec};
use bascule_model::ids::Generation;
use bascule_target_kubernetes::Mend;

use crate::support::{FENCE, World, spec};

async fn needed(world: &World, fence: Generation, number: u64) -> Vec<Mend> {
    let live = spec(number);
    let slots = BTreeMap::from([(live.slot, live.release.id.clone())]);
    world.traffic.to_mend(fence, &live.release, &slots).await.unwrap()
}

/// Puts everything back; answers what.
async fn mended(world: &World, number: u64) -> Vec<String> {
    let all = needed(world, FENCE, number).await;
    for mend in &all {
        assert!(world.traffic.mend(FENCE, &spec(number).release, mend).await.unwrap(), "{mend:?}");
    }
    assert!(needed(world, FENCE, number).await.is_empty());
    all.iter().map(|mend| mend.what().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_others_wrote_is_put_back_by_name() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    assert!(needed(&world, FENCE, 1).await.is_empty());
    let whole = world.cluster.get("Service", "shop-web").unwrap()["spec"]["selector"].clone();
    for broken in [serde_json::json!({ "app": "else" }), serde_json::json!({ "bascule.dev/release": "r0" })] {
        world.cluster.edit("Service", "shop-web", "gitops", |one| one["spec"]["selector"] = broken.clone());
        let told = mended(&world, 1).await;
        assert!(told.len() == 1 && told[0].contains("shop-web") && told[0].contains("gitops"), "{told:?}");
        assert_eq!(world.cluster.get("Service", "shop-web").unwrap()["spec"]["selector"], whole);
    }
    // And what says so.
    world.cluster.edit("Service", "shop-web", "gitops", |one| {
        one["metadata"]["annotations"].as_object_mut().unwrap().remove("bascule.dev/traffic");
    });
    mended(&world, 1).await;
    let routing =
        bascule_engine::ports::Traffic::routing(&world.traffic, &spec(1).release.key).await.unwrap();
    assert_eq!(routing.live, Some((spec(1).slot, spec(1).release.id)));
    assert_eq!(routing.slots.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_live_release_that_was_scaled_to_nothing_is_as_large_as_it_was() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    let size = || world.cluster.get("Deployment", "shop-web-r1-abcdef").unwrap()["spec"]["replicas"].clone();
    let scale = |size: u32| {
        world.cluster.edit("Deployment", "shop-web-r1-abcdef", "kubectl", |one| {
            one["spec"]["replicas"] = size.into();
        });
    };
    scale(0);
    assert_eq!(mended(&world, 1).await.len(), 1);
    assert_eq!(size(), 2);
    // Whoever made it smaller or larger had a reason.
    for other in [1, 7] {
        scale(other);
        assert!(mended(&world, 1).await.is_empty());
        assert_eq!(size(), other);
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_quicker_is_let_be() {
    let world = World::new();
    let release = spec(1).release;
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    world.cluster.edit("Service", "shop-web", "gitops", |one| {
        one["spec"]["selector"] = serde_json::json!({ "a": "b" });
    });
    let all = needed(&world, FENCE, 1).await;
    world.cluster.edit("Service", "shop-web", "gitops", |one| {
        one["spec"]["selector"] = serde_json::json!({ "c": "d" });
    });
    assert!(!world.traffic.mend(FENCE, &release, &all[0]).await.unwrap());
    let selector = &world.cluster.get("Service", "shop-web").unwrap()["spec"]["selector"];
    assert_eq!(*selector, serde_json::json!({ "c": "d" }));
}

#[tokio::test(start_paused = true)]
async fn who_was_quicker_to_size_it_is_let_be() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    let scale = |size: u32| {
        world.cluster.edit("Deployment", "shop-web-r1-abcdef", "kubectl", |one| {
            one["spec"]["replicas"] = size.into();
        });
    };
    scale(0);
    let all = needed(&world, FENCE, 1).await;
    scale(7);
    assert!(!world.traffic.mend(FENCE, &spec(1).release, &all[0]).await.unwrap());
    let deployment = world.cluster.get("Deployment", "shop-web-r1-abcdef").unwrap();
    assert_eq!(deployment["spec"]["replicas"], 7);
}

#[tokio::test(start_paused = true)]
async fn somebodys_way_back_is_not_taken_back() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    world.deploy(FENCE, &spec(2), Some(&spec(1))).await.unwrap();
    let moved = |to: &str| {
        world.cluster.edit("Service", "shop-web", "kubectl", |one| {
            one["spec"]["selector"]["bascule.dev/release"] = to.into();
        });
    };
    moved("r1-abcdef");
    assert!(needed(&world, FENCE, 2).await.is_empty());
    // One that does not stand serves nobody.
    moved("r7-abcdef");
    assert_eq!(mended(&world, 2).await.len(), 1);
    assert_eq!(world.selected(), "r2-abcdef");
}

/// An app with a second Service, which does not say which lease wrote there.
fn two(number: u64) -> SlotSpec {
    let mut spec = spec(number);
    let mut api = spec.release.services[0].clone();
    api.name = "api".parse().unwrap();
    api.traffic.as_mut().unwrap().path = "/api".to_owned();
    spec.release.services.push(api);
    spec
}

#[tokio::test(start_paused = true)]
async fn a_service_that_follows_is_not_written_to_under_a_lease_that_is_over() {
    let world = World::new();
    let (older, newer) = (FENCE, Generation(FENCE.0 + 1));
    let first = two(1);
    world.deploy(older, &first, None).await.unwrap();
    world.cluster.edit("Service", "shop-api", "gitops", |one| {
        one["spec"]["selector"] = serde_json::json!({ "a": "b" });
    });
    let slots = BTreeMap::from([(first.slot, first.release.id.clone())]);
    let all = world.traffic.to_mend(older, &first.release, &slots).await.unwrap();
    assert_eq!(all.len(), 1);
    // An engine of another copy of the folder, whose lease this one's disk does not know of.
    world.cluster.edit("Service", "shop-web", "bascule", |one| {
        let text = one["metadata"]["annotations"]["bascule.dev/traffic"].as_str().unwrap();
        let mut said: serde_json::Value = serde_json::from_str(text).unwrap();
        said["generation"] = newer.0.into();
        one["metadata"]["annotations"]["bascule.dev/traffic"] = said.to_string().into();
    });
    let refused = world.traffic.mend(older, &first.release, &all[0]).await;
    assert_eq!(refused, Err(PortError::Fenced));
    let selector = &world.cluster.get("Service", "shop-api").unwrap()["spec"]["selector"];
    assert_eq!(*selector, serde_json::json!({ "a": "b" }));
}

#[tokio::test(start_paused = true)]
async fn a_newer_lease_is_never_written_over() {
    let world = World::new();
    let (older, newer) = (FENCE, Generation(FENCE.0 + 1));
    world.deploy(older, &spec(1), None).await.unwrap();
    world.deploy(newer, &spec(2), Some(&spec(1))).await.unwrap();
    // Under its own lease nothing is amiss; an older engine still holds the former release for the live one.
    assert!(needed(&world, newer, 2).await.is_empty());
    assert!(needed(&world, older, 1).await.is_empty());
    assert_eq!(world.selected(), "r2-abcdef");
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_somebody_else_is_left_to_them() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    world.cluster.edit("Service", "shop-web", "gitops", |one| {
        one["metadata"]["annotations"]["bascule.dev/owner"] = "state-2".into();
        one["spec"]["selector"] = serde_json::json!({ "a": "b" });
    });
    assert!(needed(&world, FENCE, 1).await.is_empty());
}
