//! Ends: restarts with back-off, crash loops, what cannot start, ports that were taken.

use std::fs;
use std::net::TcpListener;

use bascule_engine::ports::Target;
use bascule_model::evidence::{Exit, InstanceState};
use bascule_model::release::Service;
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

use crate::support::*;

fn up_at_once(service: Service) -> Service {
    let mut service = service;
    service.health.start_period = Duration::ZERO;
    service
}

#[tokio::test]
async fn an_instance_that_ends_is_started_again_on_the_same_port_and_told() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![with_traffic(up_at_once(shell("web", "exec sleep 1000")))]));
    let slot = reference(&spec);
    let first = target.start(world.generation, &spec).await.unwrap().remove(0);
    let mut changes = target.changes();
    kill_process(Pid::from_raw(pid(&first)).unwrap(), Signal::KILL).unwrap();
    let again = observed(&*target, &slot, "a restart", |seen| {
        matches!(seen[0].state, InstanceState::Running { .. }) && seen[0].restarts == 1
    })
    .await
    .remove(0);
    assert_ne!(pid(&again), pid(&first));
    assert_eq!(again.address, first.address);
    let killed = Exit::Signal { signal: 9, out_of_memory: false };
    assert_eq!(again.last_exit, Some(killed.clone()));
    let waited = changes.recv().await.unwrap();
    assert_eq!(waited.slot, slot);
    assert!(matches!(&waited.instance.state, InstanceState::BackOff { exit, .. } if *exit == killed));
    let running = changes.recv().await.unwrap();
    assert_eq!(running.instance, again);
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn three_quick_ends_are_a_crash_loop_with_the_exit_and_the_output() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![shell("web", "echo \"no database\" >&2; exit 3")]));
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    let seen = observed(&*target, &slot, "a crash loop", |seen| {
        matches!(seen[0].state, InstanceState::CrashLoop { .. })
    })
    .await;
    assert_eq!(seen[0].state, InstanceState::CrashLoop { exit: Exit::Code { code: 3 } });
    assert_eq!(seen[0].restarts, 2);
    assert_eq!(lines(&*target, &slot, "web").await, ["no database"; 3]);

    // It stays one, also for the next control plane.
    drop(target);
    let target = world.target().await;
    let seen =
        observed(&*target, &slot, "the state of before", |seen| seen[0].state != InstanceState::Gone).await;
    assert_eq!(seen[0].state, InstanceState::CrashLoop { exit: Exit::Code { code: 3 } });
    assert_eq!(lines(&*target, &slot, "web").await.len(), 3);
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn one_that_was_up_is_no_crash_loop() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![up_at_once(shell("web", "exit 3"))]));
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    observed(&*target, &slot, "a fourth restart", |seen| seen[0].restarts >= 4).await;
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn what_cannot_start_is_said_at_once() {
    let world = World::new();
    world.script("shop", "exec sleep 1000");
    let artifact = world.artifact(&["shop"]).await;
    let target = world.target().await;
    let services = vec![command("other", &["./shop"]), command("web", &["./shopp"])];
    let spec = blue(release(1, &artifact, services));
    let slot = reference(&spec);
    let seen = target.start(world.generation, &spec).await.unwrap();
    assert!(matches!(seen[0].state, InstanceState::Running { .. }));
    let InstanceState::CannotStart { reason } = &seen[1].state else { panic!("{seen:?}") };
    assert_eq!(reason, "./shopp is not in the artifact; did you mean ./shop?");
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn children_of_an_ended_process_are_ended_before_it_is_started_again() {
    let world = World::new();
    let target = world.target().await;
    let line = "sleep 1000 & setsid sleep 1000 & echo $$ $!; wait";
    let spec = blue(release(1, "", vec![up_at_once(shell("web", line))]));
    let slot = reference(&spec);
    let first = target.start(world.generation, &spec).await.unwrap().remove(0);
    let before = eventually("three processes", async || {
        let processes = world.processes();
        (processes.len() == 3).then_some(processes)
    })
    .await;
    kill_process(Pid::from_raw(pid(&first)).unwrap(), Signal::KILL).unwrap();
    observed(&*target, &slot, "a restart", |seen| {
        seen[0].restarts == 1 && matches!(seen[0].state, InstanceState::Running { .. })
    })
    .await;
    assert!(before.iter().all(|pid| !runs(*pid)), "{before:?}");
    target.stop(world.generation, &slot).await.unwrap();
    assert!(world.processes().is_empty());
}

#[tokio::test]
async fn a_port_that_was_taken_in_between_is_replaced_and_is_no_crash() {
    let world = World::new();
    let target = world.target().await;
    // Waits for a line and ends, as an app does that finds its port taken; with the gate there, it stays.
    let (gate, hold) = (world.project().join("gate"), world.project().join("hold"));
    rustix::fs::mknodat(rustix::fs::CWD, &hold, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
    let (at, from) = (gate.display(), hold.display());
    let script = format!("if [ -e {at} ]; then exec sleep 1000; fi; echo waiting; read x < {from}");
    let spec = blue(release(1, "", vec![with_traffic(shell("web", &script))]));
    let slot = reference(&spec);
    let first = target.start(world.generation, &spec).await.unwrap().remove(0);
    line(&*target, &slot, "web", "waiting").await;
    let _thief = TcpListener::bind(first.address.unwrap()).unwrap();
    fs::write(&gate, "").unwrap();
    // Opened for both, it takes a line whether or not somebody reads.
    let mut hold = fs::File::options().read(true).write(true).open(&hold).unwrap();
    std::io::Write::write_all(&mut hold, b"go\n").unwrap();
    let again = observed(&*target, &slot, "another port", |seen| {
        matches!(seen[0].state, InstanceState::Running { .. }) && seen[0].address != first.address
    })
    .await
    .remove(0);
    assert_eq!((again.restarts, again.last_exit), (0, None), "that was no fault of the instance");
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn an_instance_whose_port_a_stranger_answers_for_gets_another_one() {
    let world = World::new();
    let target = world.target().await;
    let spec = blue(release(1, "", vec![with_traffic(shell("web", "exec sleep 1000"))]));
    let slot = reference(&spec);
    let first = target.start(world.generation, &spec).await.unwrap().remove(0);
    let _stranger = TcpListener::bind(first.address.unwrap()).unwrap();
    let again = observed(&*target, &slot, "another port", |seen| {
        matches!(seen[0].state, InstanceState::Running { .. }) && seen[0].address != first.address
    })
    .await
    .remove(0);
    assert_eq!(again.restarts, 0);

    // It comes again, on a port that only the instance was told of: then it listens for the instance.
    let _proxy = TcpListener::bind(again.address.unwrap()).unwrap();
    let id = instance(&slot, "web", 1);
    eventually("the proxy to be seen", async || {
        target.explain(&slot, &id).await.filter(|reason| reason.contains("another program listens")).map(drop)
    })
    .await;
    assert_eq!(target.observe(&slot).await.unwrap()[0], again);
    target.stop(world.generation, &slot).await.unwrap();
}
