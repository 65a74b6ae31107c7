//! Whole runs of the engine.

use std::time::Duration;

use bascule_engine::executor::Driven as Came;
use bascule_engine::ports::Traffic as _;
use bascule_engine::steps::{SchemaNeeded, SlotNeeded, Warmth, sequence};
use bascule_fake_cluster::PodScript;
use bascule_model::plan::RunKind;
use bascule_model::problem::Code;
use bascule_model::release::RouteKind;
use bascule_model::run::Outcome;

use super::{by_route, lead, led, reached, route};
use crate::driven::Driven;
use crate::support::{image, key};

fn world(kind: RouteKind) -> Driven {
    let mut world = Driven::new();
    by_route(world.wish.release.cluster.as_mut().unwrap(), kind);
    world.cluster.create("kubectl", route(kind, "shop-web-blue"));
    world
}

/// Whoever is asked says that the same release has the users.
async fn agreed(world: &Driven, kind: RouteKind) -> String {
    let routing = world.traffic.routing(&key()).await.unwrap();
    let recorded = world.recorded().await;
    assert_eq!(routing.live.map(|(_, release)| release), recorded);
    let recorded = recorded.unwrap().to_string();
    assert_eq!(reached(&world.cluster, kind), recorded);
    assert!(world.traffic.drift(&key()).await.unwrap().is_empty());
    recorded
}

#[tokio::test(start_paused = true)]
async fn releases_come_go_back_and_are_taken_down() {
    for kind in RouteKind::ALL {
        let mut world = world(kind);
        world.wish.release.rollout.warm = Duration::from_secs(600);
        let first = world.deploy(1).await.live();
        assert_eq!(agreed(&world, kind).await, first.as_str());
        let second = world.deploy(2).await.live();
        assert_eq!(agreed(&world, kind).await, second.as_str());
        // The way back within the window asks nothing of what it leaves.
        world.cluster.delete("Deployment", &format!("shop-web-{second}"));
        world.cluster.delete_pods(&[("bascule.dev/release", second.as_str())]);
        assert_eq!(world.rollback(None).await.unwrap().live(), first);
        assert_eq!(agreed(&world, kind).await, first.as_str());
        // After it the former one is made anew, in the other slot.
        tokio::time::sleep(Duration::from_secs(700)).await;
        world.end_window().await;
        let third = world.deploy(3).await.live();
        tokio::time::sleep(Duration::from_secs(700)).await;
        assert!(world.end_window().await);
        assert_eq!(world.standing(), [third.as_str()]);
        assert_eq!(world.rollback(Some(&first)).await.unwrap().live(), first);
        assert_eq!(agreed(&world, kind).await, first.as_str());

        let begun = world.engine.down(&key(), "somebody").await.unwrap();
        assert_eq!(world.drive(begun).await.outcome, Outcome::Live);
        assert!(world.standing().is_empty() && world.cluster.list("Service").is_empty());
        let left = world.cluster.get(kind.as_str(), "front").unwrap();
        assert_eq!(left["metadata"]["annotations"], serde_json::json!({ "mine": "yes" }));
        let leads_to = led(&world.cluster, kind);
        // And up again, wherever it leads.
        let again = world.deploy(4).await.live();
        assert_eq!(agreed(&world, kind).await, again.as_str(), "it led to {leads_to}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_release_is_returned_from_and_a_first_one_leaves_nothing() {
    for kind in RouteKind::ALL {
        let world = world(kind);
        let hurt = |world: &Driven| {
            world.at("deploy.bake.apply.before", |cluster| {
                for deployment in cluster.list("Deployment") {
                    let name = deployment["metadata"]["name"].as_str().unwrap();
                    if name.contains("-r") && deployment["metadata"]["labels"]["bascule.dev/slot"] == "green"
                        || cluster.list("Deployment").len() == 1
                    {
                        cluster
                            .edit("Deployment", name, "somebody", |one| one["spec"]["replicas"] = 0.into());
                    }
                }
            });
        };
        world.cluster.image(&image(1), PodScript::never_ready());
        world.deploy(1).await.back(Code::InstanceNotReady);
        assert!(world.standing().is_empty() && world.cluster.list("Service").is_empty());
        hurt(&world);
        let bad = world.deploy(2).await;
        assert_eq!(bad.outcome, Outcome::RolledBack, "{bad:?}");
        assert!(world.standing().is_empty() && world.cluster.list("Service").is_empty());
        let left = world.cluster.get(kind.as_str(), "front").unwrap();
        assert_eq!(left["metadata"]["annotations"], serde_json::json!({ "mine": "yes" }));
        let good = world.deploy(3).await.live();
        hurt(&world);
        let bad = world.deploy(4).await;
        assert_eq!(bad.outcome, Outcome::RolledBack, "{bad:?}");
        assert_eq!(agreed(&world, kind).await, good.as_str());
        assert_eq!(world.standing(), [good.as_str()]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_at_any_step_goes_on() {
    let names = sequence(RunKind::Deploy, Warmth::Cold, SlotNeeded::Free, SchemaNeeded::default(), &[]);
    let points: Vec<String> = names
        .into_iter()
        .flat_map(|step| ["before", "after"].map(|when| format!("deploy.{step}.apply.{when}")))
        .collect();
    for (kind, is_first) in [(RouteKind::Ingress, true), (RouteKind::HTTPRoute, false)] {
        let world = world(kind);
        if !is_first {
            world.deploy(1).await.live();
        }
        for (number, point) in (2..).zip(&points) {
            let (there, go) = world.hold(point);
            let begun = world.begin(number % 8 + 2).await.unwrap();
            let mut drive = Box::pin(world.drive(begun));
            tokio::select! {
                ended = &mut drive => panic!("it was over before it was killed: {ended:?}"),
                there = there => there.unwrap(),
            }
            drop(drive);
            let new = world.next().go_on().await.unwrap().live();
            drop(go);
            assert_eq!(agreed(&world, kind).await, new.as_str(), "at {point}");
            if is_first {
                let begun = world.engine.down(&key(), "somebody").await.unwrap();
                assert_eq!(world.drive(begun).await.outcome, Outcome::Live, "after {point}");
                assert!(world.cluster.list("Service").is_empty());
            } else {
                world.end_window().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whenever_a_run_is_aborted_users_get_who_they_had() {
    for kind in RouteKind::ALL {
        let world = world(kind);
        let first = world.deploy(1).await.live();
        for (number, step) in (2..).zip(["start", "ready", "verify", "switch", "bake", "verify-live"]) {
            let begun = world.begin(number).await.unwrap();
            let run = begun.run.clone();
            let (there, go) = world.hold(&format!("deploy.{step}.apply.before"));
            let abort = async {
                there.await.unwrap();
                world.engine.abort(&run, "somebody").await.unwrap();
                go.send(()).unwrap();
            };
            let (ended, ()) = tokio::join!(world.drive(begun), abort);
            assert_eq!(ended.outcome, Outcome::RolledBack, "at {step}: {ended:?}");
            assert_eq!(agreed(&world, kind).await, first.as_str(), "at {step}");
            assert_eq!(world.standing(), [first.as_str()], "at {step}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_leads_users_elsewhere_in_the_midst_of_a_run_stops_it() {
    for kind in RouteKind::ALL {
        let world = world(kind);
        world.deploy(1).await.live();
        world.at("deploy.switch.apply.before", move |cluster| lead(cluster, kind, "gitops", "elsewhere"));
        let begun = world.begin(2).await.unwrap();
        let came = world.engine.drive(begun).await;
        assert!(matches!(came, Came::AwaitsPerson), "{came:?}");
        let told = world.traffic.drift(&key()).await.unwrap().join("\n");
        assert!(told.contains("gitops") && told.contains("front"), "{told}");
        assert_eq!(led(&world.cluster, kind), "elsewhere");
        assert_eq!(world.standing().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_moved_their_users_away_takes_it_down() {
    for kind in RouteKind::ALL {
        for is_removed in [false, true] {
            let world = world(kind);
            world.deploy(1).await.live();
            world.deploy(2).await.live();
            match is_removed {
                true => world.cluster.delete(kind.as_str(), "front"),
                false => lead(&world.cluster, kind, "kubectl", "elsewhere"),
            }
            let begun = world.engine.down(&key(), "somebody").await.unwrap();
            assert_eq!(world.drive(begun).await.outcome, Outcome::Live);
            assert!(world.standing().is_empty() && world.cluster.list("Service").is_empty());
            let left = world.cluster.get(kind.as_str(), "front");
            assert_eq!(left.is_none(), is_removed);
            if let Some(left) = left {
                assert_eq!(left["metadata"]["annotations"], serde_json::json!({ "mine": "yes" }));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_machine_goes_on_with_what_is_kept_in_the_namespace() {
    for kind in RouteKind::ALL {
        for point in ["deploy.start.apply.after", "deploy.switch.apply.before", "deploy.switch.apply.after"] {
            let mut first = Driven::alone();
            by_route(first.wish.release.cluster.as_mut().unwrap(), kind);
            first.cluster.create("kubectl", route(kind, "shop-web-blue"));
            first.deploy(1).await.live();
            let (there, _go) = first.hold(point);
            let begun = first.begin(2).await.unwrap();
            first.killed(begun, there).await;

            let second = first.empty_machine();
            tokio::time::advance(Duration::from_secs(16)).await;
            let live = second.take_over().await.unwrap().unwrap().live();
            assert_eq!(agreed(&second, kind).await, live.as_str(), "{point}");
            second.end_window().await;
            assert_eq!(second.standing(), [live.as_str()], "{point}: nothing is left over");
            let begun = second.engine.down(&key(), "somebody").await.unwrap();
            assert_eq!(second.drive(begun).await.outcome, Outcome::Live, "{point}");
            assert!(second.cluster.list("Secret").is_empty() && second.cluster.list("Service").is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn users_whom_somebody_moved_to_a_release_that_fails_are_moved_back_before_it_goes() {
    for kind in RouteKind::ALL {
        let world = world(kind);
        world.deploy(1).await.live();
        let second = world.deploy(2).await.live();
        world.end_window().await;
        // An old file names blue, where the third one comes.
        world.at("deploy.verify.apply.before", move |cluster| {
            lead(cluster, kind, "kubectl", "shop-web-blue");
        });
        world.failing(true, false);
        world.deploy(3).await.back(Code::VerifyFailed);
        assert_eq!(agreed(&world, kind).await, second.as_str());
        assert_eq!(world.standing(), [second.as_str()]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_split_in_the_midst_of_a_run_does_not_bar_the_way_back() {
    let world = world(RouteKind::HTTPRoute);
    let first = world.deploy(1).await.live();
    world.at("deploy.bake.apply.before", |cluster| {
        cluster.edit("HTTPRoute", "front", "kubectl", |object| {
            let refs = object["spec"]["rules"][1]["backendRefs"].as_array_mut().unwrap();
            refs.push(serde_json::json!({ "name": "docs", "port": 80 }));
        });
        for one in cluster.list("Deployment") {
            if one["metadata"]["labels"]["bascule.dev/slot"] == "green" {
                let name = one["metadata"]["name"].as_str().unwrap();
                cluster.edit("Deployment", name, "somebody", |one| one["spec"]["replicas"] = 0.into());
            }
        }
    });
    let bad = world.deploy(2).await;
    assert_eq!(bad.outcome, Outcome::RolledBack, "{bad:?}");
    assert_eq!(reached(&world.cluster, RouteKind::HTTPRoute), first.as_str());
    // It is told, and no other release comes by it.
    let told = world.traffic.drift(&key()).await.unwrap().join("\n");
    assert!(told.contains("several backends (spec.rules[1])"), "{told}");
    let refused = world.deploy(3).await;
    assert_eq!(refused.cause.map(|cause| cause.code), Some(Code::ClusterRefused));
}
