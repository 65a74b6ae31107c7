//! What was seen: results of probes and checks, states of instances, counts of requests. Written into reports as they are.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{InstanceId, ServiceName};

/// A verdict. No data is a verdict of its own: never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Seen to hold.
    Pass,
    /// Seen not to hold.
    Fail,
    /// Nothing, or too little, was seen.
    NoData,
}

/// One health probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Pass or fail.
    pub status: Status,
    /// Why, in words: `503 Service Unavailable: "database: down"`, `connection refused`, … Never a secret.
    pub detail: String,
    /// How long it took.
    pub took_ms: u64,
}

/// One verify check, with all its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its name in the manifest.
    pub name: String,
    /// Pass or fail.
    pub status: Status,
    /// How often it was tried.
    pub attempts: u32,
    /// What came back, or why it failed, in words; never a header or body that was sent.
    pub detail: String,
    /// How long the last attempt took.
    pub took_ms: u64,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "lowercase")]
pub enum Exit {
    /// By itself, with a status.
    Code {
        /// The exit status.
        code: i32,
    },
    /// By a signal.
    Signal {
        /// Its number.
        signal: i32,
        /// Whether it was killed for using too much memory, where that can be seen.
        out_of_memory: bool,
    },
    /// While nobody was there to see it (the control plane was away).
    Unknown,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code { code } => write!(f, "exit status {code}"),
            Self::Signal { signal, out_of_memory: true } => {
                write!(f, "signal {signal} (it used more memory than its limit)")
            }
            Self::Signal { signal, .. } => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("an exit that nobody saw"),
        }
    }
}

/// What an instance is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InstanceState {
    /// A process is there.
    Running {
        /// Its process id; 0 where it is on another machine.
        pid: u32,
    },
    /// It ended and will be started again.
    BackOff {
        /// How it ended.
        exit: Exit,
        /// When it is started again.
        until: Timestamp,
    },
    /// It ended three times within its start period and is left alone.
    CrashLoop {
        /// How it ended the last time.
        exit: Exit,
    },
    /// Its program could not be started at all.
    CannotStart {
        /// Why.
        reason: String,
    },
    /// It does not run for a reason that is not its own (its engine is away), and is started when that has passed.
    Waiting {
        /// Which one.
        reason: String,
    },
    /// It is asked to end.
    Stopping {
        /// Its process id.
        pid: u32,
    },
    /// Nothing is there.
    Gone,
}

/// An instance as the target sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Its name.
    pub id: InstanceId,
    /// Its service.
    pub service: ServiceName,
    /// Which one of the service, from 1.
    pub n: u32,
    /// Where it listens, for a service that gets traffic.
    pub address: Option<SocketAddr>,
    /// What it is doing.
    #[serde(flatten)]
    pub state: InstanceState,
    /// When the process that is there now was started.
    pub started_at: Option<Timestamp>,
    /// How often it was started again since the slot was started.
    pub restarts: u32,
    /// How it ended the last time, if it did.
    pub last_exit: Option<Exit>,
    /// What its own check says of it (a container image's `HEALTHCHECK`); none where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_check: Option<OwnCheck>,
}

/// What an instance's own check says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCheck {
    /// Pass, fail, or no data while it has not said anything yet.
    pub status: Status,
    /// Its last output, shortened. Untrusted text.
    pub output: String,
}

/// Requests of one release, counted since its slot was put: what a bake decides on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests that ended.
    pub requests: u64,
    /// Of those: answered 5xx, or not answered since a connection failed.
    pub errors: u64,
    /// Of those: slower than the threshold it was asked with.
    pub slow: u64,
    /// 95th percentile in microseconds; none without requests.
    pub p95_micros: Option<u64>,
    /// In flight now.
    pub in_flight: u64,
}
