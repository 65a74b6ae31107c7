//! Exchanges that do not go as they should: instances that break off, clients that take nothing or go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bascule_model::ids::Slot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use crate::support::client::{Http1, get, read_to_end, read_until};
use crate::support::edge::{Edge, key};
use crate::support::eventually;
use crate::support::instance::Instance;
use crate::support::scripted::{OK, head, scripted};

async fn edge() -> (tempfile::TempDir, Edge) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    (folder, edge)
}

async fn in_flight(edge: &Edge) -> u64 {
    edge.client.metrics(&key()).await.unwrap()[0].total().in_flight
}

/// What the HTTP library has to read, and what it has not.
const WAYS: [&str; 2] = ["", "TE: trailers\r\n"];

#[tokio::test]
async fn a_request_that_breaks_its_connection_is_repeated_once() {
    const CONNECTIONS: usize = 16;
    let (_folder, edge) = edge().await;
    let (together, broken) = (Arc::new(Barrier::new(CONNECTIONS)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&broken);
    let instance = scripted(move |_, mut stream| {
        let (together, broken) = (Arc::clone(&together), Arc::clone(&counted));
        async move {
            loop {
                let head = head(&mut stream).await;
                if head.starts_with("GET /together ") {
                    together.wait().await;
                } else if head.starts_with("GET /broken ") {
                    broken.fetch_add(1, Ordering::Relaxed);
                    return;
                } else if head.is_empty() {
                    return;
                }
                stream.write_all(OK).await.unwrap();
            }
        }
    });
    let address = edge.serve(&[instance.await]).await;
    for way in WAYS {
        let clients = (0..CONNECTIONS).map(|_| async {
            let mut client = Http1::connect(address).await.unwrap();
            assert_eq!(client.get("/together").await.unwrap().status(), 200);
        });
        // All of them at the same time: as many connections are unused afterwards.
        futures_util::future::join_all(clients).await;
        broken.store(0, Ordering::Relaxed);
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET /broken HTTP/1.1\r\nHost: a\r\n{way}\r\n").as_bytes()).await.unwrap();
        assert!(read_until(&mut stream, "Request id").await.starts_with("HTTP/1.1 502 "));
        assert_eq!(broken.load(Ordering::Relaxed), 2, "{way:?}: once, and once more");
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_does_not_outlive_the_drain() {
    let (_folder, edge) = edge().await;
    let instances = [Instance::start("blue").await, Instance::start("green").await];
    let address = edge.serve(&[instances[0].address]).await;
    edge.put(address, Slot::Green, "r2", &[instances[1].address]).await;
    let mut clients = Vec::new();
    for way in WAYS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /down HTTP/1.1\r\nHost: a\r\n{way}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_exact(&mut [0; 1024]).await.unwrap();
        clients.push(stream);
    }
    // Time for the bodies to come as far as they can.
    tokio::time::sleep(Duration::from_millis(300)).await;
    edge.switch(Slot::Green, "r2").await;
    let limit = Duration::from_millis(300);
    let report = edge.client.drain(edge.fence(), &key(), Slot::Blue, limit).await.unwrap();
    assert!(!report.completed && report.cut_requests == 2, "{report:?}");
    let state = edge.client.state().await.unwrap();
    assert_eq!(state.environment(&key()).unwrap().slot(Slot::Blue).unwrap().in_flight, 0);
    assert_eq!(get(address, "/").await.headers()["x-release"], "green");
}

#[tokio::test]
async fn a_client_that_goes_away_with_bytes_unread_takes_its_request_with_it() {
    let (_folder, edge) = edge().await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    for way in WAYS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /never HTTP/1.1\r\nHost: a\r\n{way}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        eventually("it is in flight", async || in_flight(&edge).await == 1).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        drop(stream);
        eventually("it is given up", async || in_flight(&edge).await == 0).await;
    }
}

#[tokio::test]
async fn an_empty_line_behind_a_body_means_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "head_timeout=200").await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for rest in [&b""[..], b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let request =
            [b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n", rest].concat();
        stream.write_all(&request).await.unwrap();
        assert!(read_until(&mut stream, "hello").await.starts_with("HTTP/1.1 200 "));
        // Beyond the time that a head may take.
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let answers = read_to_end(&mut stream).await;
    assert!(answers.matches("HTTP/1.1 200 ").count() == 2 && answers.ends_with("r1"), "{answers}");
}

#[tokio::test]
async fn very_many_requests_at_once_are_answered_and_hold_nobody_up() {
    const REQUESTS: usize = 20_000;
    let (_folder, edge) = edge().await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    tokio::spawn(async move {
        write.write_all(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(REQUESTS)).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut answers = vec![0; 4096];
    read.read_exact(&mut answers).await.unwrap();
    // Others have their turn, on every worker.
    for _ in 0..4 {
        assert_eq!(get(address, "/").await.status(), 200);
    }
    read.read_to_end(&mut answers).await.unwrap();
    assert_eq!(String::from_utf8(answers).unwrap().matches("HTTP/1.1 200 OK").count(), REQUESTS);
    eventually("nothing is in flight", async || in_flight(&edge).await == 0).await;
}
