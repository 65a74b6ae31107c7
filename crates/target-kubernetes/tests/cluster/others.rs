//! Somebody else writes to the cluster: another engine, another environment, another tool.

use bascule_engine::ports::{PortError, Traffic as _};
use bascule_model::ids::Generation;
use bascule_model::problem::Code;

use crate::support::{FENCE, NAMESPACE, World, problem, spec};

#[tokio::test(start_paused = true)]
async fn who_else_writes_the_selector_is_named_and_nothing_is_moved() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.bring_up(FENCE, &second).await.unwrap();
    world.cluster.edit("Service", "shop-web", "gitops", |service| {
        service["spec"]["selector"]["bascule.dev/release"] = "r0-000000".into();
    });
    let refused = problem(world.switch(FENCE, Some(&first), Some(&second)).await);
    assert_eq!(refused.code, Code::TrafficTaken, "{refused:?}");
    assert!(refused.message.contains("gitops") && refused.message.contains("r0-000000"), "{refused:?}");
    assert_eq!(world.selected(), "r0-000000");
    let told = world.traffic.drift(&first.release.key).await.unwrap().join("\n");
    assert!(told.contains("gitops"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_never_a_first_deploy() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.bring_up(FENCE, &second).await.unwrap();
    world.cluster.edit("Service", "shop-web", "gitops", |service| {
        service["spec"]["selector"].as_object_mut().unwrap().remove("bascule.dev/release");
    });
    for to in [Some(&second), None] {
        let refused = problem(world.switch(FENCE, Some(&first), to).await);
        assert_eq!(refused.code, Code::TrafficTaken, "{refused:?}");
    }
    assert_eq!(problem(world.traffic.routing(&first.release.key).await).code, Code::TrafficTaken);
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_lease_is_older_changes_nothing() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(Generation(1), &first, None).await.unwrap();
    world.bring_up(Generation(1), &second).await.unwrap();
    // One that took the environment over, with the same state folder seen from elsewhere.
    let other = World::over(world.cluster.clone(), "state-1");
    other.traffic.open(Generation(7), &first.release).await.unwrap();
    let late = world.switch(Generation(1), Some(&first), Some(&second)).await;
    assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
    let late = world.traffic.close(Generation(1), &first.release.key).await;
    assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
    assert_eq!(world.selected(), "r1-abcdef");
}

/// Nothing is moved by it, and whoever wrote under a lower generation finds that somebody was there.
#[tokio::test(start_paused = true)]
async fn a_switch_to_where_the_traffic_is_is_a_fence() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(Generation(1), &first, None).await.unwrap();
    world.bring_up(Generation(1), &second).await.unwrap();
    assert!(world.switch(Generation(2), Some(&first), Some(&first)).await.unwrap(), "it was there already");
    let late = world.switch(Generation(1), Some(&first), Some(&second)).await;
    assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
    assert_eq!(world.selected(), "r1-abcdef");
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_others_is_left_to_them() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    // Another state folder, and another environment of the same app.
    let stranger = World::over(world.cluster.clone(), "state-2");
    assert_eq!(problem(stranger.traffic.can_open(&spec(1).release).await).code, Code::NameTaken);
    let mut production = spec(1);
    production.release.key = "shop/production".parse().unwrap();
    assert_eq!(problem(world.traffic.can_open(&production.release).await).code, Code::NameTaken);
    assert_eq!(world.selected(), "r1-abcdef");
}

#[tokio::test(start_paused = true)]
async fn an_environment_does_not_move_by_a_deploy() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    let mut moved = spec(2);
    moved.release.cluster.as_mut().unwrap().namespace = "elsewhere".to_owned();
    let refused = problem(world.traffic.can_open(&moved.release).await);
    assert_eq!(refused.code, Code::Usage, "{refused:?}");
    assert!(refused.message.contains(NAMESPACE) && refused.message.contains("elsewhere"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_quota_without_room_for_two_is_seen_before_anything_is_made() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.cluster.create(
        "admin",
        serde_json::json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
            "spec": { "hard": { "pods": "3" } },
        }),
    );
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let refused = problem(world.traffic.can_open(&second.release).await);
    assert_eq!(refused.code, Code::ClusterNoRoom, "{refused:?}");
    assert_eq!(world.names("Deployment"), ["shop-web-r1-abcdef"]);
    // What stands already needs no more room.
    world.traffic.can_open(&first.release).await.unwrap();
}
