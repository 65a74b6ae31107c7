//! The manifest as it is written: every setting is there or not, and knows its place in the source.
//!
//! The comments on the fields are the documentation of the keys: the JSON Schema takes its descriptions from them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;

use super::build::RelativePath;
use super::environment::Target;
use super::rollout::{OnNoData, Strategy};
use super::route::{HostName, PathPrefix};
use super::service::Signal;
use crate::ids::{AppName, EnvironmentName, ServiceName};
use crate::manifest::json_path::JsonPath;
use crate::manifest::source::Source;
use crate::units::{ByteSize, CpuShare, Duration, Percent};

/// A value and where it stands in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its bytes in the source.
    pub span: Range<usize>,
}

/// What one `bascule.toml` says: one app, its services, how a release of it is brought in, and its environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The file it was read from, for messages.
    pub source: Source,
    /// The app's name.
    pub app: Located<AppName>,
    /// Configuration of all services in all environments.
    pub env: Option<BTreeMap<String, Located<String>>>,
    /// What makes the artifact.
    pub build: Option<BuildSettings>,
    /// The services.
    pub services: BTreeMap<ServiceName, ServiceSettings>,
    /// The checks of a release.
    pub verify: Option<Vec<CheckSettings>>,
    /// How a release is brought in and watched.
    pub rollout: Option<RolloutSettings>,
    /// The environments.
    pub environments: BTreeMap<EnvironmentName, EnvironmentSettings>,
}

/// A command: one text for the shell, or a program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandSettings {
    /// Run by `/bin/sh -c`.
    Shell(Located<String>),
    /// Run as it is.
    Program(Vec<Located<String>>),
}

/// `[build]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSettings {
    /// Where the section begins.
    pub span: Range<usize>,
    /// See [`Build::command`](super::Build::command).
    pub command: Option<CommandSettings>,
    /// See [`Build::files`](super::Build::files).
    pub files: Option<Vec<Located<RelativePath>>>,
}

/// `[services.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Where the section begins.
    pub span: Range<usize>,
    /// The command of an instance.
    pub command: Option<CommandSettings>,
    /// The port.
    pub port: Option<Located<u16>>,
    /// The paths it takes.
    pub path: Option<Located<PathPrefix>>,
    /// The hosts it takes.
    pub hosts: Option<Vec<Located<HostName>>>,
    /// How many instances.
    pub instances: Option<Located<u32>>,
    /// How long requests in flight may go on.
    pub drain: Option<Located<Duration>>,
    /// How an instance is stopped.
    pub stop: Option<StopSettings>,
    /// What an instance may use.
    pub resources: Option<ResourcesSettings>,
    /// Its configuration.
    pub env: Option<BTreeMap<String, Located<String>>>,
    /// When an instance is well.
    pub health: Option<HealthSettings>,
    /// Something in it could not be read, so that what is missing here may have been meant.
    pub(crate) reading: Reading,
}

/// Whether all of a section could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reading {
    /// It could.
    #[default]
    Complete,
    /// Something was refused, and is reported.
    Partial,
}

/// `stop = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StopSettings {
    /// What it is told.
    pub signal: Option<Located<Signal>>,
    /// How long it may take.
    pub grace: Option<Located<Duration>>,
}

/// `resources = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourcesSettings {
    /// Memory.
    pub memory: Option<Located<ByteSize>>,
    /// Cores.
    pub cpu: Option<Located<CpuShare>>,
}

/// `[services.NAME.health]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HealthSettings {
    /// The path that is asked.
    pub path: Option<Located<String>>,
    /// From one question to the next.
    pub interval: Option<Located<Duration>>,
    /// For one answer.
    pub timeout: Option<Located<Duration>>,
    /// After the start.
    pub start_period: Option<Located<Duration>>,
    /// Good answers in a row.
    pub healthy_after: Option<Located<u32>>,
    /// Bad answers in a row.
    pub unhealthy_after: Option<Located<u32>>,
}

/// `[[verify]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSettings {
    /// Where the section begins.
    pub span: Range<usize>,
    /// The name.
    pub name: Option<Located<String>>,
    /// The service that is asked.
    pub service: Option<Located<ServiceName>>,
    /// `GET` of this path.
    pub get: Option<Located<String>>,
    /// `POST` to this path.
    pub post: Option<Located<String>>,
    /// `PUT` to this path.
    pub put: Option<Located<String>>,
    /// `DELETE` of this path.
    pub delete: Option<Located<String>>,
    /// A command of one's own.
    pub command: Option<CommandSettings>,
    /// Header fields.
    pub header: Option<BTreeMap<String, Located<String>>>,
    /// The body.
    pub body: Option<Located<String>>,
    /// What the answer has to be.
    pub expect: Option<ExpectSettings>,
    /// How many more times.
    pub retries: Option<Located<u32>>,
    /// Over which time.
    pub over: Option<Located<Duration>>,
    /// Something in it could not be read.
    pub(crate) reading: Reading,
}

/// `expect = { … }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectSettings {
    /// Where it stands.
    pub span: Range<usize>,
    /// The status.
    pub status: Option<Located<u16>>,
    /// The time.
    pub within: Option<Located<Duration>>,
    /// The place in a JSON body.
    pub json: Option<Located<JsonPath>>,
    /// The text.
    pub contains: Option<Located<String>>,
}

/// `[rollout]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolloutSettings {
    /// See [`Rollout`](super::Rollout), as for all of these.
    pub strategy: Option<Located<Strategy>>,
    /// Start and readiness together.
    pub deadline: Option<Located<Duration>>,
    /// The watched time.
    pub bake: Option<Located<Duration>>,
    /// Failed requests.
    pub max_error_rate: Option<Located<Percent>>,
    /// Response time.
    pub max_p95: Option<Located<Duration>>,
    /// Enough requests.
    pub min_requests: Option<Located<u64>>,
    /// Without them.
    pub on_no_data: Option<Located<OnNoData>>,
    /// The rollback window.
    pub warm: Option<Located<Duration>>,
    /// Releases kept.
    pub keep: Option<Located<u32>>,
}

/// `[environments.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvironmentSettings {
    /// Where the section begins.
    pub span: Range<usize>,
    /// Where instances run.
    pub target: Option<Located<Target>>,
    /// Where users come in.
    pub listen: Option<Located<SocketAddr>>,
    /// The hosts it takes.
    pub hosts: Option<Vec<Located<HostName>>>,
    /// Configuration of all services.
    pub env: Option<BTreeMap<String, Located<String>>>,
    /// More of it in a file of `KEY=VALUE` lines; a relative path begins at the manifest's folder.
    pub env_file: Option<Located<String>>,
    /// How many instances, by service: short for `services.NAME.instances`.
    pub instances: Option<BTreeMap<ServiceName, Located<u32>>>,
    /// Overrides of `[build]`.
    pub build: Option<BuildSettings>,
    /// Overrides of the services.
    pub services: BTreeMap<ServiceName, ServiceSettings>,
    /// Stands in place of the manifest's checks.
    pub verify: Option<Vec<CheckSettings>>,
    /// Overrides of `[rollout]`.
    pub rollout: Option<RolloutSettings>,
}
