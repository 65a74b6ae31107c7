//! Calls that are refused, lost or late: each is made again, or told.

use std::time::Duration;

use bascule_engine::ports::{Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Flavour, Matcher};
use bascule_model::problem::Code;
use bascule_model::release::RouteKind;

use super::{lead, led, reached, routed, world, worlds};
use crate::support::{FENCE, problem, slot};

fn plural(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Ingress => "ingresses",
        RouteKind::HTTPRoute => "httproutes",
    }
}

const FAULTS: [Fault; 8] = [
    Fault::Status(503),
    Fault::Status(500),
    Fault::TooManyRequests(1),
    Fault::Hang,
    Fault::HangAfter,
    Fault::LostAnswer,
    Fault::Broken,
    Fault::Late(Duration::from_secs(2)),
];

#[tokio::test(start_paused = true)]
async fn every_call_of_a_deploy_may_go_wrong_once() {
    // Each fault of each verb, by turns at one kind and the other.
    let mut kinds = RouteKind::ALL.into_iter().cycle();
    for fault in FAULTS {
        for verb in ["get", "list", "create", "patch", "delete"] {
            let kind = kinds.next().unwrap();
            let world = world(kind, Flavour::New);
            let (first, second) = (routed(kind, 1), routed(kind, 2));
            let break_once = |resources: &[&str]| {
                for resource in resources {
                    let calls = Matcher::any().verb(verb).resource(resource);
                    for calls in [calls.clone().kept(), calls.dry()] {
                        world.cluster.fault(calls.first(1), fault);
                    }
                }
            };
            break_once(&["services", plural(kind)]);
            world.deploy(FENCE, &first, None).await.unwrap();
            assert_eq!(reached(&world.cluster, kind), "r1-abcdef", "{fault:?} of {verb}");
            break_once(&["services", "deployments", "endpointslices", plural(kind)]);
            let deployed = world.deploy(FENCE, &second, Some(&first)).await;
            assert!(deployed.is_ok(), "{fault:?} of {verb}: {deployed:?}");
            assert_eq!(reached(&world.cluster, kind), "r2-abcdef", "{fault:?} of {verb}");
            world.target.stop(FENCE, &slot(&first)).await.unwrap();
            break_once(&["services", plural(kind)]);
            world.switch(FENCE, Some(&second), None).await.unwrap();
            world.target.stop(FENCE, &slot(&second)).await.unwrap();
            world.traffic.close(FENCE, &second.release.key).await.unwrap();
            assert!(world.names("Service").is_empty(), "{fault:?} of {verb}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_switch_whose_answer_was_lost_is_one_switch() {
    for kind in RouteKind::ALL {
        for fault in [Fault::LostAnswer, Fault::HangAfter] {
            let world = world(kind, Flavour::New);
            let (first, second) = (routed(kind, 1), routed(kind, 2));
            world.deploy(FENCE, &first, None).await.unwrap();
            world.bring_up(FENCE, &second).await.unwrap();
            world.cluster.fault(Matcher::any().verb("patch").resource(plural(kind)).first(1), fault);
            world.switch(FENCE, Some(&first), Some(&second)).await.unwrap();
            assert_eq!(led(&world.cluster, kind), "shop-web-green");
            assert!(world.switch(FENCE, Some(&first), Some(&second)).await.unwrap(), "it was so already");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_quicker_keeps_what_they_wrote() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        world.bring_up(FENCE, &second).await.unwrap();
        // Between our look and our write, which hangs first and is made again then.
        let patches = Matcher::any().verb("patch").resource(plural(kind));
        world.cluster.fault(patches.first(1), Fault::Hang);
        let later = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            lead(&world.cluster, kind, "gitops", "old-shop");
        };
        let (switched, ()) = tokio::join!(world.switch(FENCE, Some(&first), Some(&second)), later);
        let refused = problem(switched);
        assert_eq!(refused.code, Code::TrafficTaken, "{refused:?}");
        assert!(refused.message.contains("gitops"), "{refused:?}");
        assert_eq!(led(&world.cluster, kind), "old-shop");
    }
}

#[tokio::test(start_paused = true)]
async fn rights_that_are_missing_are_all_named_and_nothing_is_made() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        world.cluster.deny("patch", plural(kind));
        world.cluster.deny("get", plural(kind));
        let first = routed(kind, 1);
        let refused = problem(world.traffic.can_open(&first.release).await);
        assert_eq!(refused.code, Code::ClusterForbidden, "{refused:?}");
        for verb in ["patch", "get"] {
            assert!(refused.message.contains(&format!("{verb} {}", plural(kind))), "{refused:?}");
        }
        assert!(world.names("Service").is_empty());
        let role = bascule_target_kubernetes::render_role(first.release.cluster.as_ref().unwrap());
        let rules = role[1]["rules"].as_array().unwrap();
        let rule = rules.iter().find(|rule| rule["resources"][0] == plural(kind)).unwrap();
        assert_eq!(rule["verbs"], serde_json::json!(["get", "patch"]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_the_cluster_that_forbids_the_change_is_told_in_its_words() {
    for (kind, world) in worlds() {
        let (first, second) = (routed(kind, 1), routed(kind, 2));
        world.deploy(FENCE, &first, None).await.unwrap();
        let each = Matcher::any().verb("patch").resource(plural(kind)).kept();
        world.cluster.fault(each, Fault::Status(422));
        let refused = problem(world.deploy(FENCE, &second, Some(&first)).await);
        assert_eq!(refused.code, Code::ClusterRefused, "{refused:?}");
        for part in
            ["others write to it all the time, or a rule of the cluster forbids it", "the API server says: "]
        {
            assert!(refused.message.contains(part), "{part}: {refused:?}");
        }
        assert_eq!(reached(&world.cluster, kind), "r1-abcdef");
    }
}
