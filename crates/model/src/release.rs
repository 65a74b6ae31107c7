//! A release: everything that is needed to run one version of an app in one environment, and that never changes.
//!
//! Values that may be secret are not in here: they travel in a [`Configuration`], which is only ever stored sealed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{EnvironmentKey, ReleaseId, ServiceName};
use crate::manifest::InstanceText;

/// Where instances run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// Plain processes on this machine.
    Process,
}

/// How it is known that an instance is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Probe {
    /// A GET on this path answers 2xx.
    Http {
        /// Path and query.
        path: String,
    },
    /// The port takes a connection.
    Connect,
    /// It has run for the start period.
    Uptime,
}

/// The health check of a service. Times in milliseconds on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is asked.
    pub probe: Probe,
    /// Time between two probes.
    #[serde(with = "millis")]
    pub interval: Duration,
    /// How long one may take.
    #[serde(with = "millis")]
    pub timeout: Duration,
    /// How long an instance may take to start; exits within it count as a crash loop.
    #[serde(with = "millis")]
    pub start_period: Duration,
    /// Good probes in a row that make it healthy.
    pub healthy_after: u32,
    /// Bad probes in a row that make it unhealthy.
    pub unhealthy_after: u32,
}

/// How an instance is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Number of the signal that asks it to end (15 for SIGTERM).
    pub signal: i32,
    /// Time until it is killed.
    #[serde(with = "millis")]
    pub grace: Duration,
}

/// What an instance may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Thousandths of a core.
    pub cpu_millis: Option<u64>,
}

/// How a service gets traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The port of the manifest: what the app listens on when it is run by hand; instances listen on `$PORT`.
    pub port: u16,
    /// Path prefix of the requests that it gets, `/` for all.
    pub path: String,
    /// Hosts of its own; empty: those of the environment.
    pub hosts: Vec<String>,
}

/// A service of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Program and arguments; rendered per instance with `PORT` and `BASCULE_*`.
    pub command: Vec<InstanceText>,
    /// Whether and how it gets requests.
    pub traffic: Option<Traffic>,
    /// How many instances.
    pub instances: u32,
    /// How long requests in flight are waited for.
    #[serde(with = "millis")]
    pub drain: Duration,
    /// How it is stopped.
    pub stop: Stop,
    /// What it may use.
    pub limits: Limits,
    /// How it is known to be well.
    pub health: Health,
    /// Names of its configuration with a keyed fingerprint of each value, so that a change can be seen and no value told.
    pub configuration: BTreeMap<String, String>,
}

/// Thresholds and times of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Whole `start` and `ready`.
    #[serde(with = "millis")]
    pub deadline: Duration,
    /// Watched time after the switch.
    #[serde(with = "millis")]
    pub bake: Duration,
    /// Share of failed requests that is too much, 0 to 1.
    pub max_error_rate: f64,
    /// 95th percentile that is too slow.
    #[serde(with = "millis")]
    pub max_p95: Duration,
    /// Fewer requests than this from users are no data.
    pub min_requests: u64,
    /// What decides when there is no data.
    pub on_no_data: OnNoData,
    /// How long the former release stays warm.
    #[serde(with = "millis")]
    pub warm: Duration,
    /// How many releases are kept for a cold rollback.
    pub keep: u32,
}

/// What decides a bake that saw too few requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnNoData {
    /// The verify checks, repeated all through the bake.
    Probe,
    /// Go on until there are enough.
    Wait,
    /// It is a failure.
    Fail,
}

/// An immutable release, without its private values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its name.
    pub id: ReleaseId,
    /// Counts from 1 in its environment.
    pub number: u64,
    /// Where it belongs.
    pub key: EnvironmentKey,
    /// Where it runs.
    pub target: TargetKind,
    /// Digest of its artifact, `sha256:<hex>`; empty until the artifact step has run.
    pub artifact: String,
    /// The users' door.
    pub listen: SocketAddr,
    /// Hosts that are routed to it; empty for all.
    pub hosts: Vec<String>,
    /// Its services, by name.
    pub services: Vec<Service>,
    /// Its rollout.
    pub rollout: Rollout,
    /// Hash over all of the above but name, number and artifact, hex.
    pub content: String,
    /// When it was planned.
    pub created_at: Timestamp,
}

impl Release {
    /// The service of that name.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.iter().find(|service| &service.name == name)
    }
}

/// What an artifact is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The folder of `bascule.toml`.
    pub project: PathBuf,
    /// The build command, run by `sh -c` in the project folder.
    pub command: Option<String>,
    /// Files and folders that make the artifact, relative to the project folder.
    pub files: Vec<String>,
}

/// The values of a release: what may be secret. Never printed; stored only sealed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Environment variables by service; rendered per instance with `PORT` and `BASCULE_*`.
    pub env: BTreeMap<ServiceName, BTreeMap<String, InstanceText>>,
    /// The checks before and after the switch, with their headers and bodies filled in.
    pub verify: Vec<Check>,
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Configuration(***)")
    }
}

/// One `[[verify]]` entry, ready to run.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// The service it asks; none: the one that gets traffic (the first, where there are several).
    pub service: Option<ServiceName>,
    /// What has to come back.
    pub expect: Expect,
    /// Further attempts after the first.
    pub retries: u32,
    /// The time over which the attempts are spread.
    #[serde(with = "millis")]
    pub over: Duration,
}

/// What a check does.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Action {
    /// One HTTP request.
    Request {
        /// `GET`, `POST`, …
        method: String,
        /// Path and query.
        path: String,
        /// Header names and values; values may be secret.
        headers: Vec<(String, String)>,
        /// The body; may be secret.
        body: Option<String>,
    },
    /// A program of the user's own: exit status 0 is a pass. It gets `BASCULE_URL` and the service's configuration.
    Command {
        /// Program and arguments; rendered with the variables of the place where the check is run.
        command: Vec<InstanceText>,
    },
}

/// What a check expects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// The status; none: any 2xx.
    pub status: Option<u16>,
    /// The longest time it may take, in milliseconds.
    pub within_ms: Option<u64>,
    /// A path that must select something in the JSON body (`$.users[0].id`).
    pub json: Option<String>,
    /// Text that must be in the body.
    pub contains: Option<String>,
}

/// Durations as whole milliseconds.
pub mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes milliseconds.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads milliseconds.
    ///
    /// # Errors
    /// When it is not a whole number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_millis(u64::deserialize(deserializer)?))
    }
}
