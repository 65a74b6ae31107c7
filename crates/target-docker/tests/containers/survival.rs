//! The control plane comes and goes, somebody works by hand: instances stay as they were made.

use bascule_engine::ports::Target;
use bascule_model::evidence::{Exit, InstanceState};
use bascule_model::release::{Container, Limits, OnDrift, Service, Volume, Writing};
use bollard::models::{ContainerStateStatusEnum, ContainerUpdateBody, NetworkDisconnectRequest};

use crate::engine;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_next_control_plane_finds_what_runs() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![Service { instances: 2, ..web() }]));
    let begun = target.start(FENCE, &spec).await.unwrap();
    drop(target);
    let target = world.target().await;
    let found = target.observe(&slot(&spec)).await.unwrap();
    assert_eq!(found, begun, "already at the first look");
    assert_eq!(target.start(FENCE, &spec).await.unwrap(), begun);
    drop(target);

    // One that went while nobody looked is made anew, the other one goes on.
    engine::remove(&world.docker, instance(&spec, 1).as_str()).await;
    let target = world.target().await;
    let all = until_all(&target, &slot(&spec), |all| all.iter().all(runs)).await;
    assert_eq!(all[0].address, begun[0].address);
    assert_ne!(all[0].state, begun[0].state);
    assert_eq!(all[1], begun[1]);
    assert!(until_answers(all[0].address.unwrap()).await.contains("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_made_things_of_a_predecessor_are_taken_over() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    let begun = target.start(FENCE, &spec).await.unwrap().remove(0);
    drop(target);
    let folder = world.records(&spec);
    let record = folder.join("web-1/instance.json");
    let name = instance(&spec, 1).to_string();
    let id = engine::inspect(&world.docker, &name).await.id.unwrap();

    // Made, and the death came before that was noted: it is the same container afterwards.
    let mut noted: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    noted["container"] = serde_json::Value::Null;
    noted["pid"] = serde_json::Value::Null;
    std::fs::write(&record, noted.to_string()).unwrap();
    let target = world.target().await;
    let found = until(&target, &slot(&spec), runs).await;
    assert_eq!(found.address, begun.address);
    assert_eq!(engine::inspect(&world.docker, &name).await.id.unwrap(), id);
    drop(target);

    // Made from something else: it is replaced.
    noted["spec"] = "another".into();
    std::fs::write(&record, noted.to_string()).unwrap();
    let target = world.target().await;
    let found = until(&target, &slot(&spec), runs).await;
    assert_eq!(found.address, begun.address);
    assert_ne!(engine::inspect(&world.docker, &name).await.id.unwrap(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_did_by_hand_is_mended_and_told() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let limits = Limits { memory: Some(64 * 1024 * 1024), ..Limits::default() };
    let spec = spec(world.release(1, vec![Service { limits, ..web() }]));
    let begun = target.start(FENCE, &spec).await.unwrap().remove(0);
    let (docker, name, place) = (&world.docker, instance(&spec, 1).to_string(), slot(&spec));
    let told = |text: &'static str| {
        let (target, place) = (&target, place.clone());
        async move {
            let begun = std::time::Instant::now();
            loop {
                let drift = target.drift(&place).await;
                if drift.iter().any(|one| one.contains(text)) {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{text}: {drift:?}");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    };
    let well = || async {
        let now = until(&target, &place, runs).await;
        assert_eq!(now.address, begun.address);
        assert_eq!(now.restarts, 0, "it is not its own fault");
        assert!(until_answers(now.address.unwrap()).await.contains("hello"));
    };

    engine::remove(docker, &name).await;
    told("had been removed by hand").await;
    well().await;
    docker.stop_container(&name, None).await.unwrap();
    told("had been stopped by hand").await;
    well().await;
    docker.pause_container(&name).await.unwrap();
    told("had been paused").await;
    well().await;
    let more = 128 * 1024 * 1024;
    let update =
        ContainerUpdateBody { memory: Some(more), memory_swap: Some(more), ..ContainerUpdateBody::default() };
    docker.update_container(&name, update).await.unwrap();
    told("had other limits").await;
    assert_eq!(engine::inspect(docker, &name).await.host_config.unwrap().memory, Some(64 * 1024 * 1024));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_taken_out_of_its_network_is_put_back() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    let begun = target.start(FENCE, &spec).await.unwrap().remove(0);
    let name = instance(&spec, 1).to_string();
    let out = NetworkDisconnectRequest { container: name.clone(), force: Some(true) };
    world.docker.disconnect_network(&world.network(), out).await.unwrap();
    // The engine tells nobody of it: the next look sees it.
    world.docker.pause_container(&name).await.unwrap();
    assert!(until_answers(begun.address.unwrap()).await.contains("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_did_by_hand_is_only_told_where_that_is_the_policy() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let mut release = world.release(1, vec![web()]);
    release.drift = OnDrift::Report;
    let spec = spec(release);
    target.start(FENCE, &spec).await.unwrap();
    let (name, place) = (instance(&spec, 1).to_string(), slot(&spec));

    world.docker.stop_container(&name, None).await.unwrap();
    until(&target, &place, |status| status.state == InstanceState::Gone).await;
    assert_eq!(target.drift(&place).await, [format!("{name} was stopped by hand")]);
    drop(target);
    let target = world.target().await;
    until_all(&target, &place, |all| !all.is_empty()).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(target.drift(&place).await, [format!("{name} was stopped by hand")], "also by the next one");

    world.docker.start_container(&name, None).await.unwrap();
    until(&target, &place, runs).await;
    engine::remove(&world.docker, &name).await;
    until(&target, &place, |status| status.state == InstanceState::Gone).await;
    assert_eq!(target.drift(&place).await, [format!("{name} was removed by hand")]);
    target.stop(FENCE, &place).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_did_while_nobody_looked_is_seen_afterwards() {
    let Some(world) = World::new().await else { return };
    for policy in [OnDrift::Report, OnDrift::Repair] {
        for by_kill in [false, true] {
            let target = world.target().await;
            let mut release = world.release(1, vec![web()]);
            release.drift = policy;
            let spec = spec(release);
            let begun = target.start(FENCE, &spec).await.unwrap().remove(0);
            let (name, place) = (instance(&spec, 1).to_string(), slot(&spec));
            drop(target);
            if by_kill {
                world.docker.kill_container(&name, None).await.unwrap();
            } else {
                world.docker.stop_container(&name, None).await.unwrap();
            }
            let target = world.target().await;
            if policy == OnDrift::Report {
                let begun = std::time::Instant::now();
                while target.drift(&place).await != [format!("{name} was stopped by hand")] {
                    assert!(begun.elapsed() < PATIENCE, "{:?}", target.observe(&place).await);
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                until(&target, &place, |status| status.state == InstanceState::Gone).await;
            } else {
                let now = until(&target, &place, runs).await;
                assert_eq!((now.address, now.restarts, now.last_exit), (begun.address, 0, None));
                let drift = target.drift(&place).await;
                assert!(drift[0].contains("had been stopped by hand"), "{drift:?}");
            }
            target.stop(FENCE, &place).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_its_own_while_nobody_looked_is_nobodys_hand() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let folder = tempfile::tempdir().unwrap();
    let container = Container {
        volumes: vec![Volume {
            source: folder.path().display().to_string(),
            target: "/told".to_owned(),
            writing: Writing::ReadOnly,
        }],
        ..Container::default()
    };
    let worker = worker("while [ ! -e /told/end ]; do sleep 0.1; done; exit 4");
    let mut release = world.release(1, vec![Service { container: Some(container), ..worker }]);
    release.drift = OnDrift::Report;
    let spec = spec(release);
    target.start(FENCE, &spec).await.unwrap();
    drop(target);
    std::fs::write(folder.path().join("end"), "").unwrap();
    let begun = std::time::Instant::now();
    let name = instance(&spec, 1);
    while engine::status(&world.docker, name.as_str()).await != Some(ContainerStateStatusEnum::EXITED) {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let target = world.target().await;
    let place = slot(&spec);
    until(&target, &place, |status| status.last_exit == Some(Exit::Code { code: 4 })).await;
    assert!(target.drift(&place).await.is_empty(), "{:?}", target.drift(&place).await);
    target.stop(FENCE, &place).await.unwrap();
}
