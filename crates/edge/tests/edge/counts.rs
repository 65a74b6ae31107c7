//! Clients and instances that do anything at all, and what the edge counts meanwhile.

use std::time::Duration;

use bascule_model::ids::Slot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::edge::{Edge, key};
use crate::support::eventually;
use crate::support::scripted::{OK, head, scripted};

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
