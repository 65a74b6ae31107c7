//! The manifest as it is written: every setting is there or not, and knows its place in the source.
//!
//! The comments on the fields are the documentation of the keys: the JSON Schema takes its descriptions from them.

mod build;
mod check;
mod database;
mod environment;
mod gates;
mod kubernetes;
mod observe;
mod patch;
mod pipeline;
mod policy;
mod secret;
mod service;
mod task;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

pub use build::{BuildSettings, RegistrySettings};
pub use check::{CheckSettings, ExpectSettings};
pub use database::{BackupSettings, DatabaseSettings};
pub use environment::{EnvironmentSettings, RolloutSettings};
pub use gates::{CustomGateSettings, GateSettings, GatesSettings};
pub use kubernetes::{ClusterServiceSettings, KubernetesSettings, RouteSettings, SwitchBy};
pub use observe::{ObserveSettings, ProbeSettings};
pub use patch::PatchSettings;
pub(crate) use patch::PatchedVariable;
pub use pipeline::{
    CacheSettings, JobSettings, PipelineSettings, ReportsSettings, RetrySettings, StageSettings,
};
pub use policy::PolicySettings;
pub use secret::{Delivery, SecretFrom, SecretSettings};
pub use service::{
    HealthSettings, NetworkSettings, ResourcesSettings, ScaleSettings, ServiceSettings, StopSettings,
};

pub use task::TaskSettings;

use crate::ids::{AppName, EnvironmentName, ServiceName};
use crate::manifest::schema;
use crate::manifest::source::Source;

/// A value and where it stands in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its bytes in the source.
    pub span: Range<usize>,
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
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

/// One app: its services, how a release of it is brought in, and its environments.
///
/// Durations are texts like `250ms`, `30s`, `1m30s`; sizes like `256Mi`; percentages like `0.1%`. `${NAME}` in `env`, in
/// `header`, `body` and paths of checks, and in commands is replaced by what the caller's environment (for names that the
/// manifest declares), the secrets, the env file, the environment's `env`, the manifest's `env` or the caller's environment
/// says, in this order; `$$` is a dollar sign.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(title = "bascule.toml", deny_unknown_fields)]
pub struct Manifest {
    /// The file it was read from, for messages.
    #[schemars(skip)]
    pub source: Source,
    /// The app's name.
    #[schemars(with = "schema::Name")]
    pub app: Located<AppName>,
    /// Configuration of all services in all environments. May use `${NAME}`.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, String>>")]
    pub env: Option<BTreeMap<String, Located<String>>>,
    /// Secrets by name: where each comes from, as in `API_TOKEN = "store"`. What the store has needs no entry.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, SecretSettings>>")]
    pub secrets: Option<BTreeMap<String, SecretSettings>>,
    /// What makes the artifact. Without it the artifact is empty, and the commands are found on the machine.
    pub build: Option<BuildSettings>,
    /// The services, by name: at least one.
    #[schemars(with = "BTreeMap<schema::Name, ServiceSettings>", extend("minProperties" = 1))]
    pub services: BTreeMap<ServiceName, ServiceSettings>,
    /// The checks of a release, each with its own `[[verify]]`.
    pub verify: Option<Vec<CheckSettings>>,
    /// What is run once in every deploy, each with its own `[[tasks]]`, in this order.
    pub tasks: Option<Vec<TaskSettings>>,
    /// The app's database and its migrations.
    pub database: Option<DatabaseSettings>,
    /// Where backups of the database go.
    pub backup: Option<BackupSettings>,
    /// How a release is brought in and watched.
    pub rollout: Option<RolloutSettings>,
    /// Who counts users' requests in a cluster.
    pub observe: Option<ObserveSettings>,
    /// The way from a commit to production: what `bascule ship` does.
    pub pipeline: Option<PipelineSettings>,
    /// What has to be seen in the reports of a pipeline before something goes on.
    pub gates: Option<GatesSettings>,
    /// The environments, by name: at least one.
    #[schemars(with = "BTreeMap<schema::Name, EnvironmentSettings>", extend("minProperties" = 1))]
    pub environments: BTreeMap<EnvironmentName, EnvironmentSettings>,
}

impl Manifest {
    /// The file that [`resolve`](crate::manifest::resolve) wants the text of for this environment, as it is written; a
    /// relative path begins at the manifest's folder.
    #[must_use]
    pub fn env_file(&self, environment: &str) -> Option<&str> {
        let found = self.environments.iter().find(|(name, _)| name.as_str() == environment);
        found.and_then(|(_, settings)| settings.env_file.as_ref()).map(|file| file.value.as_str())
    }

    /// The secrets of an environment that `[secrets]` names, those of the environment before those of all.
    #[must_use]
    pub fn secrets(&self, environment: &str) -> BTreeMap<&str, &SecretSettings> {
        let found = self.environments.iter().find(|(name, _)| name.as_str() == environment);
        let own = found.and_then(|(_, settings)| settings.secrets.as_ref());
        let all = self.secrets.iter().chain(own).flatten();
        all.map(|(name, settings)| (name.as_str(), settings)).collect()
    }
}

/// A command: one text for the shell, or a program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandSettings {
    /// Run by `/bin/sh -c`.
    Shell(Located<String>),
    /// Run as it is.
    Program(Vec<Located<String>>),
}

impl JsonSchema for CommandSettings {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A program and its arguments, or one text that /bin/sh runs.",
            "anyOf": [
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                { "type": "string", "minLength": 1 }
            ]
        })
    }
}
