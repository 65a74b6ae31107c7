//! `[rollout]` and `[environments.NAME]` as they are written.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;

use schemars::JsonSchema;

use super::{
    BackupSettings, BuildSettings, CheckSettings, DatabaseSettings, GatesSettings, KubernetesSettings,
    Located, ObserveSettings, PolicySettings, SecretSettings, ServiceSettings, TaskSettings,
};
use crate::ids::{EnvironmentName, ServiceName};
use crate::manifest::schema;
use crate::manifest::types::environment::Target;
use crate::manifest::types::rollout::{OnNoData, Strategy};
use crate::manifest::types::route::HostName;
use crate::release::OnDrift;
use crate::units::{Duration, Percent};

/// How a release is brought in and watched.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Rollout", deny_unknown_fields)]
pub struct RolloutSettings {
    /// `blue-green`: all instances of the new release beside the old ones, then one switch. `rolling`, for Kubernetes: instance by
    /// instance, as the old ones go.
    #[schemars(with = "Option<schema::StrategyName>", extend("default" = "blue-green"))]
    pub strategy: Option<Located<Strategy>>,
    /// With `rolling`: so many instances of a service fewer than it has may be ready.
    #[schemars(range(min = 0, max = 1000), extend("default" = 0))]
    pub max_unavailable: Option<Located<u32>>,
    /// With `rolling`: so many more than it has may be there.
    #[schemars(range(min = 1, max = 1000), extend("default" = 1))]
    pub max_surge: Option<Located<u32>>,
    /// The time in which all instances are started and ready, at most 1d. With `rolling`: the longest time without a step forward.
    #[schemars(extend("default" = "5m"))]
    pub deadline: Option<Located<Duration>>,
    /// How long the new release is watched after the switch, at most 1d. `0s`: not at all.
    #[schemars(extend("default" = "1m"))]
    pub bake: Option<Located<Duration>>,
    /// With a greater share of 5xx answers and failed connections, the release is taken back.
    #[schemars(extend("default" = "0.1%"))]
    pub max_error_rate: Option<Located<Percent>>,
    /// With a longer response time at the 95th percentile, the release is taken back; at most 1h.
    #[schemars(extend("default" = "2s"))]
    pub max_p95: Option<Located<Duration>>,
    /// With fewer requests from users in the bake, there is no data to judge them by.
    #[schemars(range(min = 0, max = 1_000_000_000_u64), extend("default" = 100))]
    pub min_requests: Option<Located<u64>>,
    /// What decides without data. `probe`: the checks, repeated all through the bake. `wait`: the bake goes on. `fail`: the
    /// release is taken back.
    #[schemars(with = "Option<schema::OnNoDataName>", extend("default" = "probe"))]
    pub on_no_data: Option<Located<OnNoData>>,
    /// How long the former release stays up after the bake, for a rollback in an instant; at most 30d.
    #[schemars(extend("default" = "10m"))]
    pub warm: Option<Located<Duration>>,
    /// How many releases are kept for a rollback that starts them anew.
    #[schemars(range(min = 1, max = 1000), extend("default" = 5))]
    pub keep: Option<Located<u32>>,
}

/// One place to deploy to, and what is different there.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Environment", deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// `process`: instances as processes of this machine. `docker`: as containers of this machine's Docker Engine.
    /// `kubernetes`: as pods of a cluster.
    #[schemars(with = "Option<schema::TargetName>", extend("default" = "process"))]
    pub target: Option<Located<Target>>,
    /// For containers: what is done about those that somebody changed or removed behind Bascule's back. `repair`: they are made
    /// anew as the release says. `report`: `status` says so.
    #[schemars(with = "Option<schema::DriftName>", extend("default" = "repair"))]
    pub drift: Option<Located<OnDrift>>,
    /// For Kubernetes: the namespace, which has to be there.
    #[schemars(with = "Option<schema::KubernetesName>", extend("default" = "default"))]
    pub namespace: Option<Located<String>>,
    /// For Kubernetes: the context of the kubeconfig. Without it the current one, or the cluster that Bascule itself runs in.
    #[schemars(length(min = 1))]
    pub context: Option<Located<String>>,
    /// For Kubernetes: how users come in.
    pub kubernetes: Option<KubernetesSettings>,
    /// Where users come in: an IP address and a port.
    #[schemars(with = "Option<schema::Address>", extend("default" = "127.0.0.1:8080"))]
    pub listen: Option<Located<SocketAddr>>,
    /// The hosts whose requests it gets, where several share `listen`. Without it, those that no other one gets.
    #[schemars(with = "Option<Vec<schema::Host>>")]
    pub hosts: Option<Vec<Located<HostName>>>,
    /// Configuration of all services here, over everything outside of this environment; the env file, the secrets and the
    /// caller's environment are over it. May use `${NAME}`.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, String>>")]
    pub env: Option<BTreeMap<String, Located<String>>>,
    /// More of it in a file of KEY=VALUE lines; a relative path begins at the manifest's folder. Its values are secret.
    /// Without it, `.env.NAME` of the environment's name is taken where it is there.
    #[schemars(length(min = 1))]
    pub env_file: Option<Located<String>>,
    /// Secrets by name, over those of all environments.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, SecretSettings>>")]
    pub secrets: Option<BTreeMap<String, SecretSettings>>,
    /// How many instances, by service, as in `instances.web = 4`.
    #[schemars(with = "Option<BTreeMap<schema::Name, schema::InstanceCount>>")]
    pub instances: Option<BTreeMap<ServiceName, Located<u32>>>,
    /// What is different in `[build]`.
    pub build: Option<BuildSettings>,
    /// What is different in the services, as in `services.web.drain = "60s"`.
    #[schemars(with = "Option<BTreeMap<schema::Name, ServiceSettings>>")]
    pub services: BTreeMap<ServiceName, ServiceSettings>,
    /// The checks here, in place of all others.
    pub verify: Option<Vec<CheckSettings>>,
    /// The tasks here, in place of all others; `tasks = []`: none.
    pub tasks: Option<Vec<TaskSettings>>,
    /// What is different in `[database]`.
    pub database: Option<DatabaseSettings>,
    /// What is different in `[backup]`.
    pub backup: Option<BackupSettings>,
    /// What is different in `[rollout]`.
    pub rollout: Option<RolloutSettings>,
    /// What is different in `[observe]`. For Kubernetes only.
    pub observe: Option<ObserveSettings>,
    /// What is different in `[gates]`.
    pub gates: Option<GatesSettings>,
    /// The environment whose artifacts it takes: those that are live and settled there, and no others. Nothing is built then.
    #[schemars(with = "Option<schema::Name>")]
    pub promote_from: Option<Located<EnvironmentName>>,
    /// What has to be so before it takes a release.
    pub policy: Option<PolicySettings>,
}
