//! What an environment adds to its Deployments.

use bascule_engine::ports::{SlotSpec, Target as _};
use bascule_model::problem::Code;
use bascule_model::release::DeploymentPatch;
use serde_json::{Value, json};

use crate::support::{FENCE, World, problem, slot, spec};

fn patched(number: u64, changes: Value) -> SlotSpec {
    let mut spec = spec(number);
    let cluster = spec.release.cluster.as_mut().unwrap();
    cluster.patches = vec![DeploymentPatch { service: None, changes }];
    spec
}

fn in_pod(changes: &Value) -> Value {
    json!({ "spec": { "template": { "spec": changes } } })
}

#[tokio::test(start_paused = true)]
async fn what_is_rendered_is_what_is_applied() {
    let world = World::new();
    let changes = json!({
        "metadata": { "annotations": { "example.com/team": "shop" } },
        "spec": { "template": {
            "metadata": { "annotations": { "example.com/scrape": "true" } },
            "spec": { "tolerations": [{ "key": "gpu", "operator": "Exists" }], "priorityClassName": "high" },
        } },
    });
    let first = patched(1, changes);
    world.deploy(FENCE, &first, None).await.unwrap();
    let made = world.cluster.get("Deployment", "shop-web-r1-abcdef").unwrap();
    let all = bascule_target_kubernetes::render_objects(&first, "state-1");
    let rendered = all.iter().find(|one| one["kind"] == "Deployment").unwrap();
    for (place, expected) in [
        ("/metadata/annotations/example.com~1team", json!("shop")),
        ("/spec/template/metadata/annotations", json!({ "example.com/scrape": "true" })),
        ("/spec/template/spec/tolerations", json!([{ "key": "gpu", "operator": "Exists" }])),
        ("/spec/template/spec/priorityClassName", json!("high")),
    ] {
        assert_eq!(rendered.pointer(place), Some(&expected), "rendered {place}");
        assert_eq!(made.pointer(place), Some(&expected), "made {place}");
    }
    // The Service still finds its pods.
    assert_eq!(world.selected(), "r1-abcdef");
}

#[tokio::test(start_paused = true)]
async fn each_release_has_its_own_patches_also_when_it_is_gone_back_to() {
    let world = World::new();
    let zone = |zone: &str| in_pod(&json!({ "nodeSelector": { "zone": zone } }));
    let (first, second) = (patched(1, zone("a")), patched(2, zone("b")));
    let zone_of = |name: &str| {
        let deployment = world.cluster.get("Deployment", name).unwrap();
        deployment["spec"]["template"]["spec"]["nodeSelector"]["zone"].clone()
    };
    world.deploy(FENCE, &first, None).await.unwrap();
    world.deploy(FENCE, &second, Some(&first)).await.unwrap();
    assert_eq!((zone_of("shop-web-r1-abcdef"), zone_of("shop-web-r2-abcdef")), (json!("a"), json!("b")));
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    // The release as it was made is made anew, whatever the manifest says by now.
    world.deploy(FENCE, &first, Some(&second)).await.unwrap();
    assert_eq!(zone_of("shop-web-r1-abcdef"), "a");
}

#[tokio::test(start_paused = true)]
async fn words_that_kubernetes_does_not_have_are_refused_before_anything_is_made() {
    let world = World::new();
    for (changes, words) in [
        (json!({ "toleratons": [{ "key": "gpu" }] }), "`spec.template.spec.toleratons` is no field"),
        (json!({ "priority": "high" }), "of another type"),
    ] {
        let refused = problem(world.target.can_start(&patched(1, in_pod(&changes))).await);
        assert_eq!(refused.code, Code::ClusterWouldRefuse, "{refused:?}");
        assert!(refused.message.contains(words), "{refused:?}");
    }
    assert!(world.names("Deployment").is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_container_is_not_taken_for_ours() {
    let world = World::new();
    let first = patched(1, in_pod(&json!({ "containers": [{ "name": "side", "image": "side:1" }] })));
    world.deploy(FENCE, &first, None).await.unwrap();
    assert!(world.target.drift(&slot(&first)).await.is_empty());
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    assert!(world.names("Pod").is_empty() && world.names("Deployment").is_empty());
}
