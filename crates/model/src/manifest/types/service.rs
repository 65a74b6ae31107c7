//! A service of an environment, complete.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::route::{HostName, PathPrefix};
use super::text::{InstanceText, Value};
use crate::release::{Container, Pods};
use crate::units::{ByteSize, CpuShare, Duration};

/// One kind of process of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The program and its arguments; holds no private value. Run in the artifact's folder. Empty only where instances are
    /// containers: what the image itself runs.
    pub command: Vec<InstanceText>,
    /// How its containers are made; none where instances are no containers.
    pub container: Option<Container>,
    /// Names of its configuration that its processes get as files; those of containers are in `container`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_files: Vec<String>,
    /// What it gets of the users' requests; none for a worker.
    pub traffic: Option<Traffic>,
    /// How many instances: 1 to 1000, for a worker also 0. Where a cluster chooses, the least.
    pub instances: u32,
    /// What a cluster may do about that number.
    #[serde(default, skip_serializing_if = "Pods::is_usual")]
    pub pods: Pods,
    /// How long requests in flight may go on after the switch, before the instances are stopped.
    pub drain: Duration,
    /// How an instance is stopped.
    pub stop: Stop,
    /// What an instance may use.
    pub resources: Resources,
    /// When an instance counts as ready and as well.
    pub health: Health,
    /// The configuration of its instances, merged from all that the manifest says for the environment.
    pub env: BTreeMap<String, Value>,
}

/// The requests that go to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// The port that the manifest names. On a target where instances share the machine's ports, each gets one of its own as `$PORT`.
    pub port: u16,
    /// The paths it takes.
    pub path: PathPrefix,
    /// The hosts it takes; empty: every host that no one else takes.
    pub hosts: Vec<HostName>,
}

/// How long requests in flight may go on when the manifest does not say.
pub const DRAIN: Duration = Duration::from_seconds(30);

/// How an instance is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What it is told first.
    pub signal: Signal,
    /// How long it may take to go, before it is killed.
    pub grace: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self { signal: Signal::Term, grace: Duration::from_seconds(10) }
    }
}

/// A signal that asks an instance to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Signal {
    /// SIGTERM
    #[serde(rename = "SIGTERM")]
    Term,
    /// SIGINT
    #[serde(rename = "SIGINT")]
    Int,
    /// SIGQUIT
    #[serde(rename = "SIGQUIT")]
    Quit,
    /// SIGHUP
    #[serde(rename = "SIGHUP")]
    Hup,
    /// SIGUSR1
    #[serde(rename = "SIGUSR1")]
    Usr1,
    /// SIGUSR2
    #[serde(rename = "SIGUSR2")]
    Usr2,
    /// SIGWINCH
    #[serde(rename = "SIGWINCH")]
    Winch,
    /// SIGKILL
    #[serde(rename = "SIGKILL")]
    Kill,
}

impl Signal {
    /// All of them, the usual one first.
    pub const ALL: [Self; 8] =
        [Self::Term, Self::Int, Self::Quit, Self::Hup, Self::Usr1, Self::Usr2, Self::Winch, Self::Kill];

    /// The name, as in `SIGTERM`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Term => "SIGTERM",
            Self::Int => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Hup => "SIGHUP",
            Self::Usr1 => "SIGUSR1",
            Self::Usr2 => "SIGUSR2",
            Self::Winch => "SIGWINCH",
            Self::Kill => "SIGKILL",
        }
    }
}

/// What an instance may use; none: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Resources {
    /// Memory, after which the system ends it.
    pub memory: Option<ByteSize>,
    /// Cores.
    pub cpu: Option<CpuShare>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// When an instance counts as ready and as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How it is asked.
    pub probe: Probe,
    /// The time from one question to the next.
    pub interval: Duration,
    /// The time an answer may take.
    pub timeout: Duration,
    /// The time after the start in which failures do not count. For [`Probe::Running`] the time it has to run to be ready.
    pub start_period: Duration,
    /// So many good answers in a row make it ready, at least 1.
    pub healthy_after: u32,
    /// So many bad answers in a row make it unwell, at least 1.
    pub unhealthy_after: u32,
}

impl Health {
    /// The usual times and counts for this way of asking.
    #[must_use]
    pub fn usual(probe: Probe) -> Self {
        Self {
            probe,
            interval: Duration::from_seconds(1),
            timeout: Duration::from_seconds(3),
            start_period: Duration::from_seconds(10),
            healthy_after: 2,
            unhealthy_after: 3,
        }
    }
}

/// How an instance is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Probe {
    /// `GET` of this path on its port; 2xx is well.
    Http {
        /// Begins with `/`; may have a query.
        path: String,
    },
    /// A connection to its port can be made.
    Tcp,
    /// It runs.
    Running,
}
