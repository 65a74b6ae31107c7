//! Releases come, go live, go back and go away.

use std::time::Duration;

use bascule_engine::ports::{SlotSpec, Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Flavour, Matcher, Slices};
use bascule_model::plan::Change;
use bascule_model::release::RouteKind;
use serde_json::json;

use super::{led, reached, routed, rule, selects, world, worlds};
use crate::support::{FENCE, slot};

#[tokio::test(start_paused = true)]
async fn one_of_two_services_has_the_users_and_the_route_stays_theirs() {
    for (kind, world) in worlds() {
        let before = world.cluster.get(kind.as_str(), "front").unwrap();
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.bring_up(FENCE, &first).await.unwrap();
        // It leads to blue already, and nobody was checked yet.
        assert_eq!(reached(&world.cluster, kind), "none");
        world.traffic.can_take(&first.release).await.unwrap();
        world.switch(FENCE, None, Some(&first)).await.unwrap();
        world.traffic.proven(&first.release).await.unwrap();
        assert_eq!(
            (led(&world.cluster, kind).as_str(), reached(&world.cluster, kind).as_str()),
            ("shop-web-blue", "r1-abcdef")
        );
        assert_eq!(world.names("Service"), ["shop-web-blue", "shop-web-green"]);

        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        assert_eq!(
            (led(&world.cluster, kind).as_str(), reached(&world.cluster, kind).as_str()),
            ("shop-web-green", "r2-abcdef")
        );
        assert_eq!(selects(&world.cluster, "shop-web-blue"), "r1-abcdef");
        let routing = world.traffic.routing(&second.release.key).await.unwrap();
        assert_eq!(routing.live, Some((second.slot, second.release.id.clone())));
        assert_eq!(routing.slots.len(), 2);
        assert!(world.traffic.drift(&second.release.key).await.unwrap().is_empty());

        // A third one comes into the slot of the first.
        world.target.stop(FENCE, &slot(&first)).await.unwrap();
        world.traffic.unregister(FENCE, &first.release.key, first.slot).await.unwrap();
        let third = routed(kind, 3);
        world.deploy(FENCE, &third, Some(&second)).await.unwrap();
        assert_eq!(
            (led(&world.cluster, kind).as_str(), reached(&world.cluster, kind).as_str()),
            ("shop-web-blue", "r3-abcdef")
        );

        world.switch(FENCE, Some(&third), None).await.unwrap();
        assert_eq!(reached(&world.cluster, kind), "none");
        for spec in [&second, &third] {
            world.target.stop(FENCE, &slot(spec)).await.unwrap();
        }
        world.traffic.close(FENCE, &third.release.key).await.unwrap();
        assert!(world.names("Service").is_empty(), "{:?}", world.names("Service"));
        let after = world.cluster.get(kind.as_str(), "front").unwrap();
        assert_eq!(after["metadata"]["annotations"], json!({ "mine": "yes" }));
        assert_eq!(after["spec"], before["spec"]);
    }
}

#[tokio::test(start_paused = true)]
async fn after_down_the_next_one_begins_where_the_route_leads() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        world.switch(FENCE, Some(&second), None).await.unwrap();
        for spec in [&first, &second] {
            world.target.stop(FENCE, &slot(spec)).await.unwrap();
        }
        world.traffic.close(FENCE, &second.release.key).await.unwrap();
        assert_eq!(led(&world.cluster, kind), "shop-web-green");
        // In blue, while it leads to green: one write.
        let third = routed(kind, 3);
        world.deploy(FENCE, &third, None).await.unwrap();
        assert_eq!(
            (led(&world.cluster, kind).as_str(), reached(&world.cluster, kind).as_str()),
            ("shop-web-blue", "r3-abcdef")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_one_write_and_asks_nothing_of_the_new_release() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        world.cluster.delete("Deployment", "shop-web-r2-abcdef");
        world.cluster.delete_pods(&[("bascule.dev/release", "r2-abcdef")]);
        world.cluster.delete("Service", "shop-web-green");
        for resource in ["pods", "deployments", "endpointslices", "events", "configmaps", "secrets"] {
            world.cluster.fault(Matcher::any().resource(resource), Fault::Status(503));
        }
        world.cluster.forget_calls();
        world.switch(FENCE, Some(&second), Some(&first)).await.unwrap();
        assert_eq!(reached(&world.cluster, kind), "r1-abcdef");
        let calls: Vec<String> =
            world.cluster.calls().iter().map(|call| format!("{} {}", call.verb, call.resource)).collect();
        assert_eq!(calls.iter().filter(|call| call.starts_with("patch")).count(), 1, "{calls:?}");
        assert!(calls.len() <= 3, "{calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_switch_waits_for_endpoints_of_the_slot_that_is_to_have_users() {
    let world = world(RouteKind::Ingress, Flavour::New);
    let (first, second) = (routed(RouteKind::Ingress, 1), routed(RouteKind::Ingress, 2));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.cluster.slices(Slices::Lag(Duration::from_secs(7)));
    world.bring_up(FENCE, &second).await.unwrap();
    let began = tokio::time::Instant::now();
    world.traffic.can_take(&second.release).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    world.cluster.slices(Slices::Lag(Duration::from_secs(3600)));
    world.switch(FENCE, Some(&first), Some(&second)).await.unwrap();
    world.traffic.proven(&second.release).await.unwrap();
    // With none behind it nobody is moved.
    let third = routed(RouteKind::Ingress, 3);
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    world.traffic.unregister(FENCE, &first.release.key, first.slot).await.unwrap();
    world.bring_up(FENCE, &third).await.unwrap();
    assert!(world.traffic.can_take(&third.release).await.is_err());
}

/// `api` as well, and `jobs`, whom no users come to.
fn with_more(mut spec: SlotSpec) -> SlotSpec {
    for name in ["api", "jobs"] {
        let mut service = spec.release.services[0].clone();
        service.name = name.parse().unwrap();
        service.traffic.as_mut().unwrap().path = format!("/{name}");
        spec.release.services.push(service);
    }
    let route = spec.release.cluster.as_mut().unwrap().route.as_mut().unwrap();
    route.services = ["web", "api"].map(|name| name.parse().unwrap()).to_vec();
    spec
}

#[tokio::test(start_paused = true)]
async fn services_move_in_one_write_and_those_that_no_users_come_to_before() {
    for (kind, world) in worlds() {
        let (first, second) = (with_more(routed(kind, 1)), with_more(routed(kind, 2)));
        world.cluster.edit(kind.as_str(), "front", "kubectl", |object| {
            object["spec"]["rules"].as_array_mut().unwrap().push(rule(kind, "shop-api-blue"));
        });
        world.deploy(FENCE, &first, None).await.unwrap();
        let of = |service: &str| selects(&world.cluster, service);
        assert_eq!((of("shop-api-blue"), of("shop-jobs")), ("r1-abcdef".to_owned(), "r1-abcdef".to_owned()));
        world.bring_up(FENCE, &second).await.unwrap();
        assert_eq!((of("shop-api-green"), of("shop-jobs")), ("r2-abcdef".to_owned(), "r1-abcdef".to_owned()));
        world.cluster.forget_calls();
        world.switch(FENCE, Some(&first), Some(&second)).await.unwrap();
        let written: Vec<String> = world
            .cluster
            .calls()
            .iter()
            .filter(|call| call.verb == "patch")
            .map(|call| call.resource.clone())
            .collect();
        let plural = if kind == RouteKind::Ingress { "ingresses" } else { "httproutes" };
        assert_eq!(written, ["services", plural]);
        assert_eq!(of("shop-jobs"), "r2-abcdef");
        let object = world.cluster.get(kind.as_str(), "front").unwrap().to_string();
        assert!(object.contains("shop-api-green") && !object.contains("\"shop-api-blue\""), "{object}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_what_is_swapped() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        let told = world.target.changes(&first).await.unwrap();
        let of = |told: &[bascule_model::plan::ObjectChange], name: &str| {
            told.iter().find(|one| one.object == name).cloned().unwrap_or_else(|| panic!("{name}: {told:#?}"))
        };
        let title = format!("{} front", kind.as_str());
        assert_eq!(of(&told, &title).change, Change::Same);
        for name in ["Service shop-web-blue", "Service shop-web-green"] {
            assert_eq!(of(&told, name).change, Change::Added);
        }
        world.deploy(FENCE, &first, None).await.unwrap();
        let told = world.target.changes(&second).await.unwrap();
        let change = of(&told, &title);
        assert_eq!(change.change, Change::Changed);
        assert!(change.fields[0].path.starts_with("spec.rules[1]."), "{change:?}");
        let values = (change.fields[0].from.as_deref(), change.fields[0].to.as_deref());
        assert_eq!(values, (Some("shop-web-blue"), Some("shop-web-green")));
        let service = of(&told, "Service shop-web-green");
        assert_eq!(service.fields[0].to.as_deref(), Some("r2-abcdef"), "{service:?}");
        assert!(told.iter().all(|one| one.object != "Service shop-web"), "{told:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_stands_has_its_users_back_though_the_route_lacks_one_of_its_services() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (first, mut second) = (with_more(routed(kind, 1)), with_more(routed(kind, 2)));
        second.release.services.truncate(1);
        world.cluster.edit(kind.as_str(), "front", "kubectl", |object| {
            object["spec"]["rules"].as_array_mut().unwrap().push(rule(kind, "shop-api-blue"));
        });
        world.deploy(FENCE, &first, None).await.unwrap();
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        // The newer release has no such service.
        world.cluster.edit(kind.as_str(), "front", "kubectl", |object| {
            object["spec"]["rules"].as_array_mut().unwrap().pop();
        });
        world.traffic.can_open(&first.release).await.unwrap();
        world.traffic.can_take(&first.release).await.unwrap();
        world.switch(FENCE, Some(&second), Some(&first)).await.unwrap();
        assert_eq!(reached(&world.cluster, kind), "r1-abcdef");
        // One that is to come needs all of it.
        assert!(world.traffic.can_open(&with_more(routed(kind, 3)).release).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_what_is_swapped_of_a_service_that_comes_with_the_release() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (mut first, second) = (with_more(routed(kind, 1)), with_more(routed(kind, 2)));
        first.release.services.truncate(1);
        world.deploy(FENCE, &first, None).await.unwrap();
        world.cluster.edit(kind.as_str(), "front", "kubectl", |object| {
            object["spec"]["rules"].as_array_mut().unwrap().push(rule(kind, "shop-api-blue"));
        });
        let told = world.target.changes(&second).await.unwrap();
        let title = format!("{} front", kind.as_str());
        let swap = told.iter().find(|one| one.object == title).unwrap();
        assert!(swap.fields.iter().any(|one| one.to.as_deref() == Some("shop-api-green")), "{swap:?}");
    }
}
