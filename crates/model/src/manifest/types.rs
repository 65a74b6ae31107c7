//! The manifest as data, in two stages.
//!
//! As written: [`Manifest`] and the `…Settings` (everything optional, each value [`Located`] in the source).
//! As it holds: [`Environment`] with everything it contains (complete, typed, serializable; secrets stand apart).

mod build;
mod check;
mod container;
mod database;
mod environment;
mod gates;
mod image;
mod policy;
mod rollout;
mod route;
mod service;
mod settings;
mod task;
mod templated;
mod text;

pub use build::{BadRelativePath, Build, RelativePath};
pub use check::{Check, CheckRequest, Expect, Method, Retry};
pub use container::{CAPABILITIES, Capability, HostEntry, User, VolumeText};
pub use database::{Backup, BackupWhen, Database, MigrationFormat, Rehearse};
pub use environment::{Environment, Target};
pub use gates::{
    BadCondition, BadValuePlace, Condition, CustomGate, Gate, Gates, Metric, Operator, Unit, ValuePlace,
};
pub use image::{BadImageName, Image, ImageBuild, ImageFrom, ImageName, Registry, Repository};
pub use policy::{Policy, Shipping};
pub use rollout::{OnNoData, Rollout, Strategy};
pub use route::{BadRoute, HostName, PathPrefix};
pub use service::{DRAIN, Health, Probe, Resources, Service, Signal, Stop, Traffic};
pub use settings::{
    BackupSettings, BuildSettings, CacheSettings, CheckSettings, ClusterServiceSettings, CommandSettings,
    CustomGateSettings, DatabaseSettings, Delivery, EnvironmentSettings, ExpectSettings, GateSettings,
    GatesSettings, HealthSettings, JobSettings, KubernetesSettings, Located, Manifest, NetworkSettings,
    ObserveSettings, PatchSettings, PipelineSettings, PolicySettings, ProbeSettings, RegistrySettings,
    ReportsSettings, ResourcesSettings, RetrySettings, RolloutSettings, RouteSettings, ScaleSettings,
    SecretFrom, SecretSettings, ServiceSettings, StageSettings, StopSettings, SwitchBy, TaskSettings,
};
pub(crate) use settings::{PatchedVariable, Reading};
pub use task::{TASK_TIMEOUT, Task};
pub use templated::Templated;
pub use text::{INSTANCE_VARIABLES, InstanceText, Secret, SecretName, Secrets, Value};
