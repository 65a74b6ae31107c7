//! Moving the traffic: under load, conditionally, fenced.

use bascule_edge::{EdgeError, Refusal};
use bascule_model::ids::{Generation, ReleaseId, Slot};

use crate::support::client::{Http1, get, text};
use crate::support::edge::{Edge, key, route};
use crate::support::instance::Instance;
use crate::support::load::{Load, Mix};
use crate::support::websocket::WebSocket;

#[tokio::test]
async fn switches_under_mixed_load_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let (blue, green) = (Instance::start("blue").await, Instance::start("green").await);
    let address = edge.serve(&[blue.address]).await;
    edge.put(address, Slot::Green, "r2", &[green.address]).await;
    let load = Load::start(address, Mix::Everything);
    let mut sockets = Vec::new();
    for _ in 0..8 {
        load.more(60).await;
        let mut socket = WebSocket::connect(address).await.unwrap();
        socket.echo("before").await.unwrap();
        sockets.push(socket);
        for (slot, release, instance) in [(Slot::Green, "r2", &green), (Slot::Blue, "r1", &blue)] {
            let receipt = edge.switch(slot, release).await;
            assert!(!receipt.already);
            // A request that begins after the answer goes to the new release, over a new connection as over an old one.
            let name = if instance.address == blue.address { "blue" } else { "green" };
            assert_eq!(text(&get(address, "/").await), name);
            load.more(30).await;
        }
    }
    for socket in &mut sockets {
        socket.echo("after").await.unwrap();
    }
    assert_eq!(load.stop().await, Vec::<String>::new());
    assert!(blue.served() > 100 && green.served() > 100);
}

#[tokio::test]
async fn a_kept_connection_moves_on_with_the_switch() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let (blue, green) = (Instance::start("blue").await, Instance::start("green").await);
    let address = edge.serve(&[blue.address]).await;
    edge.put(address, Slot::Green, "r2", &[green.address]).await;
    let mut client = Http1::connect(address).await.unwrap();
    for _ in 0..10 {
        assert_eq!(text(&client.get("/").await.unwrap()), "blue");
        edge.switch(Slot::Green, "r2").await;
        assert_eq!(text(&client.get("/").await.unwrap()), "green");
        edge.switch(Slot::Blue, "r1").await;
    }
}

#[tokio::test]
async fn a_switch_is_conditional_and_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let blue = Instance::start("blue").await;
    let address = edge.serve(&[blue.address]).await;
    let (r1, r2, r3) = (ReleaseId::from_text("r1"), ReleaseId::from_text("r2"), ReleaseId::from_text("r3"));
    edge.put(address, Slot::Green, "r2", &[blue.address]).await;
    let to_green = Some((Slot::Green, &r2));

    let error = edge.client.switch(edge.fence(), &key(), Some(&r3), to_green).await.unwrap_err();
    assert!(
        matches!(error.refusal(), Some(Refusal::NotAsExpected { live: Some(live), .. }) if *live == r1),
        "{error}"
    );
    let error =
        edge.client.switch(edge.fence(), &key(), Some(&r1), Some((Slot::Green, &r3))).await.unwrap_err();
    assert!(matches!(error.refusal(), Some(Refusal::NotInSlot { .. })), "{error}");
    assert_eq!(edge.live().await, Some((Slot::Blue, r1.clone())));

    assert!(!edge.client.switch(edge.fence(), &key(), Some(&r1), to_green).await.unwrap().already);
    assert!(edge.client.switch(edge.fence(), &key(), Some(&r1), to_green).await.unwrap().already);

    let error = edge.client.remove_slot(edge.fence(), &key(), Slot::Green).await.unwrap_err();
    assert!(matches!(error.refusal(), Some(Refusal::SlotLive { .. })), "{error}");
    let error =
        edge.client.drain(edge.fence(), &key(), Slot::Green, std::time::Duration::ZERO).await.unwrap_err();
    assert!(matches!(error.refusal(), Some(Refusal::SlotLive { .. })), "{error}");
    let other = route(address, Slot::Green, "r3", &[blue.address]);
    let error = edge.client.put_slot(edge.fence(), other).await.unwrap_err();
    assert!(matches!(error.refusal(), Some(Refusal::SlotLive { .. })), "{error}");
    edge.client.remove_slot(edge.fence(), &key(), Slot::Blue).await.unwrap();
    edge.client.remove_slot(edge.fence(), &key(), Slot::Blue).await.unwrap();
}

#[tokio::test]
async fn the_instances_of_a_live_release_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let (one, two) = (Instance::start("one").await, Instance::start("two").await);
    let address = edge.serve(&[one.address]).await;
    assert_eq!(text(&get(address, "/").await), "one");
    edge.put(address, Slot::Blue, "r1", &[two.address]).await;
    assert_eq!(text(&get(address, "/").await), "two");
    let metrics = &edge.client.metrics(&key()).await.unwrap()[0];
    assert_eq!(metrics.total().requests, 2, "the release's figures go on");
}

#[tokio::test]
async fn whoever_lost_the_lease_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let blue = Instance::start("blue").await;
    let address = edge.serve(&[blue.address]).await;
    let new = Generation(7);
    edge.client.put_slot(new, route(address, Slot::Green, "r2", &[blue.address])).await.unwrap();
    let (r1, r2) = (ReleaseId::from_text("r1"), ReleaseId::from_text("r2"));
    let old = Generation(6);
    let limit = std::time::Duration::from_secs(1);
    let before = edge.client.state().await.unwrap().environments;
    let refused = [
        edge.client.put_slot(old, route(address, Slot::Green, "r3", &[blue.address])).await.unwrap_err(),
        edge.client.switch(old, &key(), Some(&r1), Some((Slot::Green, &r2))).await.unwrap_err(),
        edge.client.remove_slot(old, &key(), Slot::Green).await.unwrap_err(),
        edge.client.remove_environment(old, &key()).await.unwrap_err(),
        edge.client.drain(old, &key(), Slot::Green, limit).await.unwrap_err(),
    ];
    for error in refused {
        assert!(
            matches!(error, EdgeError::Fenced { given, seen, .. } if given == old && seen == new),
            "{error}"
        );
    }
    assert_eq!(edge.client.state().await.unwrap().environments, before);
    // A switch to where the traffic is moves nothing, and is a fence as any other write.
    let newer = Generation(8);
    assert!(edge.client.switch(newer, &key(), Some(&r1), Some((Slot::Blue, &r1))).await.unwrap().already);
    let error = edge.client.switch(new, &key(), Some(&r1), Some((Slot::Green, &r2))).await.unwrap_err();
    assert!(matches!(error, EdgeError::Fenced { seen, .. } if seen == newer), "{error}");
    // The fence outlives the environment and the process.
    edge.client.remove_environment(newer, &key()).await.unwrap();
    edge.kill();
    let edge = Edge::start(folder.path(), "").await;
    let error =
        edge.client.put_slot(old, route(address, Slot::Blue, "r1", &[blue.address])).await.unwrap_err();
    assert!(matches!(error, EdgeError::Fenced { .. }), "{error}");
}
