//! Releases come, go live, go back and go away.

use bascule_engine::ports::{Target as _, Traffic as _};
use bascule_fake_cluster::{Matcher, PodScript, Slices};
use bascule_model::problem::Code;
use std::time::Duration;

use crate::support::{FENCE, World, image, problem, slot, spec, with_env};

#[tokio::test(start_paused = true)]
async fn a_release_is_objects_that_never_change_and_a_service_that_says_who_is_live() {
    for world in [World::new(), World::old()] {
        let first = with_env(spec(1), &[("MODE", "fast"), ("TOKEN", "hunter2hunter2")], &["TOKEN"]);
        world.deploy(FENCE, &first, None).await.unwrap();
        assert_eq!(world.selected(), "r1-abcdef");
        assert_eq!(world.names("Deployment"), ["shop-web-r1-abcdef"]);
        let map = &world.cluster.list("ConfigMap")[0];
        assert_eq!((&map["data"]["MODE"], &map["immutable"]), (&"fast".into(), &true.into()));
        assert!(map["data"].get("TOKEN").is_none(), "{map}");
        let secret = &world.cluster.list("Secret")[0];
        assert_eq!(secret["immutable"], true, "{secret}");
        let deployment = world.cluster.get("Deployment", "shop-web-r1-abcdef").unwrap().to_string();
        assert!(!deployment.contains("hunter2"), "{deployment}");

        let second = spec(2);
        world.cluster.forget_calls();
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        assert_eq!(world.selected(), "r2-abcdef");
        // Waiting costs nothing: what pods do is told, not asked.
        let calls = world.cluster.calls().len();
        assert!(calls <= 40, "{calls} calls: {:#?}", world.cluster.calls());
        let routing = world.traffic.routing(&second.release.key).await.unwrap();
        assert_eq!(routing.live, Some((second.slot, second.release.id.clone())));
        assert_eq!(routing.slots.len(), 2);

        world.target.stop(FENCE, &slot(&first)).await.unwrap();
        assert_eq!(world.names("Deployment"), ["shop-web-r2-abcdef"]);
        assert!(
            world.names("ConfigMap").is_empty() && world.names("Secret").is_empty(),
            "nobody refers to them"
        );
        world.switch(FENCE, Some(&second), None).await.unwrap();
        assert_eq!(world.selected(), "none");
        world.target.stop(FENCE, &slot(&second)).await.unwrap();
        world.traffic.close(FENCE, &second.release.key).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        for kind in ["Deployment", "ReplicaSet", "Pod", "Service"] {
            assert!(world.names(kind).is_empty(), "{kind}: {:?}", world.names(kind));
        }
        assert!(world.target.slots().await.unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_one_write_and_asks_nothing_of_the_new_release() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.deploy(FENCE, &second, Some(&first)).await.unwrap();
    world.cluster.delete("Deployment", "shop-web-r2-abcdef");
    world.cluster.delete_pods(&[("bascule.dev/release", "r2-abcdef")]);
    for resource in ["pods", "deployments", "endpointslices", "events", "configmaps", "secrets"] {
        world.cluster.fault(Matcher::any().resource(resource), bascule_fake_cluster::Fault::Status(503));
    }
    world.cluster.forget_calls();
    world.switch(FENCE, Some(&second), Some(&first)).await.unwrap();
    assert_eq!(world.selected(), "r1-abcdef");
    let calls: Vec<String> = world.cluster.calls().iter().map(|call| call.verb.clone()).collect();
    assert_eq!(calls.iter().filter(|verb| *verb == "patch").count(), 1, "{calls:?}");
    assert!(calls.len() <= 3, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn the_switch_waits_for_pods_and_its_proof_for_endpoints() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.cluster.image(&image(2), PodScript::ready_after(Duration::from_secs(8)));
    world.cluster.slices(Slices::Lag(Duration::from_secs(4)));
    let began = tokio::time::Instant::now();
    world.bring_up(FENCE, &second).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(8), "{:?}", began.elapsed());
    world.traffic.can_take(&second.release).await.unwrap();
    world.switch(FENCE, Some(&first), Some(&second)).await.unwrap();
    let began = tokio::time::Instant::now();
    world.traffic.proven(&second.release).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_never_follow_are_no_proof() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.bring_up(FENCE, &second).await.unwrap();
    world.cluster.slices(Slices::Lag(Duration::from_secs(3600)));
    world.switch(FENCE, Some(&first), Some(&second)).await.unwrap();
    let refused = problem(world.traffic.proven(&second.release).await);
    assert_eq!(refused.code, Code::SwitchNotProven, "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_release_is_as_large_as_somebody_made_the_live_one() {
    let world = World::new();
    let (first, second) = (spec(1), spec(2));
    world.deploy(FENCE, &first, None).await.unwrap();
    let size = |name: &str| world.cluster.get("Deployment", name).unwrap()["spec"]["replicas"].clone();
    world.cluster.edit("Deployment", "shop-web-r1-abcdef", "hpa", |one| one["spec"]["replicas"] = 5.into());
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.deploy(FENCE, &second, Some(&first)).await.unwrap();
    assert_eq!((size("shop-web-r1-abcdef"), size("shop-web-r2-abcdef")), (5.into(), 5.into()));
    // Nobody has changed this one but a manifest that wants fewer.
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    world.cluster.edit("Deployment", "shop-web-r2-abcdef", "hpa", |one| one["spec"]["replicas"] = 2.into());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut third = spec(3);
    third.release.services[0].instances = 1;
    world.deploy(FENCE, &third, Some(&second)).await.unwrap();
    assert_eq!((size("shop-web-r2-abcdef"), size("shop-web-r3-abcdef")), (2.into(), 1.into()));
}

#[tokio::test(start_paused = true)]
async fn nodes_get_the_image_with_the_secrets_that_are_named() {
    let world = World::new();
    let mut first = spec(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    let of = |world: &World, name: &str| {
        let deployment = world.cluster.get("Deployment", name).unwrap();
        deployment["spec"]["template"]["spec"]["imagePullSecrets"].clone()
    };
    assert!(of(&world, "shop-web-r1-abcdef").is_null());
    let mut second = spec(2);
    second.release.cluster.as_mut().unwrap().pull_secrets = vec!["registry".to_owned(), "mirror".to_owned()];
    let secret =
        serde_json::json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "registry" } });
    world.cluster.create("admin", secret);
    let told = world.target.can_start(&second).await.unwrap().join("\n");
    assert!(told.contains("the Secret mirror") && !told.contains("the Secret registry"), "{told}");
    // It is no move: the environment stays where it is.
    world.deploy(FENCE, &second, Some(&first)).await.unwrap();
    let named = serde_json::json!([{ "name": "registry" }, { "name": "mirror" }]);
    assert_eq!(of(&world, "shop-web-r2-abcdef"), named);
    first.release.cluster.as_mut().unwrap().namespace = "elsewhere".to_owned();
    assert_eq!(problem(world.traffic.can_open(&first.release).await).code, Code::Usage);
}
