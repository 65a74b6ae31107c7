//! Draining a slot that lost the traffic.

use std::time::Duration;

use bascule_edge::Refusal;
use bascule_model::ids::Slot;
use http::Request;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::client::{Http1, get, text};
use crate::support::edge::{Edge, key};
use crate::support::instance::{Instance, full};
use crate::support::websocket::WebSocket;
use crate::support::{PATIENCE, eventually};

struct Two {
    _folder: tempfile::TempDir,
    edge: Edge,
    _instances: [Instance; 2],
    address: std::net::SocketAddr,
}

async fn two() -> Two {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instances = [Instance::start("blue").await, Instance::start("green").await];
    let address = edge.serve(&[instances[0].address]).await;
    edge.put(address, Slot::Green, "r2", &[instances[1].address]).await;
    Two { _folder: folder, edge, _instances: instances, address }
}

async fn in_flight(edge: &Edge, count: u64) {
    eventually("the requests are in flight", async || {
        let state = edge.client.state().await.unwrap();
        state.environment(&key()).unwrap().slot(Slot::Blue).unwrap().in_flight == count
    })
    .await;
}

#[tokio::test]
async fn what_is_in_flight_ends_where_it_began() {
    let Two { edge, address, .. } = &two().await;
    let mut client = Http1::connect(*address).await.unwrap();
    let slow = tokio::spawn(async move { client.get("/slow").await.unwrap() });
    let mut client = Http1::connect(*address).await.unwrap();
    let events = tokio::spawn(async move { client.get("/events").await.unwrap() });
    in_flight(edge, 2).await;
    edge.switch(Slot::Green, "r2").await;
    let report = edge.client.drain(edge.fence(), &key(), Slot::Blue, PATIENCE).await.unwrap();
    assert!(report.completed && report.cut_requests == 0 && report.cut_upgraded == 0, "{report:?}");
    assert!(slow.is_finished() || slow.await.unwrap().headers()["x-release"] == "blue");
    assert!(text(&events.await.unwrap()).ends_with("data: 5\n\n"));
    // Nothing is left: at once.
    let report = edge.client.drain(edge.fence(), &key(), Slot::Blue, PATIENCE).await.unwrap();
    assert!(report.completed);
}

#[tokio::test]
async fn at_the_deadline_what_is_left_is_cut_and_counted() {
    let Two { edge, address, .. } = &two().await;
    let mut waiting = Http1::connect(*address).await.unwrap();
    let waiting = tokio::spawn(async move { waiting.get("/never").await.unwrap() });
    let mut streaming = Http1::connect(*address).await.unwrap();
    let request = Request::get("/trickle").header("host", "a").body(full("")).unwrap();
    let mut streaming = streaming.open(request).await.unwrap().into_body();
    in_flight(edge, 2).await;
    edge.switch(Slot::Green, "r2").await;
    let limit = Duration::from_millis(300);
    let report = edge.client.drain(edge.fence(), &key(), Slot::Blue, limit).await.unwrap();
    assert!(!report.completed && report.cut_requests == 2 && report.waited_ms >= 300, "{report:?}");
    assert_eq!(waiting.await.unwrap().status(), 503);
    let ended = loop {
        match streaming.frame().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(ended.is_some_and(|frame| frame.is_err()), "a cut body must not look whole");
    in_flight(edge, 0).await;
}

#[tokio::test]
async fn a_websocket_is_usable_until_shortly_before_the_deadline_and_then_told_to_go() {
    let Two { edge, address, .. } = &two().await;
    let mut socket = WebSocket::connect(*address).await.unwrap();
    socket.echo("one").await.unwrap();
    in_flight(edge, 1).await;
    edge.switch(Slot::Green, "r2").await;
    let limit = Duration::from_secs(2);
    let key = key();
    let draining = edge.client.drain(edge.fence(), &key, Slot::Blue, limit);
    let using = async {
        for _ in 0..10 {
            socket.echo("still there").await.unwrap();
        }
        socket.closed().await
    };
    let (report, close) = tokio::join!(draining, using);
    assert_eq!(close.unwrap().code, CloseCode::Away);
    let report = report.unwrap();
    assert!(report.completed && report.cut_upgraded == 0, "{report:?}");
    assert!(report.waited_ms >= 1_700, "told too early: {report:?}");
}

#[tokio::test]
async fn an_upgraded_connection_that_does_not_go_is_cut_at_the_deadline() {
    let Two { edge, address, .. } = &two().await;
    let mut stream = tokio::net::TcpStream::connect(*address).await.unwrap();
    let request = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(request).await.unwrap();
    crate::support::client::read_until(&mut stream, "\r\n\r\n").await;
    in_flight(edge, 1).await;
    edge.switch(Slot::Green, "r2").await;
    let limit = Duration::from_millis(400);
    let report = edge.client.drain(edge.fence(), &key(), Slot::Blue, limit).await.unwrap();
    assert!(!report.completed && report.cut_upgraded == 1, "{report:?}");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest.first(), Some(&0x88), "it was told before it was cut");
}

#[tokio::test]
async fn a_release_that_gets_the_traffic_back_is_not_drained_any_further() {
    let Two { edge, address, .. } = &two().await;
    let mut socket = WebSocket::connect(*address).await.unwrap();
    in_flight(edge, 1).await;
    edge.switch(Slot::Green, "r2").await;
    let limit = Duration::from_secs(3);
    let key = key();
    let draining = edge.client.drain(edge.fence(), &key, Slot::Blue, limit);
    let back = async {
        tokio::task::yield_now().await;
        edge.switch(Slot::Blue, "r1").await
    };
    let (report, _) = tokio::join!(draining, back);
    let error = report.unwrap_err();
    // The switch may have come before the drain had begun.
    assert!(
        matches!(error.refusal(), Some(Refusal::DrainOvertaken { .. } | Refusal::SlotLive { .. })),
        "{error}"
    );
    tokio::time::sleep(limit + Duration::from_millis(200)).await;
    socket.echo("not cut").await.unwrap();
    assert_eq!(text(&get(*address, "/").await), "blue");
}
