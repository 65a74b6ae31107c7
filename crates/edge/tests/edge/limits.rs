//! Clients that take too much or too long.

use std::time::Duration;

use http::Request;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::client::{Http1, get, read_to_end, read_until};
use crate::support::edge::{Edge, key};
use crate::support::eventually;
use crate::support::instance::{Instance, full};

async fn with(limits: &str) -> (tempfile::TempDir, Edge, Instance, std::net::SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), limits).await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    (folder, edge, instance, address)
}

#[tokio::test]
async fn a_head_that_drips_is_answered_408_and_reaches_nobody() {
    let (_folder, _edge, instance, address) = with("head_timeout=300").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let dripping = async {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
        let (read, mut write) = stream.split();
        let drip = async {
            while write.write_all(b"X: 1\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        };
        let mut read = read;
        let mut answer = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut read, &mut answer);
        tokio::select! { _ = drip => {}, _ = reading => {} }
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), dripping).await.expect("it drips on");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(instance.served(), 0);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let (_folder, edge, _instance, address) = with("head_timeout=1000,idle_timeout=2000").await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(read_to_end(&mut silent).await, "");
    let mut served = TcpStream::connect(address).await.unwrap();
    served.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut served).await.ends_with("r1"), "closed after it was idle");
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"PRI * HT").await.unwrap();
    assert_eq!(read_to_end(&mut half).await, "");
    eventually("no connection is left", async || edge.client.state().await.unwrap().connections == 0).await;
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    let (_folder, edge, _instance, address) = with("body_idle_timeout=300").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(edge.client.metrics(&key()).await.unwrap()[0].total().in_flight, 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let (_folder, edge, _instance, address) = with("body_idle_timeout=300").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /down HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    eventually("it is in flight", async || {
        edge.client.metrics(&key()).await.unwrap()[0].total().requests == 1
    })
    .await;
    eventually("it is cut", async || edge.client.metrics(&key()).await.unwrap()[0].total().in_flight == 0)
        .await;
    drop(stream);
}

#[tokio::test]
async fn a_stream_that_is_silent_is_not_cut() {
    let (_folder, _edge, _instance, address) =
        with("body_idle_timeout=100,upstream_timeout=100,idle_timeout=100").await;
    let response = get(address, "/events").await;
    assert!(response.body().ends_with(b"data: 5\n\n"));
}

#[tokio::test]
async fn above_the_connection_limit_a_client_is_told_so() {
    let (_folder, edge, _instance, address) = with("connections=3").await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut client = Http1::connect(address).await.unwrap();
        assert_eq!(client.get("/").await.unwrap().status(), 200);
        kept.push(client);
    }
    let mut refused = TcpStream::connect(address).await.unwrap();
    let answer = read_to_end(&mut refused).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("Too many connections"), "{answer}");
    drop(kept);
    eventually("there is room again", async || edge.client.state().await.unwrap().connections == 0).await;
    assert_eq!(get(address, "/").await.status(), 200);
}

#[tokio::test]
async fn a_body_that_nobody_reads_ends_the_connection_after_the_answer() {
    let (_folder, edge, _instance, address) = with("").await;
    edge.client.remove_environment(edge.fence(), &key()).await.unwrap();
    let mut client = Http1::connect(address).await.unwrap();
    let request = Request::post("/nowhere").header("host", "a").body(full(vec![1; 4_000_000])).unwrap();
    // The whole body fits nowhere: the answer has to be readable all the same.
    assert_eq!(client.open(request).await.unwrap().status(), 404);
    eventually("the connection ends", async || edge.client.state().await.unwrap().connections == 0).await;
}

#[tokio::test]
async fn a_client_that_goes_while_it_waits_takes_its_request_with_it() {
    let (_folder, edge, _instance, address) = with("").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let in_flight = async || edge.client.metrics(&key()).await.unwrap()[0].total().in_flight;
    eventually("it is in flight", async || in_flight().await == 1).await;
    drop(stream);
    eventually("it is given up", async || in_flight().await == 0).await;
}

#[tokio::test]
async fn a_client_that_has_said_all_it_has_to_say_is_answered() {
    let (_folder, _edge, _instance, address) = with("").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("slow"));
}

const USUAL: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UNUSUAL: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n";

#[tokio::test]
async fn a_connection_that_has_rested_goes_on_where_it_was() {
    let (_folder, edge, _instance, address) = with("idle_timeout=20000").await;
    let mut client = Http1::connect(address).await.unwrap();
    for _ in 0..3 {
        assert_eq!(client.get("/").await.unwrap().status(), 200);
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    let mut by_hand = TcpStream::connect(address).await.unwrap();
    by_hand.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    read_until(&mut by_hand, "r1").await;
    // What the HTTP library is left with for a while, and then gives up.
    for request in [UNUSUAL, UNUSUAL, UNUSUAL, USUAL, UNUSUAL] {
        by_hand.write_all(request).await.unwrap();
        read_until(&mut by_hand, "r1").await;
    }
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    for request in [USUAL, UNUSUAL, USUAL] {
        by_hand.write_all(request).await.unwrap();
        read_until(&mut by_hand, "r1").await;
    }
    by_hand.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut by_hand).await.starts_with("HTTP/1.1 400 "), "read as strictly as before");
    drop(client);
    eventually("no connection is left", async || edge.client.state().await.unwrap().connections == 0).await;
}
