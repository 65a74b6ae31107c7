//! The network of an environment: made once, with a subnet that nobody has.

use std::collections::{HashMap, HashSet};

use bascule_engine::ports::Target;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::support::*;

/// The networks of this world that were made since.
async fn made(world: &World, since: &str) -> Vec<String> {
    let until = now(world).await;
    let filters = HashMap::from([("type", vec!["network".to_owned()]), ("event", vec!["create".to_owned()])]);
    let options = EventsOptionsBuilder::default().since(since).until(&until).filters(&filters).build();
    let events: Vec<_> = world.docker.events(Some(options)).collect().await;
    let names = events.into_iter().filter_map(|event| event.unwrap().actor?.attributes?.remove("name"));
    names.filter(|name| name.contains(&world.state_id)).collect()
}

/// The engine's clock, in seconds.
async fn now(world: &World) -> String {
    let time: jiff::Timestamp = world.docker.info().await.unwrap().system_time.unwrap().parse().unwrap();
    format!("{}.{:09}", time.as_second(), time.subsec_nanosecond())
}

async fn subnet(world: &World) -> String {
    let found = world.docker.inspect_network(&world.network(), None).await.unwrap();
    found.ipam.unwrap().config.unwrap().remove(0).subnet.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_once() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let since = now(&world).await;
    target.start(FENCE, &spec(world.release(1, vec![web()]))).await.unwrap();
    assert_eq!(made(&world, &since).await, [world.network()]);
}

/// All look at the same moment, and see the same subnets free.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_begin_at_once_get_subnets_of_their_own() {
    let mut worlds = Vec::new();
    for _ in 0..6 {
        let Some(world) = World::new().await else { return };
        worlds.push((world.target().await, world));
    }
    let started = worlds
        .iter()
        .map(|(target, world)| async { target.start(FENCE, &spec(world.release(1, vec![web()]))).await });
    for begun in join_all(started).await {
        assert!(until_answers(begun.unwrap()[0].address.unwrap()).await.contains("hello"));
    }
    let subnets = join_all(worlds.iter().map(|(_, world)| subnet(world))).await;
    assert_eq!(subnets.iter().collect::<HashSet<_>>().len(), worlds.len(), "{subnets:?}");
}
