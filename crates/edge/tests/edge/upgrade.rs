//! Upgraded connections.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::client::{read_to_end, read_until};
use crate::support::edge::{Edge, key};
use crate::support::eventually;
use crate::support::instance::Instance;
use crate::support::scripted::{OK, head, scripted};
use crate::support::websocket::WebSocket;

async fn one() -> (tempfile::TempDir, Edge, Instance, std::net::SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    (folder, edge, instance, address)
}

#[tokio::test]
async fn websockets_pass_and_are_counted() {
    let (_folder, edge, _instance, address) = one().await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let mut socket = WebSocket::connect(address).await.unwrap();
        socket.echo(&"long".repeat(50_000)).await.unwrap();
        sockets.push(socket);
    }
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!((counts.upgraded_open, counts.in_flight, counts.status[0]), (5, 5, 5));
    let mut last = sockets.pop().unwrap();
    last.send("close").await.unwrap();
    last.closed().await;
    drop(sockets);
    eventually("all are gone", async || {
        let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
        counts.upgraded_open == 0 && counts.in_flight == 0
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_that_is_refused_leaves_the_connection_to_http() {
    let (_folder, _edge, _instance, address) = one().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let upgrade = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    stream.write_all(upgrade).await.unwrap();
    let answer = read_until(&mut stream, "no websocket").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("r1"));
}

#[tokio::test]
async fn any_protocol_passes_after_101_with_what_was_sent_early_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = edge.serve(&[listener.local_addr().unwrap()]).await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.contains("upgrade: ping/1\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ping/1\r\n\r\nhello",
            )
            .await
            .unwrap();
        let mut ping = [0; 9];
        stream.read_exact(&mut ping).await.unwrap();
        assert_eq!(&ping, b"earlyping");
        stream.write_all(b"pong").await.unwrap();
        // The client ends its direction: the end passes too, and the other direction stays open.
        assert_eq!(stream.read(&mut ping).await.unwrap(), 0);
        stream.write_all(b"bye").await.unwrap();
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: ping/1\r\n\r\nearly";
    stream.write_all(upgrade).await.unwrap();
    let answer = read_until(&mut stream, "hello").await;
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("upgrade: ping/1"), "{answer}");
    stream.write_all(b"ping").await.unwrap();
    read_until(&mut stream, "pong").await;
    stream.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, "bye");
    server.await.unwrap();
}

#[tokio::test]
async fn h2c_is_not_an_upgrade_here() {
    let (_folder, _edge, _instance, address) = one().await;
    let request = b"GET /headers HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("h2c"), "{answer}");
}

#[tokio::test]
async fn a_client_that_goes_before_it_is_upgraded_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let (asked, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
    let told = std::sync::Arc::clone(&go_on);
    let instance = scripted(move |_, mut stream| {
        let (asked, told) = (asked.clone(), std::sync::Arc::clone(&told));
        async move {
            head(&mut stream).await;
            asked.send(()).unwrap();
            told.notified().await;
            let switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
            let _ = stream.write_all(switched).await;
            read_to_end(&mut stream).await;
        }
    });
    let address = edge.serve(&[instance.await]).await;
    for _ in 0..5 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
            .await
            .unwrap();
        heard.recv().await.unwrap();
        // A reset, so that the 101 cannot be written.
        stream.set_zero_linger().unwrap();
        drop(stream);
        go_on.notify_one();
    }
    eventually("nothing is in flight", async || {
        let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
        counts.in_flight == 0 && edge.client.state().await.unwrap().connections == 0
    })
    .await;
}

#[tokio::test]
async fn no_protocol_is_switched_within_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instance = scripted(|_, mut stream| async move {
        head(&mut stream).await;
        let switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        stream.write_all(switched).await.unwrap();
        read_to_end(&mut stream).await;
    });
    let address = edge.serve(&[instance.await]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 10\r\n\r\n12345";
    stream.write_all(request).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn a_connection_that_was_used_before_can_be_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instance = scripted(|_, mut stream| async move {
        loop {
            let head = head(&mut stream).await;
            if head.contains("upgrade") {
                let switched =
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
                stream.write_all(switched).await.unwrap();
                let (_, early) = head.split_once("\r\n\r\n").unwrap();
                stream.write_all(early.as_bytes()).await.unwrap();
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
                return;
            } else if head.is_empty() {
                return;
            }
            stream.write_all(OK).await.unwrap();
        }
    });
    let address = edge.serve(&[instance.await]).await;
    const USUAL: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const UNUSUAL: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nTE: x\r\n\r\n";
    for before in [&[USUAL][..], &[USUAL, UNUSUAL], &[UNUSUAL, UNUSUAL, UNUSUAL], &[UNUSUAL, USUAL]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        for request in before {
            stream.write_all(request).await.unwrap();
            assert!(read_until(&mut stream, "\r\n\r\nok").await.starts_with("HTTP/1.1 200 "));
        }
        let upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\none\n";
        stream.write_all(upgrade).await.unwrap();
        assert!(read_until(&mut stream, "\r\n\r\none\n").await.starts_with("HTTP/1.1 101 "));
        stream.write_all(b"GET / HTTP/1.1\nno HTTP").await.unwrap();
        read_until(&mut stream, "no HTTP").await;
    }
}
