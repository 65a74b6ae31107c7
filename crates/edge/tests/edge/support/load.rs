//! Constant load of every kind at once, by clients that retry nothing and count everything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::task::JoinSet;

use super::client::{Http1, Http2, Whole};
use super::instance::{Body, LONG, full};

/// The load, until [`Load::stop`].
pub struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    pub done: Arc<AtomicU64>,
    faults: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Shared {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn note(&self, what: &str, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => {
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => self.faults.lock().unwrap().push(format!("{what}: {error:#}")),
        }
    }
}

/// What the load is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Small requests over kept connections.
    Small,
    /// Everything: small and slow ones, long bodies both ways, event streams, HTTP/2.
    Everything,
}

impl Load {
    pub fn start(address: SocketAddr, mix: Mix) -> Self {
        let shared = Shared {
            address,
            stop: Arc::new(AtomicBool::new(false)),
            done: Arc::new(AtomicU64::new(0)),
            faults: Arc::default(),
        };
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            tasks.spawn(http1(shared.clone(), "GET /", "/"));
            tasks.spawn(http2(shared.clone()));
        }
        if mix == Mix::Everything {
            tasks.spawn(http1(shared.clone(), "GET /slow", "/slow"));
            tasks.spawn(http1(shared.clone(), "GET /events", "/events"));
            tasks.spawn(http1(shared.clone(), "GET /down", "/down"));
            tasks.spawn(upload(shared.clone()));
        }
        Self { tasks, stop: shared.stop, done: shared.done, faults: shared.faults }
    }

    pub fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests were answered.
    pub async fn more(&self, count: u64) {
        let until = self.count() + count;
        super::eventually("the load goes on", async || self.count() >= until || self.has_faults()).await;
    }

    pub fn has_faults(&self) -> bool {
        !self.faults.lock().unwrap().is_empty()
    }

    /// Ends it and gives what went wrong.
    pub async fn stop(mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let ending = async { while self.tasks.join_next().await.is_some() {} };
        assert!(tokio::time::timeout(super::PATIENCE, ending).await.is_ok(), "the load does not end");
        std::mem::take(&mut *self.faults.lock().unwrap())
    }
}

fn check(path: &str, response: &Whole) -> anyhow::Result<()> {
    anyhow::ensure!(response.status() == 200, "status {}: {:?}", response.status(), response.body());
    anyhow::ensure!(response.headers().contains_key("x-release"), "not from an instance");
    match path {
        "/down" => anyhow::ensure!(response.body().len() == LONG, "{} bytes", response.body().len()),
        "/events" => anyhow::ensure!(response.body().ends_with(b"data: 5\n\n"), "{:?}", response.body()),
        "/up" => anyhow::ensure!(response.body() == LONG.to_string().as_bytes(), "{:?}", response.body()),
        _ => {}
    }
    Ok(())
}

async fn http1(shared: Shared, what: &'static str, path: &'static str) {
    while shared.goes_on() {
        let mut client = match Http1::connect(shared.address).await {
            Ok(client) => client,
            Err(error) => {
                shared.note(what, Err(error));
                continue;
            }
        };
        // A connection that was announced to close is replaced; anything else that ends it is a fault.
        while shared.goes_on() {
            let response = client.get(path).await;
            let closes = response.as_ref().is_ok_and(closes);
            shared.note(what, response.map_err(Into::into).and_then(|response| check(path, &response)));
            if closes || !client.is_open().await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn closes(response: &Whole) -> bool {
    response.headers().get("connection").is_some_and(|value| value == "close")
}

async fn http2(shared: Shared) {
    while shared.goes_on() {
        let mut client = match Http2::connect(shared.address).await {
            Ok(client) => client,
            Err(error) => {
                shared.note("HTTP/2 connect", Err(error));
                continue;
            }
        };
        while shared.goes_on() {
            let uri = format!("http://{}/", shared.address);
            let request = Request::get(uri).body(full("")).unwrap();
            let Some(response) = client.send_unless_leaving(request).await else { break };
            shared.note("HTTP/2", response.map_err(Into::into).and_then(|response| check("/", &response)));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub fn long_body() -> Body {
    const PIECE: usize = 64 * 1024;
    let pieces = (0..LONG / PIECE).map(|_| Ok(Frame::data(Bytes::from(vec![3; PIECE]))));
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter(pieces)))
}

async fn upload(shared: Shared) {
    while shared.goes_on() {
        let outcome = async {
            let mut client = Http1::connect(shared.address).await?;
            let request = Request::post("/up").header("host", "localhost").body(long_body())?;
            check("/up", &client.send(request).await?)
        };
        shared.note("POST /up", outcome.await);
    }
}
