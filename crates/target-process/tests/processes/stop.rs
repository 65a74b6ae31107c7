//! Stopping: grace, kill, everything that an instance made, all at once, and again after a death in the middle.

use std::fs;
use std::time::Duration;

use bascule_engine::ports::Target;
use bascule_model::evidence::InstanceState;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::*;

#[tokio::test]
async fn who_does_not_listen_is_killed_after_the_grace() {
    let world = World::new();
    let target = world.target().await;
    let mut deaf = shell("deaf", "trap '' TERM; echo deaf; while :; do sleep 0.01; done");
    deaf.stop.grace = Duration::from_millis(300);
    let mut polite =
        shell("polite", "trap 'echo bye; exit 0' USR1; echo polite; while :; do sleep 0.01; done");
    polite.stop.signal = Signal::USR1.as_raw();
    let spec = blue(release(1, "", vec![deaf, polite]));
    let slot = reference(&spec);
    let started = target.start(world.generation, &spec).await.unwrap();
    line(&*target, &slot, "deaf", "deaf").await;
    line(&*target, &slot, "polite", "polite").await;
    let (stopped, seen) = tokio::join!(
        target.stop(world.generation, &slot),
        observed(&*target, &slot, "one that is stopping", |seen| {
            seen.iter().any(|seen| matches!(seen.state, InstanceState::Stopping { .. }))
        })
    );
    stopped.unwrap();
    assert_eq!(seen.len(), 2);
    assert!(started.iter().all(|status| !runs(pid(status))));
    assert_eq!(lines(&*target, &slot, "polite").await.last().unwrap(), "bye");
}

#[tokio::test]
async fn children_inside_and_outside_of_the_group_are_ended() {
    let world = World::new();
    let target = world.target().await;
    // A child in the group that is deaf, one in a session of its own, and a grandchild whose parent is gone.
    let script = "sh -c 'trap \"\" TERM; while :; do sleep 0.01; done' & setsid sh -c 'sleep 1000 & sleep 1000' & \
                  setsid sh -c 'sleep 1000 &' & wait";
    let mut service = shell("web", script);
    service.stop.grace = Duration::from_millis(200);
    let spec = blue(release(1, "", vec![service]));
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    eventually("all the processes", async || (world.processes().len() >= 5).then_some(())).await;
    target.stop(world.generation, &slot).await.unwrap();
    assert_eq!(world.processes(), Vec::<i32>::new());
}

#[tokio::test]
async fn a_program_has_its_grace_also_when_its_shell_is_gone() {
    let world = World::new();
    world.script("app", "trap 'sleep 0.2; echo done; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    let artifact = world.artifact(&["app"]).await;
    let target = world.target().await;
    // The shell itself ends at the signal.
    let spec = blue(release(1, &artifact, vec![shell("web", "./app; true")]));
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    line(&*target, &slot, "web", "ready").await;
    target.stop(world.generation, &slot).await.unwrap();
    assert_eq!(lines(&*target, &slot, "web").await.last().unwrap(), "done");
}

#[tokio::test]
async fn many_instances_are_stopped_together() {
    let world = World::new();
    let target = world.target().await;
    let mut service = shell("web", "trap '' TERM; while :; do sleep 1; done");
    service.instances = 8;
    service.stop.grace = Duration::from_millis(500);
    let spec = blue(release(1, "", vec![service]));
    let slot = reference(&spec);
    assert_eq!(target.start(world.generation, &spec).await.unwrap().len(), 8);
    target.stop(world.generation, &slot).await.unwrap();
    assert!(world.processes().is_empty());
}

#[tokio::test]
async fn a_stop_that_was_interrupted_starts_nothing_again_and_is_ended() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![shell("a", "exec sleep 1000"), shell("b", "exec sleep 1000")]));
    let slot = reference(&spec);
    let started = target.start(world.generation, &spec).await.unwrap();
    drop(target);
    // As a control plane leaves it that was killed in the middle of a stop.
    let folder = world.state().join("instances/shop/staging/r1-abcdef");
    fs::write(folder.join("stopping"), "").unwrap();
    kill_process(Pid::from_raw(pid(&started[0])).unwrap(), Signal::KILL).unwrap();

    let target = world.target().await;
    assert_eq!(target.slots().await.unwrap(), std::slice::from_ref(&slot));
    let seen = target.observe(&slot).await.unwrap();
    assert_eq!(seen[0].state, InstanceState::Gone);
    assert_eq!(seen[1].state, InstanceState::Stopping { pid: pid(&started[1]).try_into().unwrap() });
    target.stop(world.generation, &slot).await.unwrap();
    assert!(world.processes().is_empty() && target.slots().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_pid_that_another_process_has_now_is_left_alone() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![shell("web", "exec sleep 1000")]));
    let slot = reference(&spec);
    let started = target.start(world.generation, &spec).await.unwrap();
    drop(target);
    kill_process(Pid::from_raw(pid(&started[0])).unwrap(), Signal::KILL).unwrap();
    // Another process, as if it had been given the number: only the start time tells them apart.
    let mut other = started_later(pid(&started[0]), &world);
    let record = world.state().join("instances/shop/staging/r1-abcdef/web-1/process");
    let text = read(&record).replace(&format!("\n{} (", pid(&started[0])), &format!("\n{} (", other.id()));
    fs::write(&record, text).unwrap();

    let target = world.target().await;
    let seen = observed(&*target, &slot, "a new process", |seen| {
        matches!(seen[0].state, InstanceState::Running { .. })
    })
    .await;
    assert_ne!(pid(&seen[0]).try_into(), Ok(other.id()));
    assert_eq!(seen[0].last_exit, Some(bascule_model::evidence::Exit::Unknown));
    target.stop(world.generation, &slot).await.unwrap();
    assert!(other.try_wait().unwrap().is_none(), "the other process was signalled");
    test_kill_process(Pid::from_child(&other)).unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
}

/// A process whose start time, in the kernel's ticks, is not that of the recorded one.
fn started_later(recorded: i32, world: &World) -> std::process::Child {
    let start = |stat: &str| stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_owned();
    let record = read(&world.state().join("instances/shop/staging/r1-abcdef/web-1/process"));
    assert!(record.contains(&format!("\n{recorded} (")), "{record}");
    loop {
        let mut other = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        if start(&read(format!("/proc/{}/stat", other.id()).as_ref())) != start(&record) {
            return other;
        }
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
