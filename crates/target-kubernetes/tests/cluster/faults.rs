//! Calls that are refused, lost or late: each is made again, or told.

use std::time::Duration;

use bascule_engine::ports::Traffic as _;
use bascule_fake_cluster::{Fault, Matcher};
use bascule_model::problem::Code;

use crate::support::{FENCE, World, problem, spec};

#[tokio::test(start_paused = true)]
async fn every_call_of_a_deploy_may_go_wrong_once() {
    let faults = [
        Fault::Status(503),
        Fault::Status(500),
        Fault::TooManyRequests(1),
        Fault::Hang,
        Fault::HangAfter,
        Fault::LostAnswer,
        Fault::Broken,
        Fault::Late(Duration::from_secs(2)),
    ];
    for fault in faults {
        for verb in ["get", "list", "create", "patch"] {
            let world = World::new();
            let (first, second) = (spec(1), spec(2));
            world.deploy(FENCE, &first, None).await.unwrap();
            for resource in ["services", "deployments", "configmaps", "endpointslices", "resourcequotas"] {
                let calls = Matcher::any().verb(verb).resource(resource);
                for calls in [calls.clone().kept(), calls.dry()] {
                    world.cluster.fault(calls.first(1), fault);
                }
            }
            let deployed = world.deploy(FENCE, &second, Some(&first)).await;
            assert!(deployed.is_ok(), "{fault:?} of {verb}: {deployed:?}");
            assert_eq!(world.selected(), "r2-abcdef", "{fault:?} of {verb}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_switch_whose_answer_was_lost_is_one_switch() {
    for fault in [Fault::LostAnswer, Fault::HangAfter] {
        let world = World::new();
        let (first, second) = (spec(1), spec(2));
        world.deploy(FENCE, &first, None).await.unwrap();
        world.bring_up(FENCE, &second).await.unwrap();
        world.cluster.fault(Matcher::any().verb("patch").resource("services").first(1), fault);
        world.switch(FENCE, Some(&first), Some(&second)).await.unwrap();
        assert_eq!(world.selected(), "r2-abcdef");
        assert!(world.switch(FENCE, Some(&first), Some(&second)).await.unwrap(), "it was so already");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_away_is_told_and_not_waited_for_for_ever() {
    let world = World::new();
    let first = spec(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    world.cluster.fault(Matcher::any(), Fault::Hang);
    let began = tokio::time::Instant::now();
    let refused = problem(world.traffic.routing(&first.release.key).await);
    assert_eq!(refused.code, Code::ClusterUnavailable, "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rights_that_are_missing_are_all_named_and_nothing_is_made() {
    let world = World::new();
    world.cluster.deny("patch", "services");
    world.cluster.deny("create", "secrets");
    let refused = problem(world.traffic.can_open(&spec(1).release).await);
    assert_eq!(refused.code, Code::ClusterForbidden, "{refused:?}");
    for right in ["patch services", "create secrets"] {
        assert!(refused.message.contains(right), "{refused:?}");
    }
    assert!(world.names("Service").is_empty());
    world.cluster.allow_all();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
}
