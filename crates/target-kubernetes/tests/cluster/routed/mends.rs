//! What users' traffic depends on is put back, and a route that leads elsewhere is left to whoever wrote it.

use std::collections::BTreeMap;

use bascule_engine::ports::Traffic as _;
use bascule_fake_cluster::Flavour;
use bascule_model::ids::Generation;
use bascule_model::release::RouteKind;
use bascule_target_kubernetes::Mend;

use super::{lead, led, reached, routed, selects, world};
use crate::support::{FENCE, World, key};

async fn needed(world: &World, fence: Generation, kind: RouteKind, number: u64) -> Vec<Mend> {
    let live = routed(kind, number);
    let slots = BTreeMap::from([(live.slot, live.release.id.clone())]);
    world.traffic.to_mend(fence, &live.release, &slots).await.unwrap()
}

/// Puts everything back; answers what.
async fn mended(world: &World, kind: RouteKind, number: u64) -> Vec<String> {
    let all = needed(world, FENCE, kind, number).await;
    for mend in &all {
        assert!(world.traffic.mend(FENCE, &routed(kind, number).release, mend).await.unwrap(), "{mend:?}");
    }
    assert!(needed(world, FENCE, kind, number).await.is_empty());
    all.iter().map(|mend| mend.what().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_others_wrote_is_put_back_by_name() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        world.deploy(FENCE, &routed(kind, 1), None).await.unwrap();
        assert!(needed(&world, FENCE, kind, 1).await.is_empty());
        // To the slot where nobody stands.
        lead(&world.cluster, kind, "gitops", "shop-web-green");
        let told = mended(&world, kind, 1).await;
        assert!(told.len() == 1 && told[0].contains("front") && told[0].contains("gitops"), "{told:?}");
        assert_eq!(led(&world.cluster, kind), "shop-web-blue");
        // Whom the slot's Service selects.
        world.cluster.edit("Service", "shop-web-blue", "gitops", |one| {
            one["spec"]["selector"] = serde_json::json!({ "app": "else" });
        });
        let told = world.traffic.drift(&key()).await.unwrap().join("\n");
        assert!(told.contains("shop-web-blue") && told.contains("gitops"), "{told}");
        assert_eq!(mended(&world, kind, 1).await.len(), 1);
        assert_eq!(selects(&world.cluster, "shop-web-blue"), "r1-abcdef");
        // And what says who is live.
        world.cluster.edit(kind.as_str(), "front", "gitops", |one| {
            one["metadata"].as_object_mut().unwrap().remove("annotations");
        });
        mended(&world, kind, 1).await;
        let routing = world.traffic.routing(&key()).await.unwrap();
        assert_eq!(routing.live, Some((routed(kind, 1).slot, routed(kind, 1).release.id)));
        assert!(world.traffic.drift(&key()).await.unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn who_moved_users_to_a_release_that_stands_or_elsewhere_is_let_be() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        lead(&world.cluster, kind, "kubectl-edit", "shop-web-blue");
        assert!(needed(&world, FENCE, kind, 2).await.is_empty());
        assert_eq!(reached(&world.cluster, kind), "r1-abcdef");
        lead(&world.cluster, kind, "kubectl-edit", "elsewhere");
        assert!(needed(&world, FENCE, kind, 2).await.is_empty());
        assert_eq!(led(&world.cluster, kind), "elsewhere");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_put_back_over_a_newer_lease() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        world.deploy(Generation(5), &routed(kind, 1), None).await.unwrap();
        lead(&world.cluster, kind, "gitops", "shop-web-green");
        assert!(needed(&world, Generation(4), kind, 1).await.is_empty());
        assert_eq!(needed(&world, Generation(5), kind, 1).await.len(), 1);
    }
}
