//! What came out, as plain data that can be printed, stored and compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Cause;

/// Figures of a load, from its start to now (or to its stop).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Since the start, milliseconds.
    pub elapsed_ms: u64,
    /// For each kind of load that there was.
    pub kinds: BTreeMap<Kind, KindFigures>,
    /// Latency of the plain requests (`http1` and `http2`) that succeeded.
    pub latency: Latency,
    /// Longest time between two successes of plain requests one after the other, milliseconds.
    pub max_gap_ms: f64,
    /// Who answered, by `x-shop-version`; injected errors are answers too.
    pub versions: BTreeMap<String, Version>,
    /// More about the WebSockets.
    pub websockets: WebsocketFigures,
    /// More about the event streams.
    pub events: EventFigures,
    /// The first failures, at most 100, as they happened.
    pub failures: Vec<Failure>,
}

impl Figures {
    /// Everything that was asked for: requests, bodies, streams and sockets.
    pub fn started(&self) -> u64 {
        self.kinds.values().map(|kind| kind.started).sum()
    }

    /// Everything that went well.
    pub fn ok(&self) -> u64 {
        self.kinds.values().map(|kind| kind.ok).sum()
    }

    /// What was lost; injected errors are not.
    pub fn failed(&self) -> u64 {
        self.kinds.values().map(KindFigures::failed).sum()
    }

    /// What was lost for this cause.
    pub fn failed_by(&self, cause: Cause) -> u64 {
        self.kinds.values().filter_map(|kind| kind.failed.get(&cause)).sum()
    }

    /// Errors that the application was told to make.
    pub fn injected(&self) -> u64 {
        self.kinds.values().map(|kind| kind.injected).sum()
    }

    /// Requests that were sent again, and then counted by how that went.
    pub fn retries(&self) -> Retries {
        self.kinds.values().fold(Retries::default(), |sum, kind| Retries {
            unsent: sum.unsent + kind.retries.unsent,
            reused: sum.reused + kind.retries.reused,
        })
    }
}

/// Kinds of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Plain requests over HTTP/1.1.
    Http1,
    /// Plain requests over HTTP/2.
    Http2,
    /// Answers that take seconds.
    Slow,
    /// Long bodies from the server.
    Download,
    /// Long bodies to the server.
    Upload,
    /// Event streams.
    Events,
    /// WebSockets.
    Websocket,
}

/// Counts of one kind. What was started and is in none of the others is still under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindFigures {
    /// Begun.
    pub started: u64,
    /// Ended well.
    pub ok: u64,
    /// Answered with an error that a fault of the application made.
    pub injected: u64,
    /// Lost, by cause.
    pub failed: BTreeMap<Cause, u64>,
    /// Sent again.
    pub retries: Retries,
}

impl KindFigures {
    /// Lost, all causes together.
    pub fn failed(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Begun and not yet ended.
    pub fn under_way(&self) -> u64 {
        self.started - self.ok - self.injected - self.failed()
    }
}

/// Requests that were sent again on a new connection; see [`crate::Retry`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// They had not been sent, or the server had said that it did not look at them.
    pub unsent: u64,
    /// They had been written to a reused connection, which ended before a byte of the answer.
    pub reused: u64,
}

/// Microseconds; 0 when nothing succeeded. Quantiles are the upper bound of their bucket, at most 1.6 % too high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the quantiles")]
pub struct Latency {
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

/// Answers of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// How many.
    pub answers: u64,
    /// When the first came, microseconds after the start.
    pub first_us: u64,
    /// When the last came, microseconds after the start.
    pub last_us: u64,
}

/// WebSockets: opened = closed politely + cut + left by us + still open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebsocketFigures {
    /// Handshakes that succeeded.
    pub opened: u64,
    /// Echoes that came back as they were sent.
    pub echoed: u64,
    /// Closed by the other side with a close frame (1000, 1001, 1012 or no code), by code; 1005 is "no code".
    pub closed: BTreeMap<u16, u64>,
    /// Closed by us at the stop.
    pub left: u64,
    /// Ended without a close frame, or with the code of an error.
    pub cut: u64,
}

/// Event streams: opened = completed + said goodbye + ended early + cut + left by us + still open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFigures {
    /// Streams whose head came.
    pub opened: u64,
    /// Ticks that came.
    pub ticks: u64,
    /// Came to the end that was asked for.
    pub completed: u64,
    /// Ended by the application with a farewell.
    pub farewells: u64,
    /// The body ended soundly, but without end or farewell.
    pub ended_early: u64,
    /// Left by us at the stop.
    pub left: u64,
    /// The body broke off.
    pub cut: u64,
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When, milliseconds after the start.
    pub at_ms: u64,
    /// What was under way.
    pub kind: Kind,
    /// Why it counts as lost.
    pub cause: Cause,
    /// The status or error, in words.
    pub detail: String,
}
