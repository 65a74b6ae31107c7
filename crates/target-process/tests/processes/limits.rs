//! Memory and cpu limits, where this machine lets us have them; where not, the tests say so and see that the target says so.

use std::fs;

use bascule_engine::ports::Target;
use bascule_model::evidence::{Exit, InstanceState};

use crate::helper;
use crate::support::*;

#[tokio::test]
async fn an_instance_that_eats_too_much_is_killed_for_it() {
    let world = World::new();
    let target = world.target().await;
    let mut service = helper::service("eater", "eat 400");
    service.limits.memory = Some(64 * 1024 * 1024);
    let spec = blue(release(1, "", vec![service]));
    let slot = reference(&spec);
    let warnings = target.warnings(&spec.release).await;
    if !warnings.is_empty() {
        assert!(warnings[0].contains("the memory limit of eater cannot be kept"), "{warnings:?}");
        println!("NOT RUN: no memory control group here: {warnings:?}");
        return;
    }
    target.start(world.generation, &spec).await.unwrap();
    let seen = observed(&*target, &slot, "a crash loop", |seen| {
        matches!(seen[0].state, InstanceState::CrashLoop { .. })
    })
    .await;
    assert_eq!(seen[0].last_exit, Some(Exit::Signal { signal: 9, out_of_memory: true }));
    assert!(!lines(&*target, &slot, "eater").await.iter().any(|line| line.starts_with("ate")));
    target.stop(world.generation, &slot).await.unwrap();
    assert_eq!(groups_named(&world.state_id()), Vec::<String>::new(), "control groups were left over");
}

#[tokio::test]
async fn limits_are_set_and_a_kill_from_outside_is_not_blamed_on_memory() {
    let world = World::new();
    let target = world.target().await;
    let mut service = shell("web", "cat /proc/self/cgroup; exec sleep 1000");
    service.limits.memory = Some(64 * 1024 * 1024);
    service.limits.cpu_millis = Some(500);
    service.health.start_period = std::time::Duration::ZERO;
    let spec = blue(release(1, "", vec![service]));
    let slot = reference(&spec);
    let warnings = target.warnings(&spec.release).await;
    if !warnings.is_empty() {
        println!("NOT RUN: no control groups here: {warnings:?}");
        return;
    }
    let started = target.start(world.generation, &spec).await.unwrap();
    eventually("the instance in its groups", async || {
        let own = lines(&*target, &slot, "web").await;
        own.iter()
            .any(|line| line.contains(&format!("bascule/{}/{}", world.state_id(), started[0].id)))
            .then_some(())
    })
    .await;
    let process = rustix::process::Pid::from_raw(pid(&started[0])).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    let seen = observed(&*target, &slot, "a restart", |seen| seen[0].restarts == 1).await;
    assert_eq!(seen[0].last_exit, Some(Exit::Signal { signal: 9, out_of_memory: false }));
    target.stop(world.generation, &slot).await.unwrap();
    assert_eq!(groups_named(&world.state_id()), Vec::<String>::new(), "control groups were left over");
}

/// Control groups of any hierarchy with this name.
fn groups_named(name: &str) -> Vec<String> {
    let mut waiting = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name() == name {
                    found.push(entry.path().display().to_string());
                }
                waiting.push(entry.path());
            }
        }
    }
    found
}
