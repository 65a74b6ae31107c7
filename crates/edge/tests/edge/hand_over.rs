//! A new edge in the place of the old one, and an edge that dies.

use std::time::Duration;

use bascule_model::ids::Slot;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::client::{Http1, get, read_to_end, text};
use crate::support::edge::{Edge, key};
use crate::support::instance::Instance;
use crate::support::load::{Load, Mix};
use crate::support::websocket::WebSocket;

#[tokio::test]
async fn a_new_edge_takes_over_under_load_without_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut edge = Edge::start(folder.path(), "").await;
    let instance = Instance::start("blue").await;
    let address = edge.serve(&[instance.address]).await;
    let load = Load::start(address, Mix::Everything);
    for _ in 0..3 {
        load.more(100).await;
        let successor = Edge::start(folder.path(), "").await;
        edge.client.closed().await;
        assert_eq!(successor.client.state().await.unwrap().listeners, [address]);
        load.more(100).await;
        edge.ended().await;
        edge = successor;
    }
    assert_eq!(load.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_the_old_edge_still_serves_follows_switches_and_takes_part_in_drains() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let (blue, green) = (Instance::start("blue").await, Instance::start("green").await);
    let address = edge.serve(&[blue.address]).await;
    edge.put(address, Slot::Green, "r2", &[green.address]).await;
    let mut kept = Http1::connect(address).await.unwrap();
    assert_eq!(text(&kept.get("/").await.unwrap()), "blue");
    let mut socket = WebSocket::connect(address).await.unwrap();
    socket.echo("old").await.unwrap();

    let successor = Edge::start(folder.path(), "").await;
    successor.switch(Slot::Green, "r2").await;
    assert_eq!(text(&kept.get("/").await.unwrap()), "green", "the old edge follows");
    let limit = Duration::from_secs(1);
    let key = key();
    let draining = successor.client.drain(successor.fence(), &key, Slot::Blue, limit);
    let (report, _) = tokio::join!(draining, socket.closed());
    let report = report.unwrap();
    assert!(report.completed && report.waited_ms > 500, "the old edge's socket counts: {report:?}");
}

#[tokio::test]
async fn a_killed_edge_leaves_new_connections_waiting_and_none_refused() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instance = Instance::start("blue").await;
    let (address, socket) = edge.listen().await;
    edge.put(address, Slot::Blue, "r1", &[instance.address]).await;
    edge.switch(Slot::Blue, "r1").await;
    edge.kill();
    // Held here as well: the connections wait.
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        waiting.push(stream);
    }
    let edge = Edge::start(folder.path(), "").await;
    edge.client.give_listener(address, socket).await.unwrap();
    for stream in &mut waiting {
        assert!(read_to_end(stream).await.ends_with("blue"));
    }
}

#[tokio::test]
async fn the_sockets_can_be_had_back_from_a_running_edge() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instance = Instance::start("blue").await;
    let mut addresses = Vec::new();
    for _ in 0..40 {
        addresses.push(edge.listen().await.0);
    }
    addresses.sort_unstable();
    let taken = edge.client.take_listeners().await.unwrap();
    assert_eq!(taken.iter().map(|(address, _)| *address).collect::<Vec<_>>(), addresses);
    edge.put(addresses[0], Slot::Blue, "r1", &[instance.address]).await;
    edge.switch(Slot::Blue, "r1").await;
    edge.kill();
    let edge = Edge::start(folder.path(), "").await;
    for (address, socket) in taken {
        edge.client.give_listener(address, socket).await.unwrap();
    }
    assert_eq!(text(&get(addresses[0], "/").await), "blue");
    edge.client.close_listener(addresses[1]).await.unwrap();
    assert!(TcpStream::connect(addresses[1]).await.is_err(), "nobody holds it any more");
}

#[tokio::test]
async fn told_to_end_it_finishes_what_it_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let mut edge = Edge::start(folder.path(), "").await;
    let instance = Instance::start("blue").await;
    let address = edge.serve(&[instance.address]).await;
    let mut client = Http1::connect(address).await.unwrap();
    let events = tokio::spawn(async move { client.get("/events").await.unwrap() });
    crate::support::eventually("it is in flight", async || {
        edge.client.metrics(&key()).await.unwrap()[0].total().in_flight == 1
    })
    .await;
    edge.terminate();
    assert!(text(&events.await.unwrap()).ends_with("data: 5\n\n"));
    edge.ended().await;
}
