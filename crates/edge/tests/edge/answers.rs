//! What instances may answer, and what reaches the client of it; on both ways through the edge.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::Nobody;
use crate::support::client::{Http1, get, raw, read_until, text};
use crate::support::edge::{Edge, key};
use crate::support::instance::{Instance, full};
use crate::support::scripted::{OK, head, scripted};

async fn edge() -> (tempfile::TempDir, Edge) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    (folder, edge)
}

/// A request as most are, and one that the HTTP library reads.
const WAYS: [Option<(&str, &str)>; 2] = [None, Some(("te", "trailers"))];

fn request(method: Method, way: Option<(&str, &str)>) -> Request<crate::support::instance::Body> {
    let mut request = Request::builder().method(method).uri("/").header("host", "a");
    if let Some((name, value)) = way {
        request = request.header(name, value);
    }
    request.body(full("")).unwrap()
}

/// Answers, the status that comes of each, and the body; those of which the connection to the instance closes at the end.
const ANSWERS: &[(&str, u16, &str)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""),
    ("HTTP/1.1 500 Oh\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 500, "hello"),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, ""),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=\"b\"\r\nllo\r\n0\r\n\r\n",
        200,
        "hello",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
        200,
        "hello",
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, ""),
    ("HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 200, "hello"),
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        200,
        "hello",
    ),
];

/// Answers each request with this text, cut in two at the place that the request's number says.
async fn cutting(text: &'static str) -> std::net::SocketAddr {
    let number = Arc::new(AtomicUsize::new(0));
    let until_close = !text.contains("Content-Length") && !text.contains("chunked") && text.contains("200");
    scripted(move |_, mut stream| {
        let number = Arc::clone(&number);
        async move {
            stream.set_nodelay(true).unwrap();
            while !head(&mut stream).await.is_empty() {
                let cut = number.fetch_add(1, Ordering::Relaxed) % text.len();
                for part in [&text[..cut], &text[cut..]] {
                    stream.write_all(part.as_bytes()).await.unwrap();
                    // Time for the edge to read the first part by itself; the outcome must not depend on it.
                    tokio::time::sleep(std::time::Duration::from_micros(300)).await;
                }
                if until_close {
                    return;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn every_framing_is_understood_wherever_it_is_cut() {
    let (_folder, edge) = edge().await;
    for (answer, status, body) in ANSWERS {
        let address = edge.serve(&[cutting(answer).await]).await;
        for way in WAYS {
            let mut client = Http1::connect(address).await.unwrap();
            for cut in 0..answer.len() {
                let response = client.send(request(Method::GET, way)).await;
                let response = response.unwrap_or_else(|error| panic!("{answer} cut at {cut}: {error}"));
                assert_eq!(
                    (response.status().as_u16(), text(&response)),
                    (*status, *body),
                    "{answer} cut at {cut}"
                );
                assert!(response.headers().contains_key("date"), "{answer}");
            }
        }
        let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
        assert_eq!((counts.in_flight, counts.upstream_failures), (0, 0), "{answer}");
        edge.client.remove_environment(edge.fence(), &key()).await.unwrap();
    }
}

#[tokio::test]
async fn a_head_alone_is_the_whole_answer_to_head() {
    let (_folder, edge) = edge().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let instance = scripted(move |_, mut stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            loop {
                let head = head(&mut stream).await;
                let answer = match head.split(' ').next() {
                    Some("HEAD") => &OK[..OK.len() - 2],
                    Some("GET") => OK,
                    _ => return,
                };
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    let address = edge.serve(&[instance.await]).await;
    let mut client = Http1::connect(address).await.unwrap();
    for way in [WAYS, WAYS].concat() {
        let response = client.send(request(Method::HEAD, way)).await.unwrap();
        assert_eq!((&response.headers()["content-length"], text(&response)), (&"2".parse().unwrap(), ""));
        assert_eq!(text(&client.send(request(Method::GET, way)).await.unwrap()), "ok");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1, "the connection was used again");
}

#[tokio::test]
async fn what_follows_an_answer_is_not_the_answer_to_the_next_request() {
    const FORGED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let (_folder, edge) = edge().await;
    for at_once in [true, false] {
        let (said, mut heard) = mpsc::unbounded_channel();
        let instance = scripted(move |number, mut stream| {
            let said = said.clone();
            async move {
                head(&mut stream).await;
                if at_once {
                    stream.write_all(&[OK, FORGED].concat()).await.unwrap();
                } else {
                    stream.write_all(OK).await.unwrap();
                    stream.write_all(FORGED).await.unwrap();
                }
                said.send(number).unwrap();
                head(&mut stream).await;
            }
        });
        let address = edge.serve(&[instance.await]).await;
        let mut client = Http1::connect(address).await.unwrap();
        for number in 0..12 {
            let method = if number % 3 == 2 { Method::POST } else { Method::GET };
            let response = client.send(request(method, WAYS[number % 2])).await.unwrap();
            assert_eq!(text(&response), "ok", "at once: {at_once}");
            assert_eq!(heard.recv().await, Some(number), "on a connection of its own");
        }
        edge.client.remove_environment(edge.fence(), &key()).await.unwrap();
    }
}

#[tokio::test]
async fn heads_without_end_are_given_up() {
    let (_folder, edge) = edge().await;
    let instance = scripted(|number, mut stream| async move {
        head(&mut stream).await;
        let length = if number % 2 == 0 { 100_000 } else { 200_000 };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: {}\r\n\r\nok", "x".repeat(length));
        // The edge may have closed before all of it is out.
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    let address = edge.serve(&[instance.await]).await;
    let fits = raw(address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(
        fits.starts_with("HTTP/1.1 200 ") && fits.len() > 100_000 && fits.ends_with("\r\n\r\nok"),
        "{} bytes",
        fits.len()
    );
    assert_eq!(get(address, "/").await.status(), 502);
}

#[tokio::test]
async fn a_broken_chunk_ends_the_response_without_its_end() {
    let (_folder, edge) = edge().await;
    for way in WAYS {
        let instance = scripted(|_, mut stream| async move {
            head(&mut stream).await;
            let answer =
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nnonsense\r\n0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            head(&mut stream).await;
        });
        let address = edge.serve(&[instance.await]).await;
        let mut client = Http1::connect(address).await.unwrap();
        assert!(client.send(request(Method::GET, way)).await.is_err(), "it must not look whole");
        let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
        assert_eq!((counts.cut_responses, counts.in_flight), (1, 0));
        edge.client.remove_environment(edge.fence(), &key()).await.unwrap();
    }
}

#[tokio::test]
async fn usual_and_unusual_requests_take_turns_on_a_connection() {
    let (_folder, edge) = edge().await;
    let instance = Instance::start("r1").await;
    let address = edge.serve(&[instance.address]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let requests: &[(&[u8], &str)] = &[
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "r1"),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n", "one"),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo", "two"),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "r1"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlast", "last"),
        (b"POST /nowhere-else HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET ", "r1"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "r1"),
    ];
    for _ in 0..3 {
        for (request, expected) in requests {
            stream.write_all(request).await.unwrap();
            let answer = read_until(&mut stream, &format!("\r\n\r\n{expected}")).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{}: {answer}", request.escape_ascii());
        }
    }
    // A body that nobody reads is not taken for a request, whoever answers.
    edge.client.remove_environment(edge.fence(), &key()).await.unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let answer = read_until(&mut stream, "Request id").await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
    }
}

#[tokio::test]
async fn the_edges_own_answer_to_head_has_no_body() {
    let (_folder, edge) = edge().await;
    let gone = Nobody::new();
    let address = edge.serve(&[gone.address()]).await;
    let mut client = Http1::connect(address).await.unwrap();
    for way in WAYS {
        let response = client.send(request(Method::HEAD, way)).await.unwrap();
        assert_eq!((response.status().as_u16(), text(&response)), (502, ""));
        assert!(response.headers().contains_key("x-request-id") && response.headers().contains_key("date"));
    }
    assert_eq!(client.get("/").await.unwrap().status(), 502);
}
