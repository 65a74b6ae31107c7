//! The control plane is killed at any step, and in between.

use std::time::Duration;

use bascule_engine::steps::{SchemaNeeded, SlotNeeded, Warmth, sequence};
use bascule_model::plan::RunKind;
use bascule_model::run::Outcome;

use super::{Count, SIZE, of, size, world};
use crate::driven::{Driven, Ended};

/// Drives a deploy, kills its control plane where it is told to, and has the next one go on.
async fn killed(world: &Driven, number: u64, there: impl Future<Output = ()>) -> Ended {
    let begun = world.begin(number).await.unwrap();
    let mut drive = Box::pin(world.drive(begun));
    tokio::select! {
        ended = &mut drive => panic!("it was over before it was killed: {ended:?}"),
        () = there => {}
    }
    drop(drive);
    world.next().go_on().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_at_any_step_goes_on() {
    let names = sequence(RunKind::Deploy, Warmth::Cold, SlotNeeded::Free, SchemaNeeded::default(), &[]);
    let names = names.into_iter().map(|name| if name == "switch" { "roll" } else { name });
    let points: Vec<String> = names
        .flat_map(|step| ["before", "after"].map(|when| format!("deploy.{step}.apply.{when}")))
        .collect();
    let world = world(0, 1);
    let mut live = world.deploy(1).await.live();
    for (number, point) in (2..).zip(points) {
        let (there, go) = world.hold(&point);
        let count = Count::begin(&world.cluster);
        let ended = killed(&world, number % 8 + 2, async { there.await.unwrap() }).await;
        drop(go);
        count.within(SIZE, SIZE + 1);
        let new = ended.live();
        assert_eq!(world.agreed().await, new.as_str(), "at {point}");
        assert_ne!(new, live);
        world.end_window().await;
        live = new;
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_in_the_middle_of_a_roll_goes_on_forth_or_back() {
    for after in [0, 1_300, 2_900, 4_100, 6_700, 9_500, 12_100] {
        for fails in [false, true] {
            let world = world(0, 1);
            let first = world.deploy(1).await.live();
            let (there, go) = world.hold("deploy.roll.apply.before");
            let count = Count::begin(&world.cluster);
            let in_the_middle = async {
                there.await.unwrap();
                go.send(()).unwrap();
                tokio::time::sleep(Duration::from_millis(after)).await;
                if fails {
                    world.failing(false, true);
                }
            };
            let ended = killed(&world, 2, in_the_middle).await;
            count.within(SIZE, SIZE + 1);
            let live = if fails { first.clone() } else { ended.release.clone().unwrap() };
            let outcome = if fails { Outcome::RolledBack } else { Outcome::Live };
            assert_eq!(ended.outcome, outcome, "after {after} ms: {ended:?}");
            assert_eq!(world.agreed().await, live.as_str(), "after {after} ms");
            assert_eq!(size(&world, live.as_str()), i64::from(SIZE), "after {after} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_on_the_way_back_goes_on() {
    for after in [0, 700, 2_300, 4_900, 7_700, 11_300] {
        let world = world(0, 1);
        let first = world.deploy(1).await.live();
        world.failing(false, true);
        let (there, go) = world.hold("deploy.roll.undo.before");
        let count = Count::begin(&world.cluster);
        let in_the_middle = async {
            there.await.unwrap();
            go.send(()).unwrap();
            tokio::time::sleep(Duration::from_millis(after)).await;
        };
        let begun = world.begin(2).await.unwrap();
        let mut drive = Box::pin(world.drive(begun));
        let is_over = tokio::select! {
            _ = &mut drive => true,
            () = in_the_middle => false,
        };
        drop(drive);
        if !is_over {
            assert_eq!(world.next().go_on().await.unwrap().outcome, Outcome::RolledBack, "after {after} ms");
        }
        count.within(SIZE, SIZE + 1);
        assert_eq!(world.agreed().await, first.as_str(), "after {after} ms");
        assert_eq!(world.standing(), [first.as_str()], "after {after} ms");
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE), "after {after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn another_machine_with_an_empty_folder_goes_on_in_the_middle_of_a_roll_forth_or_back() {
    for after in [0, 2_900, 6_700, 12_100] {
        for fails in [false, true] {
            let first = of(Driven::alone(), 0, 1);
            let former = first.deploy(1).await.live();
            let (there, go) = first.hold("deploy.roll.apply.before");
            let count = Count::begin(&first.cluster);
            let begun = first.begin(2).await.unwrap();
            let mut drive = Box::pin(first.drive(begun));
            tokio::select! {
                ended = &mut drive => panic!("it was over before it was killed: {ended:?}"),
                () = async {
                    there.await.unwrap();
                    go.send(()).unwrap();
                    tokio::time::sleep(Duration::from_millis(after)).await;
                } => {}
            }
            drop(drive);
            first.failing(false, fails);
            tokio::time::sleep(Duration::from_secs(16)).await;

            let second = first.empty_machine();
            let ended = second.take_over().await.unwrap().unwrap();
            count.within(SIZE, SIZE + 1);
            let live = if fails { former.clone() } else { ended.release.clone().unwrap() };
            let outcome = if fails { Outcome::RolledBack } else { Outcome::Live };
            assert_eq!(ended.outcome, outcome, "after {after} ms: {ended:?}");
            assert_eq!(second.agreed().await, live.as_str(), "after {after} ms");
            assert_eq!(size(&second, live.as_str()), i64::from(SIZE), "after {after} ms");
        }
    }
}
