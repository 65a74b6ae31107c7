//! What load to make: how many of each kind, towards where.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Kind;

/// The load. Start from [`Profile::idle`] or [`Profile::mixed`] and change what matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Where to connect.
    pub target: SocketAddr,
    /// The `Host` (`:authority`) of each request; by default the target itself.
    pub host: Option<String>,
    /// Keep-alive HTTP/1.1 connections, each with one plain request after the other.
    pub http1: usize,
    /// HTTP/2 streams with one plain request after the other, sixteen of them on a connection.
    pub http2: usize,
    /// Loops of `/slow`, alternately on HTTP/1.1 and HTTP/2; so are the downloads and uploads.
    pub slow: usize,
    /// How long a slow answer takes.
    pub slow_for: Duration,
    /// Loops of downloads.
    pub downloads: usize,
    /// Loops of uploads.
    pub uploads: usize,
    /// Length of each body, bytes.
    pub body_bytes: u64,
    /// Bytes per second of each body, so that it takes a while; `None`: as fast as it goes.
    pub body_rate: Option<u64>,
    /// Event streams; one that ended is opened again.
    pub events: usize,
    /// Ticks to ask of each event stream; the shop sends five in a second.
    pub event_ticks: u64,
    /// WebSockets; one that was closed is opened again.
    pub websockets: usize,
    /// Plain requests per second, all connections together; `None`: one after the other. With a rate, the
    /// latency of a request that the one before it held up counts from when it was due, so that a stall is not hidden
    /// by the requests it kept from being sent.
    pub rate_per_second: Option<f64>,
    /// The path of plain requests; `None`: the shop's page, users and orders in turn.
    pub path: Option<String>,
    /// How long to wait for an answer's head, for the next piece of a body, and for an echo.
    pub patience: Duration,
    /// When a request is sent again.
    pub retry: Retry,
}

/// When a request is sent again. In no case more than once, but for requests that were never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Never, but when it was not sent at all: each death of a connection that a request was written to is a failure.
    Unsent,
    /// Also an idempotent request on a *reused* connection that ended before a byte of the answer: what browsers and
    /// HTTP libraries do, since the server may have closed the idle connection while the request was on its way.
    IdempotentOnReused,
}

impl Profile {
    /// No load at all; the other numbers have their defaults.
    pub fn idle(target: SocketAddr) -> Self {
        Self {
            target,
            host: None,
            http1: 0,
            http2: 0,
            slow: 0,
            slow_for: Duration::from_secs(2),
            downloads: 0,
            uploads: 0,
            body_bytes: 20_000_000,
            body_rate: Some(10_000_000),
            events: 0,
            event_ticks: 15,
            websockets: 0,
            rate_per_second: None,
            path: None,
            patience: Duration::from_secs(10),
            retry: Retry::IdempotentOnReused,
        }
    }

    /// Some of everything, light enough to run beside what it measures: 400 plain requests per second over HTTP/1.1
    /// and HTTP/2, slow answers, 20 MB bodies both ways, event streams and WebSockets.
    pub fn mixed(target: SocketAddr) -> Self {
        Self {
            http1: 16,
            http2: 16,
            slow: 4,
            downloads: 2,
            uploads: 2,
            events: 8,
            websockets: 8,
            rate_per_second: Some(400.0),
            ..Self::idle(target)
        }
    }
    /// The kinds of load that there are.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        [
            (Kind::Http1, self.http1),
            (Kind::Http2, self.http2),
            (Kind::Slow, self.slow),
            (Kind::Download, self.downloads),
            (Kind::Upload, self.uploads),
            (Kind::Events, self.events),
            (Kind::Websocket, self.websockets),
        ]
        .into_iter()
        .filter_map(|(kind, count)| (count > 0).then_some(kind))
    }
}
