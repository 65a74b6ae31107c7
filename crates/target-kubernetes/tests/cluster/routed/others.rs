//! Somebody else writes to the route: another engine, another environment, another tool.

use std::time::Duration;

use bascule_engine::ports::{PortError, Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Flavour, Matcher};
use bascule_model::ids::Generation;
use bascule_model::problem::Code;
use bascule_model::release::RouteKind;

use super::{lead, led, reached, routed, rule, world, worlds};
use crate::support::{FENCE, World, key, problem, slot};

#[tokio::test(start_paused = true)]
async fn who_leads_users_elsewhere_is_named_and_nothing_is_moved() {
    for (elsewhere, words) in
        [("old-shop", "none of the app's two"), ("shop-web-green", "r2-abcdef, not r1-abcdef")]
    {
        for (kind, world) in worlds() {
            let (first, second) = (routed(kind, 1), routed(kind, 2));
            world.deploy(FENCE, &first, None).await.unwrap();
            world.bring_up(FENCE, &second).await.unwrap();
            lead(&world.cluster, kind, "gitops", elsewhere);
            let refused = problem(world.switch(FENCE, Some(&first), Some(&second)).await);
            assert_eq!(refused.code, Code::TrafficTaken, "{refused:?}");
            for part in ["gitops", "front", kind.as_str(), words] {
                assert!(refused.message.contains(part), "{part}: {refused:?}");
            }
            assert_eq!(led(&world.cluster, kind), elsewhere);
            let told = world.traffic.drift(&key()).await.unwrap().join("\n");
            assert!(told.contains("gitops"), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_slots_at_once_is_nobodys_word() {
    for (kind, world) in worlds() {
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        world.bring_up(FENCE, &second).await.unwrap();
        world.cluster.edit(kind.as_str(), "front", "gitops", |object| {
            object["spec"]["rules"].as_array_mut().unwrap().push(rule(kind, "shop-web-green"));
        });
        for to in [Some(&second), None] {
            let refused = problem(world.switch(FENCE, Some(&first), to).await);
            assert_eq!(refused.code, Code::TrafficTaken, "{refused:?}");
            assert!(refused.message.contains("gitops"), "{refused:?}");
        }
        assert_eq!(problem(world.traffic.routing(&key()).await).code, Code::TrafficTaken);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_never_a_first_deploy() {
    for (kind, world) in worlds() {
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        world.bring_up(FENCE, &second).await.unwrap();
        world.cluster.edit(kind.as_str(), "front", "gitops", |object| {
            object["metadata"]["annotations"].as_object_mut().unwrap().remove("bascule.dev/traffic");
        });
        for to in [Some(&second), None] {
            let refused = problem(world.switch(FENCE, Some(&first), to).await);
            assert_eq!(refused.code, Code::TrafficTaken, "{refused:?}");
        }
        assert_eq!(problem(world.traffic.can_open(&second.release).await).code, Code::TrafficTaken);
        assert_eq!(problem(world.traffic.open(FENCE, &second.release).await).code, Code::TrafficTaken);
        assert_eq!(led(&world.cluster, kind), "shop-web-blue");
        // And the whole of it.
        world.cluster.delete(kind.as_str(), "front");
        let refused = problem(world.switch(FENCE, Some(&first), Some(&second)).await);
        assert_eq!(refused.code, Code::TrafficTaken, "{refused:?}");
        assert!(refused.remedy.contains("front"), "{refused:?}");
        assert_eq!(problem(world.traffic.can_open(&second.release).await).code, Code::ClusterRefused);
        assert!(
            problem(world.traffic.open(FENCE, &second.release).await).message.contains("it is not there")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_moved_their_users_away_can_take_it_down() {
    for (kind, world) in worlds() {
        let first = routed(kind, 1);
        for is_removed in [false, true] {
            if is_removed {
                lead(&world.cluster, kind, "kubectl", "shop-web-blue");
            }
            world.deploy(FENCE, &first, None).await.unwrap();
            match is_removed {
                true => world.cluster.delete(kind.as_str(), "front"),
                false => lead(&world.cluster, kind, "kubectl", "another-shop"),
            }
            assert_eq!(world.traffic.routing(&key()).await.unwrap().live, None);
            world.switch(FENCE, Some(&first), None).await.unwrap();
            world.target.stop(FENCE, &slot(&first)).await.unwrap();
            world.traffic.close(FENCE, &key()).await.unwrap();
            assert!(world.names("Service").is_empty());
            if !is_removed {
                assert_eq!(led(&world.cluster, kind), "another-shop");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_somebody_writes_there_stays() {
    for (kind, world) in worlds() {
        let (first, second, third) = (routed(kind, 1), routed(kind, 2), routed(kind, 3));
        world.deploy(FENCE, &first, None).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        world.cluster.edit(kind.as_str(), "front", "helm", |object| {
            object["spec"]["rules"].as_array_mut().unwrap().push(rule(kind, "more"));
            object["metadata"]["labels"]["theirs"] = "yes".into();
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        // It is no reason to stop, and told: a file that is applied names one of the two.
        world.target.stop(FENCE, &slot(&first)).await.unwrap();
        world.traffic.unregister(FENCE, &key(), first.slot).await.unwrap();
        world.traffic.can_open(&third.release).await.unwrap();
        world.deploy(FENCE, &third, Some(&second)).await.unwrap();
        let object = world.cluster.get(kind.as_str(), "front").unwrap();
        assert_eq!(object["spec"]["rules"].as_array().unwrap().len(), 3);
        assert_eq!(object["metadata"]["labels"]["theirs"], "yes");
        assert_eq!(reached(&world.cluster, kind), "r3-abcdef");
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_the_backends_after_us_is_a_warning() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        let told = world.target.can_start(&second).await.unwrap().join("\n");
        assert!(!told.contains("front"), "{told}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.cluster.edit(kind.as_str(), "front", "helm", |object| {
            object["spec"]["rules"].as_array_mut().unwrap().push(rule(kind, "more"));
        });
        let told = world.target.can_start(&second).await.unwrap().join("\n");
        assert!(told.contains("helm") && told.contains("front"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_lease_is_older_changes_nothing() {
    for (kind, world) in worlds() {
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(Generation(1), &first, None).await.unwrap();
        world.bring_up(Generation(1), &second).await.unwrap();
        // One that took the environment over, with the same state folder seen from elsewhere.
        let other = World::over(world.cluster.clone(), "state-1");
        other.traffic.recall(first.slot, &first.release, b"{}").unwrap();
        other.traffic.open(Generation(7), &first.release).await.unwrap();
        let late = world.switch(Generation(1), Some(&first), Some(&second)).await;
        assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
        let late = world.traffic.close(Generation(1), &key()).await;
        assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
        let late = world.traffic.open(Generation(1), &second.release).await;
        assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
        assert_eq!(reached(&world.cluster, kind), "r1-abcdef");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_slept_in_the_midst_of_a_switch_leaves_the_services_of_a_later_one() {
    for (kind, world) in worlds() {
        let (first, second, fourth) = (routed(kind, 1), routed(kind, 2), routed(kind, 4));
        world.deploy(Generation(1), &first, None).await.unwrap();
        world.bring_up(Generation(1), &second).await.unwrap();
        let other = World::over(world.cluster.clone(), "state-1");
        let looks = Matcher::any().verb("get").resource("services").name("shop-web-green");
        world.cluster.fault(looks.first(1), Fault::Late(Duration::from_secs(9)));
        let late = world.switch(Generation(1), Some(&first), Some(&second));
        let later = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            other.deploy(Generation(7), &fourth, Some(&first)).await.unwrap();
        };
        let (late, ()) = tokio::join!(late, later);
        assert!(matches!(late, Err(PortError::Fenced)), "{late:?}");
        assert_eq!(reached(&world.cluster, kind), "r4-abcdef");
    }
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_others_is_left_to_them() {
    for (kind, world) in worlds() {
        world.deploy(FENCE, &routed(kind, 1), None).await.unwrap();
        // Another state folder, another environment of the same app, another app.
        let stranger = World::over(world.cluster.clone(), "state-2");
        assert_eq!(problem(stranger.traffic.can_open(&routed(kind, 1).release).await).code, Code::NameTaken);
        for other in ["shop/production", "store/staging"] {
            let mut release = routed(kind, 1).release;
            release.key = other.parse().unwrap();
            let refused = problem(world.traffic.can_open(&release).await);
            assert!([Code::NameTaken, Code::ClusterRefused].contains(&refused.code), "{refused:?}");
        }
        assert_eq!(reached(&world.cluster, kind), "r1-abcdef");
    }
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_runs_keeps_its_method() {
    let world = world(RouteKind::Ingress, Flavour::New);
    world.deploy(FENCE, &routed(RouteKind::Ingress, 1), None).await.unwrap();
    let mut second = routed(RouteKind::Ingress, 2);
    second.release.cluster.as_mut().unwrap().route = None;
    let refused = problem(world.traffic.can_open(&second.release).await);
    assert_eq!(refused.code, Code::Usage, "{refused:?}");
    assert!(refused.message.contains("behind the Ingress front"), "{refused:?}");
}
