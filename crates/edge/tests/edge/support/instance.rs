//! An instance of an app: an HTTP/1.1 server within the test, which says which release it is.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, HeaderName, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub type Body = BoxBody<Bytes, Infallible>;

/// The length of a long body, in bytes.
pub const LONG: usize = 20 * 1024 * 1024;
const PIECE: usize = 64 * 1024;

/// A running instance; its socket closes when it is dropped.
pub struct Instance {
    pub address: SocketAddr,
    pub requests: Arc<AtomicU64>,
    accepting: AbortHandle,
}

impl Instance {
    /// Starts one that answers `/` with the release's name, and serves the paths in [`answer`].
    pub async fn start(release: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, release)
    }

    pub fn on(listener: TcpListener, release: &str) -> Self {
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicU64::new(0));
        let (release, counted) = (release.to_owned(), Arc::clone(&requests));
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (release, counted) = (release.clone(), Arc::clone(&counted));
                let service = service_fn(move |request| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    answer(release.clone(), request)
                });
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(connection.with_upgrades());
            }
        });
        Self { address, requests, accepting: accepting.abort_handle() }
    }

    pub fn served(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

pub fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed()
}

async fn answer(release: String, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let mut response = match path.as_str() {
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Response::new(full("slow"))
        }
        "/never" => std::future::pending().await,
        "/echo" => Response::new(full(request.into_body().collect().await?.to_bytes())),
        "/up" => Response::new(full(received(request.into_body()).await?.to_string())),
        "/early" => {
            let mut response = Response::new(full("too large"));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
        "/down" => Response::new(pieces(LONG / PIECE, Duration::ZERO, |_| Bytes::from(vec![7; PIECE]))),
        "/events" => Response::new(pieces(6, Duration::from_millis(50), |n| format!("data: {n}\n\n").into())),
        "/trickle" => Response::new(pieces(100_000, Duration::from_millis(20), |_| Bytes::from_static(b"."))),
        "/headers" => Response::new(full(listed(&request))),
        "/empty" => {
            let mut response = Response::new(full(""));
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        "/fail" => {
            let mut response = Response::new(full("broken"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
        "/ws" => websocket(request),
        _ => Response::new(full(release.clone())),
    };
    response.headers_mut().insert(HeaderName::from_static("x-release"), release.parse().unwrap());
    Ok(response)
}

async fn received(mut body: Incoming) -> Result<usize, hyper::Error> {
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        count += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(count)
}

fn pieces(count: usize, pause: Duration, piece: impl Fn(usize) -> Bytes + Send + Sync + 'static) -> Body {
    let stream = futures_util::stream::unfold(0, move |n| {
        let frame = (n < count).then(|| (Ok(Frame::data(piece(n))), n + 1));
        async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            frame
        }
    });
    BodyExt::boxed(StreamBody::new(stream))
}

fn listed(request: &Request<Incoming>) -> String {
    let lines =
        request.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    format!("{} {}\n{}", request.method(), request.uri(), lines.collect::<String>())
}

/// Echoes; `close` ends it from this side.
fn websocket(mut request: Request<Incoming>) -> Response<Body> {
    let Some(key) = request.headers().get("sec-websocket-key").cloned() else {
        let mut response = Response::new(full("no websocket"));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) if text.as_str() == "close" => {
                    let _ = socket.close(None).await;
                }
                echo @ (Message::Text(_) | Message::Binary(_)) => {
                    let Ok(()) = socket.send(echo).await else { return };
                }
                _ => {}
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-accept", derive_accept_key(key.as_bytes()))
        .body(full(""))
        .unwrap()
}
