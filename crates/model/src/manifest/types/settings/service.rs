//! `[services.NAME]` as it is written.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;

use super::{CommandSettings, Located, Reading};
use crate::manifest::schema;
use crate::manifest::types::container::{Capability, HostEntry, User, VolumeText};
use crate::manifest::types::route::{HostName, PathPrefix};
use crate::manifest::types::service::Signal;
use crate::manifest::types::templated::Templated;
use crate::release::Peer;
use crate::units::{ByteSize, CpuShare, Duration, Percent};

/// One kind of process of the app.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Service", deny_unknown_fields)]
pub struct ServiceSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// What an instance runs, in the artifact's folder. In a container it takes the place of the image's entry point and command,
    /// and may be left out for these. `$PORT` and `$BASCULE_APP`, `_ENVIRONMENT`, `_RELEASE`, `_SLOT`, `_INSTANCE` are filled in
    /// for each instance; `${NAME}` only with what the manifest itself spells out.
    pub command: Option<CommandSettings>,
    /// Makes it a service that gets requests. A process listens on its own `$PORT`; this one is what the app would use without
    /// it. A container listens on this one, which it has as `$PORT` too. Without `port` it is a worker.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<Located<u16>>,
    /// The start of the paths whose requests it gets, by whole segments. Services with a port differ in `path` or `hosts`.
    #[schemars(with = "Option<schema::PathStart>", extend("default" = "/"))]
    pub path: Option<Located<PathPrefix>>,
    /// The hosts whose requests it gets. Without it, those of the environment.
    #[schemars(with = "Option<Vec<schema::Host>>")]
    pub hosts: Option<Vec<Located<HostName>>>,
    /// How many instances. 0 only for a worker.
    #[schemars(range(min = 0, max = 1000), extend("default" = 1))]
    pub instances: Option<Located<u32>>,
    /// On Kubernetes: the cluster chooses how many instances there are, as in `scale = { min = 2, max = 10, cpu = "70%" }`.
    pub scale: Option<ScaleSettings>,
    /// On Kubernetes: so many of its instances may be taken away at once when a node is emptied.
    #[schemars(range(min = 1, max = 1000), extend("default" = 1))]
    pub max_unavailable: Option<Located<u32>>,
    /// On Kubernetes: who may come in to its instances, as in `network = { from = ["app", "namespace/ingress-nginx"] }`. Without it,
    /// whoever the cluster lets.
    pub network: Option<NetworkSettings>,
    /// How long requests in flight may go on when the traffic has moved on, before the instances are stopped; at most 1d.
    #[schemars(extend("default" = "30s"))]
    pub drain: Option<Located<Duration>>,
    /// How an instance is stopped.
    pub stop: Option<StopSettings>,
    /// What an instance may use. Without it there is no limit.
    pub resources: Option<ResourcesSettings>,
    /// Configuration of its instances, over the manifest's `env`. May use `${NAME}`.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, String>>")]
    pub env: Option<BTreeMap<String, Located<String>>>,
    /// When an instance is ready and well.
    pub health: Option<HealthSettings>,
    /// In a container: who it runs as, `USER` or `USER:GROUP`, by name or number. Without it, whom the image says.
    /// May use `${NAME}` for what the manifest itself spells out.
    #[schemars(with = "Option<String>")]
    pub user: Option<Located<Templated<User>>>,
    /// In a container: it may run as root. Without it, an image that would is refused.
    #[schemars(extend("default" = false))]
    pub allow_root: Option<Located<bool>>,
    /// In a container: the Linux capabilities that it keeps, as in `NET_BIND_SERVICE`; it has no others.
    #[schemars(with = "Option<Vec<schema::CapabilityName>>")]
    pub capabilities: Option<Vec<Located<Capability>>>,
    /// In a container: it cannot write to its own files, but for `/tmp` and its volumes.
    #[schemars(extend("default" = false))]
    pub read_only: Option<Located<bool>>,
    /// In a container: what it sees of the machine, `SOURCE:TARGET` or `SOURCE:TARGET:ro`. The source is a folder, which begins
    /// with `/`, or the name of a volume. May use `${NAME}` for what the manifest itself spells out.
    #[schemars(with = "Option<Vec<String>>")]
    pub volumes: Option<Vec<Located<Templated<VolumeText>>>>,
    /// In a container: names and their addresses, `NAME:ADDRESS`; `host-gateway` is this machine.
    #[schemars(with = "Option<Vec<String>>")]
    pub extra_hosts: Option<Vec<Located<HostEntry>>>,
    /// Names of the configuration that it gets as files in memory, and not in its environment: `NAME_FILE` has the path, in a
    /// container `/run/secrets/NAME`.
    #[schemars(with = "Option<Vec<schema::VariableName>>")]
    pub secret_files: Option<Vec<Located<String>>>,
    /// Something in it could not be read, so that what is missing here may have been meant.
    #[schemars(skip)]
    pub(crate) reading: Reading,
}

/// Within which bounds a cluster chooses how many instances there are. `min` is in the place of `instances` there.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Scale", deny_unknown_fields)]
pub struct ScaleSettings {
    /// Where it is written.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// Never fewer.
    #[schemars(range(min = 1, max = 1000), extend("default" = 1))]
    pub min: Option<Located<u32>>,
    /// Never more. Has to be said.
    #[schemars(range(min = 1, max = 1000))]
    pub max: Option<Located<u32>>,
    /// The share of `resources.cpu` that instances are to use on average, in whole percents.
    #[schemars(extend("default" = "80%"))]
    pub cpu: Option<Located<Percent>>,
}

/// Who may come in to the instances of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Network", deny_unknown_fields)]
pub struct NetworkSettings {
    /// Where it is written.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// `app`: the services of this app in this environment. `namespace`: the environment's namespace. `namespace/NAME`: another one.
    /// `10.0.0.0/8`: these addresses. `everyone`: whoever comes. An empty list: nobody. Has to be said.
    #[schemars(with = "Option<Vec<schema::PeerText>>")]
    pub from: Option<Vec<Located<Peer>>>,
}

/// How an instance is stopped: the signal, then the grace time, then the kill of its whole process group.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Stop", deny_unknown_fields)]
pub struct StopSettings {
    /// The signal that asks it to end.
    #[schemars(with = "Option<schema::SignalName>", extend("default" = "SIGTERM"))]
    pub signal: Option<Located<Signal>>,
    /// How long it may take, at most 1h.
    #[schemars(extend("default" = "10s"))]
    pub grace: Option<Located<Duration>>,
}

/// What an instance may use.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Resources", deny_unknown_fields)]
pub struct ResourcesSettings {
    /// Memory, at least 1Mi, for a container at least 6Mi.
    pub memory: Option<Located<ByteSize>>,
    /// Cores.
    pub cpu: Option<Located<CpuShare>>,
    /// Processes and threads; in a container only.
    #[schemars(range(min = 1, max = 4_194_304))]
    pub pids: Option<Located<u64>>,
}

/// When an instance is ready and well. With a port it is asked by HTTP where `path` is given, and otherwise by connecting to
/// its port. A worker is ready when it has run for `start_period`, or when the HEALTHCHECK of its image says so, and takes no
/// other key.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Health", deny_unknown_fields)]
pub struct HealthSettings {
    /// The path that is asked with GET: 200 to 299 is well. Without it, a connection to the port is enough.
    #[schemars(with = "Option<schema::UrlPath>")]
    pub path: Option<Located<String>>,
    /// From one question to the next.
    #[schemars(extend("default" = "1s"))]
    pub interval: Option<Located<Duration>>,
    /// How long an answer may take.
    #[schemars(extend("default" = "3s"))]
    pub timeout: Option<Located<Duration>>,
    /// The time after the start in which bad answers do not count, and three exits are a crash loop.
    #[schemars(extend("default" = "10s"))]
    pub start_period: Option<Located<Duration>>,
    /// So many good answers in a row make it ready.
    #[schemars(range(min = 1, max = 100), extend("default" = 2))]
    pub healthy_after: Option<Located<u32>>,
    /// So many bad answers in a row make it unwell.
    #[schemars(range(min = 1, max = 100), extend("default" = 3))]
    pub unhealthy_after: Option<Located<u32>>,
}
