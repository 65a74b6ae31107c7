//! Starting: what is begun, what it is told, where it is reached, and what is refused before anything is made.

use bascule_engine::ports::{PortError, Target};
use bascule_model::ids::{Generation, Slot};
use bascule_model::problem::Code;
use bascule_model::release::Service;
use bascule_target_docker::Reach;
use bollard::models::{ContainerCreateBody, NetworkCreateRequest};
use bollard::query_parameters::CreateContainerOptionsBuilder;

use crate::engine;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn instances_start_answer_and_are_started_once() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![Service { instances: 3, ..web() }]));
    let begun = target.start(FENCE, &spec).await.unwrap();
    assert_eq!(begun.len(), 3);
    assert!(begun.iter().all(runs), "{begun:#?}");
    for status in &begun {
        assert!(until_answers(status.address.unwrap()).await.contains("hello"));
    }
    let mut addresses: Vec<_> = begun.iter().map(|status| status.address.unwrap()).collect();
    addresses.dedup();
    assert_eq!(addresses.len(), 3);
    assert!(addresses.iter().all(|address| address.port() == 8080 && !address.ip().is_loopback()));

    let again = target.start(FENCE, &spec).await.unwrap();
    assert_eq!(again, begun, "a second start changes nothing");
    assert_eq!(target.slots().await.unwrap(), [slot(&spec)]);
    assert_eq!(world.containers().await.len(), 3);

    let name = instance(&spec, 1);
    let labels = engine::inspect(&world.docker, name.as_str()).await.config.unwrap().labels.unwrap();
    let expected = [
        ("bascule.owner", world.state_id.as_str()),
        ("bascule.app", world.state_id.as_str()),
        ("bascule.environment", "test"),
        ("bascule.release", spec.release.id.as_str()),
        ("bascule.slot", "blue"),
        ("bascule.service", "web"),
        ("bascule.n", "1"),
        ("bascule.generation", "1"),
    ];
    for (name, value) in expected {
        assert_eq!(labels.get(name).map(String::as_str), Some(value), "{name}");
    }
    target.stop(FENCE, &slot(&spec)).await.unwrap();
    assert!(world.containers().await.is_empty());
    assert!(engine::networks(&world.docker, &world.state_id).await.is_empty());
    assert!(target.observe(&slot(&spec)).await.unwrap().is_empty());
    assert!(target.slots().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_told_who_it_is_and_what_it_is_given() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let service = Service { traffic: web().traffic, ..worker("env; exec sleep 1000") };
    let spec =
        with_env(spec(world.release(1, vec![service])), &[("GREETING", "hello"), ("BASCULE_APP", "no")]);
    target.start(FENCE, &spec).await.unwrap();
    let lines = until_lines(&target, &spec, |lines| lines.len() > 8).await;
    let app = format!("BASCULE_APP={}", world.state_id);
    for line in ["GREETING=hello", "PORT=8080", app.as_str(), "BASCULE_SLOT=blue"] {
        assert!(lines.iter().any(|one| one == line), "{line}: {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_addresses_cannot_be_reached_a_port_of_this_machine_can() {
    let Some(mut world) = World::new().await else { return };
    world.reach = Some(Reach::Published);
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    let begun = target.start(FENCE, &spec).await.unwrap();
    let address = begun[0].address.unwrap();
    assert!(address.ip().is_loopback() && address.port() != 8080, "{address}");
    assert!(until_answers(address).await.contains("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_slots_stand_side_by_side_with_addresses_of_their_own() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let blue = spec(world.release(1, vec![web()]));
    let mut green = spec(world.release(2, vec![web()]));
    green.slot = Slot::Green;
    let one = target.start(FENCE, &blue).await.unwrap().remove(0);
    let other = target.start(FENCE, &green).await.unwrap().remove(0);
    assert_ne!(one.address, other.address);
    target.stop(FENCE, &slot(&blue)).await.unwrap();
    assert!(until_answers(other.address.unwrap()).await.contains("hello"));
    let third = spec(world.release(3, vec![web()]));
    let third = target.start(FENCE, &third).await.unwrap().remove(0);
    assert_ne!(third.address, one.address, "one that was just freed is not given again at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_stranger_has_is_refused_and_left_to_it() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    let name = instance(&spec, 1).to_string();
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    let image = world.image.trim_start_matches("image:").to_owned();
    let body = ContainerCreateBody { image: Some(image), ..ContainerCreateBody::default() };
    let stranger = world.docker.create_container(Some(options), body).await.unwrap().id;
    let refused = problem(target.start(FENCE, &spec).await);
    target.stop(FENCE, &slot(&spec)).await.unwrap();
    let left = world.docker.inspect_container(&name, None).await;
    engine::remove(&world.docker, &stranger).await;
    assert_eq!(refused.code, Code::NameTaken, "{refused:?}");
    assert!(refused.message.contains(&name) && refused.remedy.contains("docker rm -f"), "{refused:?}");
    assert_eq!(left.unwrap().id, Some(stranger), "a stranger's is not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_a_stranger_has_is_refused() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let request = NetworkCreateRequest { name: world.network(), ..NetworkCreateRequest::default() };
    world.docker.create_network(request).await.unwrap();
    let refused = problem(target.start(FENCE, &spec(world.release(1, vec![web()]))).await);
    world.docker.remove_network(&world.network()).await.unwrap();
    assert_eq!(refused.code, Code::NameTaken, "{refused:?}");
    assert!(target.slots().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there_is_refused() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let mut release = world.release(1, vec![web()]);
    release.artifact = format!("image:sha256:{}", "0".repeat(64));
    let refused = problem(target.start(FENCE, &spec(release)).await);
    assert_eq!(refused.code, Code::ImageUnavailable, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_generation_is_refused() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![web()]));
    target.start(Generation(5), &spec).await.unwrap();
    assert_eq!(target.start(Generation(4), &spec).await, Err(PortError::Fenced));
    assert_eq!(target.stop(Generation(4), &slot(&spec)).await, Err(PortError::Fenced));
    assert_eq!(target.prune(Generation(4), &world.key(), &[]).await, Err(PortError::Fenced));
    assert!(runs(&target.observe(&slot(&spec)).await.unwrap()[0]));
}
