//! Instances outlive the control plane, and none is lost or doubled when it is killed at any moment.

use std::collections::BTreeSet;
use std::time::Duration;

use bascule_engine::ports::Target;
use bascule_model::evidence::{Exit, InstanceState};
use rustix::process::{Pid, Signal, kill_process};

use crate::helper;
use crate::support::*;

/// How often the control plane is killed; a kill costs about a tenth of a second.
const KILLS: u32 = 60;

#[tokio::test]
async fn instances_go_on_without_a_control_plane_and_are_found_again() {
    let world = World::new();
    let target = world.target().await;
    let mut service = with_traffic(shell("web", "exec sleep 1000"));
    service.instances = 2;
    let spec = blue(release(1, "", vec![service]));
    let slot = reference(&spec);
    let started = target.start(world.generation, &spec).await.unwrap();
    drop(target);
    assert!(started.iter().all(|status| runs(pid(status))));

    let target = world.target().await;
    let found =
        observed(&*target, &slot, "both", |seen| seen.iter().all(|seen| seen.started_at.is_some())).await;
    for (found, started) in found.iter().zip(&started) {
        assert_eq!((pid(found), found.address, found.restarts), (pid(started), started.address, 0));
    }
    assert_eq!(world.processes().len(), 2);

    // An end while nobody looks is told as what it is, and the instance is started again.
    drop(target);
    kill_process(Pid::from_raw(pid(&started[0])).unwrap(), Signal::KILL).unwrap();
    eventually("the end of one", async || (!runs(pid(&started[0]))).then_some(())).await;
    let target = world.target().await;
    let seen = observed(&*target, &slot, "both again", |seen| {
        seen.iter().all(|seen| matches!(seen.state, InstanceState::Running { .. }))
    })
    .await;
    assert_eq!((seen[0].last_exit.clone(), seen[0].restarts), (Some(Exit::Unknown), 1));
    assert_eq!((pid(&seen[1]), seen[1].restarts), (pid(&started[1]), 0));
    target.stop(world.generation, &slot).await.unwrap();
    assert!(world.processes().is_empty());
}

#[tokio::test]
async fn a_damaged_record_is_named_and_the_others_are_watched() {
    let world = World::new();
    let target = world.target().await;
    let (one, two) = (
        blue(release(1, "", vec![shell("web", "exec sleep 1000")])),
        blue(release(2, "", vec![shell("web", "exec sleep 1000")])),
    );
    target.start(world.generation, &one).await.unwrap();
    let started = target.start(world.generation, &two).await.unwrap();
    drop(target);
    std::fs::write(world.state().join("instances/shop/staging/r1-abcdef/slot.json"), "{").unwrap();
    let target = world.target().await;
    let error = problem(target.slots().await.unwrap_err());
    assert!(error.message.contains("r1-abcdef/slot.json is damaged"), "{error}");
    let seen =
        observed(&*target, &reference(&two), "the other one", |seen| seen[0].started_at.is_some()).await;
    assert_eq!(pid(&seen[0]), pid(&started[0]));
    target.stop(world.generation, &reference(&two)).await.unwrap();
}

#[tokio::test]
async fn values_that_only_the_vault_has_reach_a_restarted_instance() {
    let world = World::new();
    let target = world.target().await;
    let mut service = shell("web", "echo got $SECRET; exec sleep 1000");
    service.health.start_period = Duration::ZERO;
    let mut spec = blue(release(1, "", vec![service]));
    let secret = bascule_model::manifest::InstanceText::literal("hunter2");
    spec.configuration.env.insert("web".parse().unwrap(), [("SECRET".to_owned(), secret)].into());
    let slot = reference(&spec);
    let started = target.start(world.generation, &spec).await.unwrap();
    line(&*target, &slot, "web", "got hunter2").await;
    drop(target);
    kill_process(Pid::from_raw(pid(&started[0])).unwrap(), Signal::KILL).unwrap();
    let target = world.target().await;
    eventually("the second greeting", async || {
        (lines(&*target, &slot, "web").await == ["got hunter2", "got hunter2"]).then_some(())
    })
    .await;
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn a_command_on_pipes_does_not_outlive_its_control_plane() {
    let world = World::new();
    let file = world.state().parent().unwrap().join("pids");
    let mut control_plane = helper::spawn_commanding(&world.state(), &file);
    let pids = eventually("the command", async || std::fs::read_to_string(&file).ok()).await;
    let pids: Vec<i32> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| runs(*pid)));
    control_plane.kill().unwrap();
    control_plane.wait().unwrap();
    // The first is tied to the control plane, what it has begun is found by the next one; the instance goes on.
    eventually("the end of the command", async || (!runs(pids[0])).then_some(())).await;
    let target = world.target().await;
    assert!(!runs(pids[1]), "what the command had begun is left");
    let slot = reference(&helper::attended());
    let seen = observed(&*target, &slot, "the instance", |seen| seen[0].started_at.is_some()).await;
    assert_eq!(seen[0].restarts, 0);
    target.stop(world.generation, &slot).await.unwrap();
}

#[tokio::test]
async fn a_control_plane_killed_at_any_moment_leaves_no_unknown_process() {
    let world = World::new();
    let slot = reference(&helper::churned());
    let (mut found_running, mut found_nothing) = (0, 0);
    for round in 0..KILLS {
        let mut control_plane = helper::spawn_control_plane(&world.state());
        let mut random = [0; 2];
        getrandom::fill(&mut random).unwrap();
        // Its own start takes some milliseconds; a round of start and stop some tens.
        let moment = 5 + u64::from(u16::from_le_bytes(random) % 150);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        control_plane.kill().unwrap();
        control_plane.wait().unwrap();

        let target = world.target().await;
        let slots = target.slots().await.unwrap();
        if slots.is_empty() {
            assert_eq!(world.processes(), Vec::<i32>::new(), "round {round}: processes without a record");
            assert!(!world.secret_files().exists(), "round {round}: secrets without a record");
            found_nothing += 1;
            continue;
        }
        assert_eq!(slots, std::slice::from_ref(&slot));
        let is_stopping = world.state().join("instances/shop/staging/r1-abcdef/stopping").exists();
        if !is_stopping {
            found_running += 1;
            one_process_each(&world, &*target, &slot, round).await;
            let token = world.secret_files().join(instance(&slot, "web", 1).as_str()).join("TOKEN");
            assert_eq!(std::fs::read_to_string(token).unwrap(), "kept in memory");
        }
        target.stop(world.generation, &slot).await.unwrap();
        assert_eq!(world.processes(), Vec::<i32>::new(), "round {round}: left after the stop");
        assert!(!world.secret_files().exists(), "round {round}: secrets left after the stop");
    }
    // Otherwise the moments are badly chosen and nothing was tried.
    assert!(found_running > 0, "never found instances; {found_nothing} times nothing");
}

/// Every instance that stays has one process, the one that is told, and nothing else of theirs is there.
async fn one_process_each(
    world: &World,
    target: &dyn Target,
    slot: &bascule_engine::ports::SlotRef,
    round: u32,
) {
    let staying = |service: &str| service != "brief";
    let seen = observed(target, slot, "every instance that stays", |seen| {
        seen.iter()
            .filter(|seen| staying(seen.service.as_str()))
            .all(|seen| matches!(seen.state, InstanceState::Running { .. }))
    })
    .await;
    let told: BTreeSet<i32> = seen.iter().filter(|seen| staying(seen.service.as_str())).map(pid).collect();
    assert_eq!(told.len(), 4);
    // A process that is just becoming its program shows no environment for a moment.
    eventually(&format!("these and no others in round {round}: {told:?}"), async || {
        let there: BTreeSet<i32> = world.processes_of(&["many", "web"]).into_iter().collect();
        (there == told).then_some(())
    })
    .await;
}
