//! Request smuggling: what is ambiguous is refused, and not one byte of it reaches an instance.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::client::{raw, read_to_end, read_until};
use crate::support::edge::Edge;

/// An instance that writes down every byte it gets, and answers each read with a response.
struct Recorder {
    address: SocketAddr,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&bytes);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let recorded = Arc::clone(&recorded);
                tokio::spawn(async move {
                    let mut buffer = [0; 65536];
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        recorded.lock().unwrap().extend_from_slice(&buffer[..count]);
                        if buffer[..count].windows(4).any(|four| four == b"\r\n\r\n") {
                            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                        }
                    }
                });
            }
        });
        Self { address, bytes }
    }

    fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.bytes.lock().unwrap())).into_owned()
    }
}

/// Requests that must be refused, each with the status that says so.
const REFUSED: &[(&str, &[u8], u16)] = &[
    ("length and coding", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400),
    ("coding and length", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG", 400),
    ("two lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("a list of lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd", 400),
    ("a signed length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
    ("a negative length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400),
    ("a length that overflows", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 400),
    ("an unknown coding", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("a coding that is hidden", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked twice", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    ("chunked not last", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
    ("two coding fields", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    ("a coding in HTTP/1.0", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("a space before the colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("a folded line", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n Transfer-Encoding: chunked\r\n\r\n", 400),
    ("a folded first line", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    ("a bare LF", b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400),
    ("bare LFs only", b"GET / HTTP/1.1\nHost: a\n\n", 400),
    ("a bare CR", b"GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n", 400),
    ("a bare CR in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", 400),
    ("a NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
    ("a NUL in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n", 400),
    ("a control character", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", 400),
    ("a line without colon", b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
    ("an empty name", b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
    ("no host", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("an empty host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("twice the same host", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("a host with user information", b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    ("a host with a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("another host in the target", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("another scheme", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("an authority as target", b"GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
    ("a bad method", b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a space in the target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a control character in the target", b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("bytes above ASCII in the target", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("a fragment", b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /\r\n\r\n", 400),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ("HTTP/2.0 as text", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("a chunk size that is none", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n", 400),
    ("a chunk size with a prefix", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400),
    ("a negative chunk size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", 400),
    ("a chunk size that overflows", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400),
    ("a space behind the chunk size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", 400),
    ("a bare LF behind the chunk size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
    ("a bare LF in an extension", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n", 400),
    ("junk in an extension", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;\x00\r\nabc\r\n0\r\n\r\n", 400),
    ("a chunk longer than its size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
    ("a chunk shorter than its size", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabc\r\n0\r\n\r\n", 400),
    ("a trailer that is none", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n", 400),
];

async fn recorded() -> (tempfile::TempDir, Edge, Recorder, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let recorder = Recorder::start().await;
    let address = edge.serve(&[recorder.address]).await;
    (folder, edge, recorder, address)
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

#[tokio::test]
async fn what_is_ambiguous_is_refused_and_never_forwarded() {
    let (_folder, _edge, recorder, address) = recorded().await;
    for (what, bytes, expected) in REFUSED {
        let with_more = [*bytes, b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        for sent in [bytes.to_vec(), with_more] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&sent).await.unwrap();
            let answer = read_to_end(&mut stream).await;
            assert_eq!(status(&answer), Some(*expected), "{what}: {answer}");
            assert_eq!(recorder.take(), "", "{what}");
        }
    }
}

#[tokio::test]
async fn cut_into_single_bytes_it_is_refused_all_the_same() {
    let (_folder, _edge, recorder, address) = recorded().await;
    for (what, bytes, _) in REFUSED {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in *bytes {
            // It may be refused and closed before the last byte.
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = stream.shutdown().await;
        read_to_end(&mut stream).await;
        let seen = recorder.take();
        // Of a body that breaks later the beginning is on its way already; a whole request never is.
        let whole = seen.ends_with("0\r\n\r\n") || (!seen.is_empty() && !seen.contains("transfer-encoding"));
        assert!(!whole, "{what}: {seen}");
    }
}

#[tokio::test]
async fn a_bad_request_behind_a_good_one_spoils_only_itself() {
    let (_folder, _edge, recorder, address) = recorded().await;
    let answer =
        raw(address, b"GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n")
            .await;
    assert_eq!(status(&answer), Some(200));
    assert!(answer.contains("HTTP/1.1 400 Bad Request"), "{answer}");
    let seen = recorder.take();
    assert!(seen.contains("GET /good ") && !seen.contains("bad"), "{seen}");
}

#[tokio::test]
async fn a_chunk_that_breaks_after_the_head_has_gone_ends_both_connections() {
    let (_folder, _edge, recorder, address) = recorded().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    crate::support::eventually("the head arrives", async || !recorder.bytes.lock().unwrap().is_empty()).await;
    stream
        .write_all(b"3\r\nabc\r\nnonsense\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_to_end(&mut stream).await;
    let seen = recorder.take();
    assert!(!seen.contains("0\r\n\r\n") && !seen.contains("smuggled"), "{seen}");
}

#[tokio::test]
async fn what_is_unusual_and_clear_is_served() {
    let (_folder, _edge, recorder, address) = recorded().await;
    for request in [
        &b"\r\nGET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"[..],
        b"GET /x HTTP/1.0\r\n\r\n",
        b"GET http://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /x HTTP/1.1\r\nhOsT:a\r\nEmpty:\r\nX: \t a\xffb \r\nConnection: close\r\n\r\n",
        b"QUERY /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\nConnection: close\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nT: u\r\n\r\n",
    ] {
        let answer = raw(address, request).await;
        assert!(answer.contains(" 200 OK\r\n"), "{}: {answer}", request.escape_ascii());
        assert!(recorder.take().contains(" /x HTTP/1.1\r\n"));
    }
}

#[tokio::test]
async fn huge_heads_are_refused_whole() {
    let (_folder, _edge, recorder, address) = recorded().await;
    let long = "x".repeat(70_000);
    let many = "X: 1\r\n".repeat(20_000);
    let many_short = "X: 1\r\n".repeat(500);
    for head in [
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{many_short}\r\n"),
    ] {
        let answer = raw(address, head.as_bytes()).await;
        assert_eq!(status(&answer), Some(431), "{answer}");
        assert_eq!(recorder.take(), "");
    }
    let fits = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\nConnection: close\r\n\r\n", "y".repeat(60_000));
    assert_eq!(status(&raw(address, fits.as_bytes()).await), Some(200));
}

#[tokio::test]
async fn after_a_refused_upgrade_the_connection_is_read_as_strictly_as_before() {
    let (_folder, _edge, recorder, address) = recorded().await;
    let upgrade = b"GET /first HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&[&upgrade[..], b"GET /bad HTTP/1.1\nHost: a\r\n\r\n"].concat()).await.unwrap();
    let answer = read_until(&mut stream, "400 Bad Request").await;
    assert_eq!(status(&answer), Some(200));
    assert!(!recorder.take().contains("bad"));
}
