//! What an edge is started with: its folder, its threads, its limits.
//!
//! Every limit has a value that suits a small machine; a test or an operator changes single ones.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most workers that are started when the caller leaves the choice to the edge.
const WORKERS_AT_MOST: usize = 4;

/// What [`run`](crate::run) needs to know.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// The folder with the control socket, the snapshot and the start lock. Made (0700) when it is not there.
    pub state_dir: PathBuf,
    /// The version that the edge gives as its own.
    pub version: String,
    /// Worker threads; 0 means one per core, at most 4.
    pub workers: usize,
    /// What a client or an instance may cost.
    pub limits: Limits,
}

impl EdgeOptions {
    /// Options with the usual limits.
    #[must_use]
    pub fn new(state_dir: impl Into<PathBuf>, version: impl Into<String>) -> Self {
        Self { state_dir: state_dir.into(), version: version.into(), workers: 0, limits: Limits::default() }
    }

    /// How many worker threads to start: at least 1.
    #[must_use]
    pub(crate) fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_AT_MOST),
            chosen => chosen,
        }
    }
}

/// Where the control socket of an edge with this state folder is.
#[must_use]
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join("edge.sock")
}

/// What one client, one request or one instance may take up. Times are kept to within a few hundred milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Client connections at the same time; above it a client gets a 503 and is let go.
    pub connections: usize,
    /// Request line and header section together, in bytes; above it a client gets a 431.
    pub head_bytes: usize,
    /// From the first byte of a request's head to its last.
    pub head_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// How long a body may stand still because the client neither sends nor takes a byte.
    pub body_idle_timeout: Duration,
    /// From the last byte sent to an instance to the head of its response.
    pub upstream_timeout: Duration,
    /// How long an instance may take to accept a connection before the next one is tried.
    pub connect_timeout: Duration,
    /// How long an unused connection to an instance is kept. Below 5 s, at which widely used servers close theirs.
    pub pool_idle_timeout: Duration,
    /// How long a leaving edge waits for what is in flight when nobody says otherwise (SIGTERM).
    pub leave_drain: Duration,
    /// The close code that a WebSocket of a drained release is told to go with.
    pub websocket_close: WebSocketClose,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            head_bytes: 64 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_idle_timeout: Duration::from_secs(60),
            upstream_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(1),
            pool_idle_timeout: Duration::from_secs(4),
            leave_drain: Duration::from_secs(30),
            websocket_close: WebSocketClose::GoingAway,
        }
    }
}

impl Limits {
    /// How often the workers look at the times: a quarter of the shortest one, 20 ms to 500 ms.
    pub(crate) fn tick(&self) -> Duration {
        [self.head_timeout, self.idle_timeout, self.body_idle_timeout, self.upstream_timeout]
            .into_iter()
            .min()
            .map_or(Duration::from_millis(500), |shortest| shortest / 4)
            .clamp(Duration::from_millis(20), Duration::from_millis(500))
    }
}

/// RFC 6455 close codes for "come back elsewhere".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketClose {
    /// 1001: the endpoint is going away.
    GoingAway,
    /// 1012: the service restarts; a client that knows it reconnects after a random delay.
    ServiceRestart,
}

impl WebSocketClose {
    /// The code as it is written in the frame.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::ServiceRestart => 1012,
        }
    }
}
