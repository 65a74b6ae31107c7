//! Usual requests go past the HTTP library, others through it: both ways let the same through, and change it in the same way.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::edge::{Edge, key};

/// What makes the HTTP library read a request, and means nothing (RFC 9112, 2.2).
const UNUSUAL: &[u8] = b"\r\n";

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An instance that notes each message, answers what it is told to, and closes.
struct Recorder {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Message>>>,
    answer: Arc<Mutex<&'static [u8]>>,
}

impl Recorder {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(OK));
        let (noted, given) = (Arc::clone(&seen), Arc::clone(&answer));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = Vec::new();
                let message = loop {
                    if let Some(message) = Message::read(&bytes, Asked::Whole) {
                        break message;
                    }
                    if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                        // Somebody looked whether it is there.
                        break Message::default();
                    }
                };
                if message == Message::default() {
                    continue;
                }
                noted.lock().unwrap().push(message);
                let answer = *given.lock().unwrap();
                let _ = stream.write_all(answer).await;
            }
        });
        Self { address, seen, answer }
    }
}

/// What was asked, as far as it decides about the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Head,
    Whole,
}

/// A message without what may differ: letter case and order of fields, ids, dates, and how the body is framed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Message {
    first_line: String,
    fields: BTreeSet<String>,
    body: String,
}

impl Message {
    /// Reads a message; `None`: it is not whole.
    fn read(bytes: &[u8], asked: Asked) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = bytes[..end].escape_ascii().to_string();
        let (first_line, rest) = head.split_once("\\r\\n").unwrap_or((&head, ""));
        let (mut fields, mut length, mut chunked) = (BTreeSet::new(), None, false);
        for line in rest.split("\\r\\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            let (name, value) = (name.to_ascii_lowercase(), value.trim().replace("\\t", " "));
            match name.as_str() {
                "x-request-id" if value.len() == 32 => _ = fields.insert(name),
                "date" => _ = fields.insert(name),
                "content-length" => {
                    length = Some(value.parse::<usize>().unwrap());
                    assert!(fields.insert(format!("{name}: {value}")), "twice: {head}");
                }
                "transfer-encoding" => chunked = true,
                // A hint, which only those who get trailers need.
                "trailer" => {}
                _ => _ = fields.insert(format!("{name}: {}", value.trim())),
            }
        }
        let body = &bytes[end + 4..];
        let bodiless =
            asked == Asked::Head || [" 204 ", " 304 "].iter().any(|code| first_line.contains(code));
        let body = if chunked && !bodiless {
            unchunked(body)?
        } else {
            match length {
                Some(length) if body.len() < length && !bodiless => return None,
                _ => body.to_vec(),
            }
        };
        Some(Self { first_line: first_line.to_owned(), fields, body: text_of(&body) })
    }
}

/// Text without the id that is in the edge's own answers.
fn text_of(body: &[u8]) -> String {
    let text = body.escape_ascii().to_string();
    text.split("Request id: ").next().unwrap_or_default().to_owned()
}

fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        data.extend_from_slice(bytes.get(end + 2..end + 2 + size)?);
        bytes = bytes.get(end + 4 + size..)?;
        if size == 0 {
            return Some(data);
        }
    }
}

/// Sends a request and nothing after it. Gives what the instance saw and what the client got.
async fn exchange(
    recorder: &Recorder,
    edge: SocketAddr,
    pieces: &[&[u8]],
) -> (Vec<Message>, Option<Message>) {
    let mut stream = TcpStream::connect(edge).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(crate::support::PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    let asked =
        if pieces.concat().trim_ascii_start().starts_with(b"HEAD") { Asked::Head } else { Asked::Whole };
    (std::mem::take(&mut *recorder.seen.lock().unwrap()), Message::read(&answer, asked))
}

async fn same_on_both_ways(
    recorder: &Recorder,
    edge: SocketAddr,
    request: &[u8],
) -> (Vec<Message>, Option<Message>) {
    let direct = exchange(recorder, edge, &[request]).await;
    let what =
        format!("{}\nanswered {}", request.escape_ascii(), recorder.answer.lock().unwrap().escape_ascii());
    let library = exchange(recorder, edge, &[&[UNUSUAL, request].concat()]).await;
    assert_eq!(direct, library, "with and without the library: {what}");
    let cut = request.len() / 2;
    let in_pieces = exchange(recorder, edge, &[&request[..1], &request[1..cut], &request[cut..]]).await;
    assert_eq!(direct, in_pieces, "at once and in pieces: {what}");
    direct
}

const REQUESTS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a/b?c=d&e=%20 HTTP/1.1\r\nhOsT:a:80\r\nX-Empty:\r\nX: \t a\tb \xff \r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    b"GET //a/../b;c HTTP/1.1\r\nHost: a.\r\n\r\n",
    b"GET /\"{}|^`<>\\ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET HTTP://A/x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection:\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Forwarded-For, Host, Content-Length, X-Hop\r\nX-Hop: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: x\r\nUpgrade: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: upgrade, http2-settings\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6\r\nX-Forwarded-Proto: 6\r\nX-Forwarded-Host: 6\r\nX-Forwarded-Port: 6\r\nX-Real-Ip: 6\r\nForwarded: 6\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: not mine\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id:\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a\r\nCookie: b\r\nDate: x\r\nVia: 1.1 x\r\nAuthorization: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: %61_~b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~: 1\r\n\r\n",
];

async fn start() -> (tempfile::TempDir, Edge, Recorder, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let edge = Edge::start(folder.path(), "").await;
    let recorder = Recorder::start().await;
    let address = edge.serve(&[recorder.address]).await;
    (folder, edge, recorder, address)
}

/// A request that is not forwarded as it is.
struct Changed {
    request: &'static [u8],
    target: &'static str,
    fields: &'static [&'static str],
    /// Names of fields that go no further.
    left_out: &'static [&'static str],
}

const CHANGED: &[Changed] = &[
    Changed {
        request: b"GET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n",
        target: "/?b=c",
        fields: &["host: a"],
        left_out: &[],
    },
    Changed {
        request: b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
        target: "/",
        fields: &["host: a"],
        left_out: &[],
    },
    // Who speaks HTTP/1.1 to the instance has to send it (RFC 9112, 3.2).
    Changed {
        request: b"GET / HTTP/1.0\r\n\r\n",
        target: "/",
        fields: &["host: "],
        left_out: &["x-forwarded-host"],
    },
    Changed {
        request: b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nConnection: X-Request-Id, X-Forwarded-For, Host\r\n\r\n",
        target: "/",
        fields: &["host: a", "x-request-id: mine", "x-forwarded-for: 127.0.0.1"],
        left_out: &["connection"],
    },
    // To servers that make variables of the fields, both are one name.
    Changed {
        request: b"GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6\r\nx_real-ip: 6\r\nX-Forwarded_Proto: 6\r\nX_Own: 1\r\n\r\n",
        target: "/",
        fields: &["x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http", "x_own: 1"],
        left_out: &["x_forwarded_for", "x_real-ip", "x-forwarded_proto"],
    },
    // Behind it, requests would pass that nobody has looked at.
    Changed {
        request: b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x, H2C\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: x\r\n\r\n",
        target: "/",
        fields: &["host: a"],
        left_out: &["upgrade", "connection", "http2-settings"],
    },
    Changed {
        request: b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        target: "/",
        fields: &["host: a"],
        left_out: &["upgrade", "connection"],
    },
];

#[tokio::test]
async fn what_an_instance_gets_is_right_by_itself() {
    let (_folder, _edge, recorder, address) = start().await;
    for Changed { request, target, fields, left_out } in CHANGED {
        let what = request.escape_ascii();
        let (seen, _) = same_on_both_ways(&recorder, address, request).await;
        let [seen] = &seen[..] else { panic!("{what}: {seen:?}") };
        assert_eq!(seen.first_line, format!("GET {target} HTTP/1.1"), "{what}");
        for field in *fields {
            assert!(seen.fields.contains(*field), "{what}: {field:?} in {:?}", seen.fields);
        }
        for name in *left_out {
            let is_there = |field: &String| field.split(':').next() == Some(name);
            assert!(!seen.fields.iter().any(is_there), "{what}: {name} in {:?}", seen.fields);
        }
    }
}

#[tokio::test]
async fn both_ways_forward_the_same() {
    let (_folder, edge, recorder, address) = start().await;
    for request in REQUESTS {
        same_on_both_ways(&recorder, address, request).await;
    }
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!(counts.in_flight, 0);
}

const ANSWERS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 005\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhe\r\n0\r\nX-Sum: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nx",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nhello",
    b"HTTP/1.0 200 OK\r\n\r\nhello",
    b"HTTP/1.1 200\r\n\r\nhello",
    b"HTTP/1.1 200 \xe4\r\n\r\nhello",
    b"HTTP/1.1 299 Very well\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nX: \t \xe4 a\tb \t\r\nX:\r\nx: 2\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nVia: 1.1 x\r\nServer: y\r\nTE: z\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nConnection: close, X-Hop, Content-Length, Date\r\nX-Hop: 1\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nUpgrade: x\r\nKeep-Alive: x\r\nProxy-Connection: x\r\nProxy-Authenticate: x\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nDate: x\r\nDate: y\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    b"HTTP/1.1 200 OK\r\nContent-Len",
    b"HTTP/3 200 OK\r\n\r\n",
    b"nonsense",
    b"",
];

#[tokio::test]
async fn both_ways_answer_the_same() {
    let (_folder, edge, recorder, address) = start().await;
    for answer in ANSWERS {
        *recorder.answer.lock().unwrap() = answer;
        for method in ["GET", "HEAD", "POST"] {
            let request = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
            same_on_both_ways(&recorder, address, request.as_bytes()).await;
        }
    }
    let counts = edge.client.metrics(&key()).await.unwrap()[0].total();
    assert_eq!(counts.in_flight, 0);
}
