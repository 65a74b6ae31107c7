//! The manifest as data, in two stages.
//!
//! As written: [`Manifest`] and the `…Settings` (everything optional, each value [`Located`] in the source).
//! As it holds: [`Environment`] with everything it contains (complete, typed, serializable; secrets stand apart).

mod build;
mod check;
mod container;
mod environment;
mod image;
mod rollout;
mod route;
mod service;
mod settings;
mod text;

pub use build::{BadRelativePath, Build, RelativePath};
pub use check::{Check, CheckRequest, Expect, Method, Retry};
pub use container::{CAPABILITIES, Capability, HostEntry, User, VolumeText};
pub use environment::{Environment, Target};
pub use image::{BadImageName, Image, ImageBuild, ImageFrom, ImageName, Registry, Repository};
pub use rollout::{OnNoData, Rollout, Strategy};
pub use route::{BadRoute, HostName, PathPrefix};
pub use service::{Health, Probe, Resources, Service, Signal, Stop, Traffic};
pub(crate) use settings::Reading;
pub use settings::{
    BuildSettings, CheckSettings, CommandSettings, EnvironmentSettings, ExpectSettings, HealthSettings,
    Located, Manifest, RegistrySettings, ResourcesSettings, RolloutSettings, ServiceSettings, StopSettings,
};
pub use text::{INSTANCE_VARIABLES, InstanceText, Secret, SecretName, Secrets, Value};
