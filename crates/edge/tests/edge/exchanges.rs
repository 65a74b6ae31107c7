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

/// A fixed sequence of numbers that look like chance.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

/// What instances answer: whole, broken and cut.
const ANSWERS: &[&[u8]] = &[
    OK,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    b"HTTP/1.1 20",
    b"",
];

const REQUESTS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
];

/// Sends some requests, whole or not, all at once or not, reads or does not, and goes away in good order or not.
async fn annoy(address: std::net::SocketAddr, seed: u64) {
    let mut numbers = Numbers(seed);
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..1 + numbers.next(5) {
        let mut bytes = Vec::new();
        for _ in 0..1 + numbers.next(3) {
            bytes.extend_from_slice(REQUESTS[numbers.next(REQUESTS.len())]);
        }
        let cut = numbers.next(bytes.len());
        let parts = [&bytes[..cut], &bytes[cut..]];
        for part in if numbers.next(4) == 0 { &parts[..1] } else { &parts[..] } {
            // The edge may have ended the connection.
            let _ = stream.write_all(part).await;
            if numbers.next(2) == 0 {
                tokio::task::yield_now().await;
            }
        }
        if numbers.next(3) > 0 {
            let mut buffer = [0; 4096];
            let _ = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut buffer)).await;
        }
    }
    if numbers.next(2) == 0 {
        let _ = stream.shutdown().await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whatever_happens_every_request_is_counted_in_and_out() {
    let folder = tempfile::tempdir().unwrap();
    let edge =
        Edge::start(folder.path(), "head_timeout=500,body_idle_timeout=500,upstream_timeout=500").await;
    let instance = async |seed: u64| {
        scripted(move |number, mut stream| async move {
            let mut numbers = Numbers(seed + number as u64);
            while !head(&mut stream).await.is_empty() {
                let answer = ANSWERS[numbers.next(ANSWERS.len())];
                if stream.write_all(answer).await.is_err() || numbers.next(2) == 0 {
                    return;
                }
            }
        })
        .await
    };
    let address = edge.serve(&[instance(1).await, instance(2).await, instance(3).await]).await;
    for round in 0..8 {
        futures_util::future::join_all((0..100).map(|client| annoy(address, round * 1000 + client))).await;
    }
    eventually("no connection is left", async || edge.client.state().await.unwrap().connections == 0).await;
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!((counts.in_flight, counts.upgraded_open), (0, 0));
    let answered: u64 = counts.status.iter().sum();
    assert!(answered <= counts.requests && answered == counts.latency.count(), "{counts:?}");
    assert!(counts.cut_responses <= counts.upstream_failures, "{counts:?}");
    let state = edge.client.state().await.unwrap();
    assert_eq!(state.environment(&key()).unwrap().slot(Slot::Blue).unwrap().in_flight, 0);
    edge.put(address, Slot::Green, "r2", &[]).await;
    edge.switch(Slot::Green, "r2").await;
    let report = edge.client.drain(edge.fence(), &key(), Slot::Blue, Duration::from_secs(10)).await.unwrap();
    assert!(report.completed && report.waited_ms < 5_000, "{report:?}");
}
