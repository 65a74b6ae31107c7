//! Releases that do not come to their end are returned from.

use bascule_fake_cluster::PodScript;
use bascule_model::problem::Code;
use bascule_model::run::Outcome;
use serde_json::Value;

use super::{Count, SIZE, size, until_new_has, world};
use crate::support::image;

#[tokio::test(start_paused = true)]
async fn one_whose_first_pods_are_never_ready_meets_no_user() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let pods = world.pods(first.as_str());
    world.cluster.image(&image(2), PodScript::never_ready());
    world.at("deploy.roll.apply.before", |_| panic!("it came to users"));
    let count = Count::begin(&world.cluster);
    world.deploy(2).await.back(Code::InstanceNotReady);
    count.within(SIZE, SIZE + 1);
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!((world.standing(), world.pods(first.as_str())), (vec![first.to_string()], pods));
}

#[tokio::test(start_paused = true)]
async fn one_whose_later_pods_are_never_ready_is_returned_from() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let began = tokio::time::Instant::now();
    let count = Count::begin(&world.cluster);
    let spoil = async {
        let new = until_new_has(&world, first.as_str(), 2).await;
        // The second pod of it is the one that is not ready yet.
        world.cluster.image(&image(2), PodScript::never_ready());
        let ready: Vec<Value> = world.cluster.list("Pod");
        let of_new =
            ready.iter().filter(|pod| pod["metadata"]["labels"]["bascule.dev/release"] == new.as_str());
        assert_eq!(of_new.count(), 2);
    };
    let (ended, ()) = tokio::join!(world.deploy(2), spoil);
    ended.back(Code::InstanceNotReady);
    assert!(began.elapsed() >= world.wish.release.rollout.deadline, "{:?}", began.elapsed());
    // The one that had come fell as well, by no decision of ours: of the others all stayed.
    count.within(SIZE - 1, SIZE + 1);
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(world.standing(), [first.as_str()]);
    assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
}

#[tokio::test(start_paused = true)]
async fn one_that_crashes_under_way_ends_it_at_once() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let began = tokio::time::Instant::now();
    let spoil = async {
        until_new_has(&world, first.as_str(), 2).await;
        world.cluster.image(&image(2), PodScript::crash_loop(2));
    };
    let (ended, ()) = tokio::join!(world.deploy(2), spoil);
    ended.back(Code::InstanceCrashLoop);
    assert!(began.elapsed() < world.wish.release.rollout.deadline, "{:?}", began.elapsed());
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_when_all_of_it_has_come_is_returned_from_pod_by_pod() {
    for (max_unavailable, max_surge) in [(0, 1), (1, 2)] {
        let world = world(max_unavailable, max_surge);
        let first = world.deploy(1).await.live();
        world.failing(false, true);
        let count = Count::begin(&world.cluster);
        let failed = world.deploy(2).await.back(Code::VerifyLiveFailed);
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, first.as_str());
        assert_eq!(world.standing(), [first.as_str()], "{failed} is left");
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
        // And what repairs it comes in the same way.
        world.failing(false, false);
        let count = Count::begin(&world.cluster);
        let third = world.deploy(3).await.live();
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, third.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_under_way_brings_the_former_one_back() {
    for come in 1..=i64::from(SIZE) {
        let world = world(0, 1);
        let first = world.deploy(1).await.live();
        let begun = world.begin(2).await.unwrap();
        let run = begun.run.clone();
        let count = Count::begin(&world.cluster);
        let abort = async {
            until_new_has(&world, first.as_str(), come).await;
            world.engine.abort(&run, "somebody").await.unwrap();
        };
        let (ended, ()) = tokio::join!(world.drive(begun), abort);
        assert_eq!(ended.outcome, Outcome::RolledBack, "at {come}: {ended:?}");
        count.within(SIZE, SIZE + 1);
        assert_eq!(world.agreed().await, first.as_str());
        assert_eq!(world.standing(), [first.as_str()]);
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
    }
}
