//! What becomes of pods is told as the state of instances: at once, after a while, or not at all.

use std::time::Duration;

use bascule_engine::ports::{LogQuery, SlotSpec, Target as _, Traffic as _};
use bascule_fake_cluster::PodScript;
use bascule_model::evidence::{Exit, InstanceState, InstanceStatus};

use crate::support::{FENCE, World, image, is_well, slot, spec};

async fn started(script: PodScript) -> (World, SlotSpec) {
    let world = World::new();
    let first = spec(1);
    world.cluster.image(&image(1), script);
    world.traffic.open(FENCE, &first.release).await.unwrap();
    world.target.start(FENCE, &first).await.unwrap();
    (world, first)
}

fn cannot_start(one: &InstanceStatus) -> bool {
    matches!(one.state, InstanceState::CannotStart { .. })
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_by_itself_is_told_at_once() {
    for (script, words) in [
        (PodScript::invalid_image_name(), "InvalidImageName"),
        (PodScript::create_container_config_error("no such key"), "no such key"),
    ] {
        let (world, first) = started(script).await;
        let began = tokio::time::Instant::now();
        let all = world.until(&first, |all| all.iter().any(cannot_start)).await;
        assert!(format!("{all:?}").contains(words), "{all:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_fetched_is_waited_for_for_a_while() {
    let (world, first) = started(PodScript::image_pull_back_off()).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let all = world.target.observe(&slot(&first)).await.unwrap();
    assert!(all.iter().all(|one| matches!(one.state, InstanceState::Waiting { .. })), "{all:?}");
    world.until(&first, |all| all.iter().all(cannot_start)).await;
}

#[tokio::test(start_paused = true)]
async fn what_ends_again_and_again_is_a_crash_loop_with_its_exit() {
    let (world, first) = started(PodScript::crash_loop(2)).await;
    let is_loop =
        |one: &InstanceStatus| matches!(one.state, InstanceState::CrashLoop { exit: Exit::Code { code: 1 } });
    world.until(&first, |all| all.iter().any(is_loop)).await;
    let (world, first) = started(PodScript::oom_killed()).await;
    let is_killed = |one: &InstanceStatus| {
        matches!(
            one.state,
            InstanceState::CrashLoop { exit: Exit::Signal { signal: 9, out_of_memory: true } }
        )
    };
    world.until(&first, |all| all.iter().any(is_killed)).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_not_ready_or_has_no_node_waits() {
    let (world, first) = started(PodScript::never_ready()).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let all = world.target.observe(&slot(&first)).await.unwrap();
    assert!(!all.is_empty() && !all.iter().any(is_well), "{all:?}");
    let (world, first) = started(PodScript::unschedulable("0/1 nodes are available")).await;
    let waits = |one: &InstanceStatus| matches!(&one.state, InstanceState::Waiting { reason } if reason.contains("0/1 nodes are available"));
    world.until(&first, |all| all.iter().all(waits)).await;
}

#[tokio::test(start_paused = true)]
async fn lines_are_those_of_the_pods_also_of_one_that_ended() {
    let (world, first) =
        started(PodScript::ready_after(Duration::from_secs(1)).logs(["hello", "world"])).await;
    world.until(&first, |all| all.iter().filter(|one| is_well(one)).count() == 2).await;
    let query = LogQuery { release: first.release.id.clone(), service: None, tail: 1 };
    let all = world.target.logs(&first.release.key, &query).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|one| one.lines == ["world"]), "{all:?}");
}

/// As a mesh puts its proxy into every pod.
#[tokio::test(start_paused = true)]
async fn a_container_of_somebody_else_is_not_the_app() {
    let (world, first) = started(PodScript::crash_loop(2).logs(["hello"])).await;
    world.cluster.image("mesh/proxy", PodScript::ready_after(Duration::ZERO).logs(["proxy"]));
    for deployment in world.cluster.list("Deployment") {
        let name = deployment["metadata"]["name"].as_str().unwrap();
        world.cluster.edit("Deployment", name, "mesh", |deployment| {
            let containers = deployment["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
            containers.insert(0, serde_json::json!({ "name": "proxy", "image": "mesh/proxy" }));
        });
    }
    let is_loop = |one: &InstanceStatus| matches!(one.state, InstanceState::CrashLoop { .. });
    world.until(&first, |all| all.iter().any(is_loop)).await;
    let query = LogQuery { release: first.release.id.clone(), service: None, tail: 1 };
    let all = world.target.logs(&first.release.key, &query).await.unwrap();
    assert!(all.iter().any(|one| one.lines == ["hello"]), "{all:?}");
    assert!(!format!("{all:?}").contains("proxy"), "{all:?}");
}

/// A node that takes its time keeps them beside those that come in their place, which are the instances from then on.
#[tokio::test(start_paused = true)]
async fn those_that_come_have_the_numbers_of_those_that_go() {
    let minute = Duration::from_secs(60);
    let (world, first) = started(PodScript::ready_after(Duration::from_secs(1)).stops_after(minute)).await;
    let runs = |one: &InstanceStatus| is_well(one) && matches!(one.state, InstanceState::Running { .. });
    let goes = |one: &InstanceStatus| matches!(one.state, InstanceState::Stopping { .. });
    let are_well = |all: &[InstanceStatus]| all.iter().filter(|one| runs(one)).count() == 2;
    world.until(&first, are_well).await;
    for pod in world.cluster.list("Pod") {
        world.cluster.delete("Pod", pod["metadata"]["name"].as_str().unwrap());
    }
    let all = world.until(&first, |all| are_well(all) && all.iter().any(goes)).await;
    let numbers = |is_it: &dyn Fn(&InstanceStatus) -> bool| {
        all.iter().filter(|one| is_it(one)).map(|one| one.n).collect::<Vec<_>>()
    };
    assert_eq!((numbers(&runs), numbers(&goes)), (vec![1, 2], vec![3, 4]), "{all:?}");
}

/// As a run begins to start a release while the keeper takes it into its records.
#[tokio::test]
async fn what_stands_in_a_slot_may_be_noted_by_two_at_once() {
    let world = World::new();
    for number in 1..40 {
        let spec = spec(number);
        let together = std::sync::Barrier::new(2);
        let note = || {
            together.wait();
            world.traffic.recall(spec.slot, &spec.release, b"sealed")
        };
        let (one, other) = std::thread::scope(|scope| {
            let (one, other) = (scope.spawn(note), scope.spawn(note));
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_eq!((one, other), (Ok(()), Ok(())));
    }
}
