//! Stopping and pruning: signal, grace, kill, and nothing left.

use std::time::Duration;

use bascule_engine::ports::Target;
use bascule_model::release::{Service, Stop};
use bollard::models::ContainerStateStatusEnum;

use crate::engine;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_asked_before_it_is_killed() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let polite = spec(
        world.release(1, vec![worker("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done")]),
    );
    target.start(FENCE, &polite).await.unwrap();
    until_lines(&target, &polite, |lines| lines == ["up"]).await;
    target.stop(FENCE, &slot(&polite)).await.unwrap();
    assert_eq!(lines(&target, &polite).await, ["up", "bye"], "its last words are kept");

    let service = Service {
        stop: Stop { signal: 15, grace: Duration::from_millis(300) },
        ..worker("trap '' TERM; echo up; while :; do sleep 0.1; done")
    };
    let deaf = spec(world.release(2, vec![service]));
    target.start(FENCE, &deaf).await.unwrap();
    until_lines(&target, &deaf, |lines| lines == ["up"]).await;
    target.stop(FENCE, &slot(&deaf)).await.unwrap();
    assert!(world.containers().await.is_empty());
    target.stop(FENCE, &slot(&deaf)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_instance_is_stopped_as_well() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let mut release = world.release(1, vec![web()]);
    release.drift = bascule_model::release::OnDrift::Report;
    let spec = spec(release);
    target.start(FENCE, &spec).await.unwrap();
    world.docker.pause_container(instance(&spec, 1).as_str()).await.unwrap();
    target.stop(FENCE, &slot(&spec)).await.unwrap();
    assert!(world.containers().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_a_death_interrupted_is_ended_by_the_next() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    target.start(FENCE, &spec).await.unwrap();
    drop(target);
    // As a control plane leaves it that died right after it began.
    let folder = world.records(&spec);
    std::fs::write(folder.join("stopping"), "").unwrap();
    engine::remove(&world.docker, instance(&spec, 1).as_str()).await;
    let target = world.target().await;
    assert_eq!(target.slots().await.unwrap(), [slot(&spec)]);
    assert_eq!(target.observe(&slot(&spec)).await.unwrap().len(), 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(world.containers().await.is_empty(), "nobody starts it again");
    target.stop(FENCE, &slot(&spec)).await.unwrap();
    assert!(target.slots().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_is_pruned_and_what_stands_is_not() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let gone = spec(world.release(1, vec![worker("echo old; exec sleep 1000")]));
    target.start(FENCE, &gone).await.unwrap();
    until_lines(&target, &gone, |lines| lines == ["old"]).await;
    let stands = spec(world.release(2, vec![web()]));
    target.start(FENCE, &stands).await.unwrap();
    target.stop(FENCE, &slot(&gone)).await.unwrap();
    assert_eq!(lines(&target, &gone).await, ["old"]);
    assert_eq!(
        target.unneeded(&world.key(), &[]).await.unwrap(),
        [],
        "what stands is needed, and so is its network"
    );
    target.prune(FENCE, &world.key(), &[]).await.unwrap();
    assert!(lines(&target, &gone).await.is_empty());
    let name = instance(&stands, 1);
    assert_eq!(engine::status(&world.docker, name.as_str()).await, Some(ContainerStateStatusEnum::RUNNING));
    assert_eq!(engine::networks(&world.docker, &world.state_id).await, [world.network()]);
}
