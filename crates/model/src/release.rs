//! A release: everything that is needed to run one version of an app in one environment, and that never changes.
//!
//! Values that may be secret are not in here: they travel in a [`Configuration`], which is only ever stored sealed.

mod cluster;
mod network;
pub mod patch;
mod rolling;
mod task;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::cluster::{
    Cluster, Observe, ObservedBy, Pods, ProbeLoad, Route, RouteKind, Scale, ServiceKind,
};
pub use self::network::{BadPeer, Network, Peer};
pub use self::patch::DeploymentPatch;
pub use self::rolling::Rolling;
pub use self::task::{Before, Task};
use crate::gate::Provenance;
use crate::ids::{EnvironmentKey, ReleaseId, ServiceName};
use crate::manifest::{InstanceText, MigrationFormat};
use crate::schema::{DatabaseAccess, Schema, SchemaPolicy};

/// Where instances run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// Plain processes on this machine.
    Process,
    /// Containers of this machine's Docker Engine.
    Docker,
    /// Pods of a Kubernetes cluster.
    Kubernetes,
}

impl TargetKind {
    /// The name as it is written in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
        }
    }
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
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
}

/// Whether a container may run as root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootUser {
    /// It may not: who is to be root is not started.
    #[default]
    Refused,
    /// The manifest says that it may.
    Allowed,
}

/// Whether something may be written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writing {
    /// It may.
    #[default]
    Allowed,
    /// It may only be read.
    ReadOnly,
}

/// Something of the machine that a container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// A folder of the machine (begins with `/`), or the name of a volume.
    pub source: String,
    /// Where the container sees it; begins with `/`.
    pub target: String,
    /// Whether it may write to it.
    pub writing: Writing,
}

/// How the containers of a service are made, beside what holds on every target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Who it runs as, `USER[:GROUP]` by name or number; none: whom the image says.
    pub user: Option<String>,
    /// Whether that may be root.
    pub root: RootUser,
    /// Linux capabilities that it keeps, without `CAP_`; it has no others.
    pub capabilities: Vec<String>,
    /// Whether it may write to its own files.
    pub files: Writing,
    /// What it sees of the machine.
    pub volumes: Vec<Volume>,
    /// Names that it resolves to these addresses, `NAME:ADDRESS`.
    pub extra_hosts: Vec<String>,
    /// Names of its configuration that it gets as files `/run/secrets/NAME` and not in its environment; `NAME_FILE` has the path.
    pub secret_files: Vec<String>,
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
    /// Program and arguments; rendered per instance with `PORT` and `BASCULE_*`. Empty: what the image itself runs.
    pub command: Vec<InstanceText>,
    /// How its containers are made; none on targets without containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// Names of its configuration that its processes get as files and not in their environment; `NAME_FILE` has the path. Those of
    /// containers are in `container`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_files: Vec<String>,
    /// Whether and how it gets requests.
    pub traffic: Option<Traffic>,
    /// How many instances.
    pub instances: u32,
    /// What a cluster may do about that number.
    #[serde(default, skip_serializing_if = "Pods::is_usual")]
    pub pods: Pods,
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
    /// It comes instance by instance; none: all of it beside the former one, then one switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling: Option<Rolling>,
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

/// What is done about instances that somebody changed or removed behind Bascule's back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDrift {
    /// They are made anew as the release says.
    #[default]
    Repair,
    /// It is said in `status`, and left.
    Report,
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
    /// What it runs, by digest; empty until the artifact step has run. `sha256:<hex>` are files of the artifact store;
    /// `image:sha256:<hex>` is an image of this machine by its id, `image:<repository>@sha256:<hex>` one of a registry.
    pub artifact: String,
    /// What is done about instances that somebody changed behind Bascule's back.
    #[serde(default)]
    pub drift: OnDrift,
    /// The cluster it runs on; none where its target is no cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// The users' door.
    pub listen: SocketAddr,
    /// Hosts that are routed to it; empty for all.
    pub hosts: Vec<String>,
    /// Its services, by name.
    pub services: Vec<Service>,
    /// Its rollout.
    pub rollout: Rollout,
    /// What is run once in its deploy, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// Its database's migrations; none where Bascule has nothing to do with a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// The versions of the secrets that came from the store, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, u32>,
    /// Where its artifact comes from: not in `content`, so that the same artifact is the same content whoever deploys it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Hash over all of the above but name, number, artifact and provenance, hex.
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
    /// The image, on targets that run containers; then the two above are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSource>,
    /// Where the migrations are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrations: Option<MigrationSource>,
}

/// Where migrations come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationSource {
    /// The folder, relative to the project folder.
    pub folder: String,
    /// The convention of its files.
    pub format: MigrationFormat,
    /// How they are applied.
    pub policy: SchemaPolicy,
}

/// Where an image comes from, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// Built or taken.
    pub from: ImageFrom,
    /// The repository that a built image is pushed to, `HOST[:PORT]/PATH`; none: it stays on the machine.
    pub repository: Option<String>,
}

/// Built or taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFrom {
    /// Built from a Dockerfile.
    Build(ImageBuild),
    /// One that is there already: `[HOST[:PORT]/]PATH[:TAG][@sha256:<hex>]`.
    Named(String),
}

/// How an image is built. Paths are relative to the project folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBuild {
    /// The Dockerfile.
    pub dockerfile: String,
    /// The folder that the build sees.
    pub context: String,
    /// The stage that is built; none: the last one.
    pub target: Option<String>,
    /// Build arguments; anyone who has the image can read them.
    pub args: BTreeMap<String, String>,
    /// `OS/ARCHITECTURE[/VARIANT]`; none: the engine's own.
    pub platform: Option<String>,
    /// Names of the build's secrets; their values are in [`Configuration::build_secrets`].
    pub secrets: Vec<String>,
}

/// Who one is at a registry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password or token.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// The values of a release: what may be secret. Never printed; stored only sealed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Environment variables by service; rendered per instance with `PORT` and `BASCULE_*`.
    pub env: BTreeMap<ServiceName, BTreeMap<String, InstanceText>>,
    /// The checks before and after the switch, with their headers and bodies filled in.
    pub verify: Vec<Check>,
    /// What came from outside of the manifest, by where it is used: every private value, and what those are made of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, InstanceText>,
    /// What a build gets by name, and no image keeps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub build_secrets: BTreeMap<String, String>,
    /// Who one is at the image's registry; none: whom the Docker configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Credentials>,
    /// Where its database is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseAccess>,
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

impl Check {
    /// A plain question for a path, asked once, of whoever gets traffic.
    #[must_use]
    pub fn get(name: &str, path: &str) -> Self {
        let action = Action::Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        };
        Self {
            name: name.to_owned(),
            action,
            service: None,
            expect: Expect::default(),
            retries: 0,
            over: Duration::ZERO,
        }
    }
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
