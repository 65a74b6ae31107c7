//! HTTP/2 with prior knowledge.

use http::{HeaderMap, Request};
use http_body_util::BodyExt;

use crate::support::client::{Http2, text};
use crate::support::edge::{Edge, key};
use crate::support::instance::{Instance, full};
use crate::support::load::long_body;

async fn one() -> (tempfile::TempDir, Edge, Instance, std::net::SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    (folder, edge, instance, address)
}

#[tokio::test]
async fn an_instance_sees_a_plain_http_1_1_request() {
    let (_folder, _edge, _instance, address) = one().await;
    let mut client = Http2::connect(address).await.unwrap();
    let request = Request::get(format!("http://{address}/headers?x=1"))
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("x-forwarded-for", "6.6.6.6")
        .body(full(""))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let seen = text(&response);
    assert!(seen.starts_with("GET /headers?x=1\n"), "{seen}");
    assert!(
        seen.contains(&format!("\nhost: {address}\n")) && seen.contains("\ncookie: a=1; b=2\n"),
        "{seen}"
    );
    assert!(seen.contains("\nx-forwarded-for: 127.0.0.1\n") && !seen.contains("content-length"), "{seen}");
}

#[tokio::test]
async fn many_streams_share_a_connection() {
    let (_folder, edge, _instance, address) = one().await;
    let client = Http2::connect(address).await.unwrap();
    let mut streams = tokio::task::JoinSet::new();
    for n in 0..60 {
        let mut client = client.clone();
        streams.spawn(async move {
            let uri = |path: &str| format!("http://{address}{path}");
            match n % 4 {
                0 => {
                    let response =
                        client.send(Request::post(uri("/up")).body(long_body()).unwrap()).await.unwrap();
                    assert_eq!(text(&response), "20971520");
                }
                1 => {
                    let response =
                        client.send(Request::get(uri("/events")).body(full("")).unwrap()).await.unwrap();
                    assert!(text(&response).ends_with("data: 5\n\n"));
                }
                2 => {
                    let request = Request::post(uri("/echo")).body(full("small")).unwrap();
                    assert_eq!(text(&client.send(request).await.unwrap()), "small");
                }
                _ => assert_eq!(
                    client.send(Request::get(uri("/")).body(full("")).unwrap()).await.unwrap().status(),
                    200
                ),
            }
        });
    }
    while let Some(stream) = streams.join_next().await {
        stream.unwrap();
    }
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!((counts.requests, counts.status[1], counts.in_flight), (60, 60, 0));
}

#[tokio::test]
async fn fields_of_a_hop_and_bodies_of_another_length_are_refused() {
    let (_folder, _edge, _instance, address) = one().await;
    for (name, value) in
        [("connection", "close"), ("transfer-encoding", "chunked"), ("te", "gzip"), ("upgrade", "x")]
    {
        let mut client = raw::Client::connect(address).await;
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        assert_refused(client.request(headers, "").await, name);
    }
    let mut headers = HeaderMap::new();
    headers.insert("content-length", "3".parse().unwrap());
    assert_refused(raw::Client::connect(address).await.request(headers, "longer than that").await, "length");
}

fn assert_refused(outcome: raw::Outcome, what: &str) {
    match outcome {
        raw::Outcome::Reset => {}
        raw::Outcome::Status(status) => assert!(status == 400 || status == 502, "{what}: {status}"),
    }
}

#[tokio::test]
async fn a_stream_that_the_client_resets_is_over() {
    let (_folder, edge, _instance, address) = one().await;
    let mut client = Http2::connect(address).await.unwrap();
    let request = Request::get(format!("http://{address}/trickle")).body(full("")).unwrap();
    let mut body = client.open(request).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    crate::support::eventually("nothing is in flight", async || {
        edge.client.metrics(&key()).await.unwrap()[0].total().in_flight == 0
    })
    .await;
    let request = Request::get(format!("http://{address}/")).body(full("")).unwrap();
    assert_eq!(client.send(request).await.unwrap().status(), 200);
}

/// Frames written by hand, because no library sends what it must not.
mod raw {
    use std::net::SocketAddr;

    use http::HeaderMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[derive(Clone, Copy)]
    pub enum Outcome {
        Reset,
        Status(u16),
    }

    pub struct Client(TcpStream);

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// A header field without compression (RFC 7541, 6.2.2).
    fn field(name: &str, value: &str) -> Vec<u8> {
        let mut field = vec![0, name.len() as u8];
        field.extend(name.bytes());
        field.push(value.len() as u8);
        field.extend(value.bytes());
        field
    }

    impl Client {
        pub async fn connect(address: SocketAddr) -> Self {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
            stream.write_all(&frame(4, 0, 0, &[])).await.unwrap();
            Self(stream)
        }

        pub async fn request(&mut self, headers: HeaderMap, body: &str) -> Outcome {
            let mut block = Vec::new();
            for (name, value) in
                [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/echo")]
            {
                block.extend(field(name, value));
            }
            for (name, value) in &headers {
                block.extend(field(name.as_str(), value.to_str().unwrap()));
            }
            self.0.write_all(&frame(1, 4, 1, &block)).await.unwrap();
            self.0.write_all(&frame(0, 1, 1, body.as_bytes())).await.unwrap();
            loop {
                let mut head = [0; 9];
                if self.0.read_exact(&mut head).await.is_err() {
                    return Outcome::Reset;
                }
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                let mut payload = vec![0; length];
                self.0.read_exact(&mut payload).await.unwrap();
                match head[3] {
                    // HEADERS: an indexed `:status` of the static table, or a literal one.
                    1 => {
                        return Outcome::Status(match payload[0] {
                            0x88 => 200,
                            0x8c => 400,
                            _ => 502,
                        });
                    }
                    3 | 7 => return Outcome::Reset,
                    _ => {}
                }
            }
        }
    }
}
