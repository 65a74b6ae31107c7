//! An environment of an app, as it holds: what a plan is made from and what a release keeps.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::build::Build;
use super::check::Check;
use super::database::{Backup, Database};
use super::gates::Gates;
use super::policy::Policy;
use super::rollout::Rollout;
use super::route::HostName;
use super::service::Service;
use super::task::Task;
use super::text::{Secrets, Value};
use crate::ids::{AppName, EnvironmentKey, EnvironmentName, ServiceName};
use crate::manifest::resolve::Origin;
use crate::release::{Cluster, OnDrift};

/// The manifest as it holds for one environment: overrides merged, defaults filled in, variables replaced.
///
/// Serialized, it holds no private value: those stand in `secrets`, which is left out and has to be kept (sealed) and put
/// back by whoever stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The app.
    pub app: AppName,
    /// The environment of it.
    pub name: EnvironmentName,
    /// Where its instances run.
    pub target: Target,
    /// What is done about instances that somebody changed behind Bascule's back.
    pub drift: OnDrift,
    /// The cluster it runs on; none where its target is no cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// Where its users come in.
    pub listen: SocketAddr,
    /// The hosts it takes on `listen`; empty: every host that no other environment takes.
    pub hosts: Vec<HostName>,
    /// The configuration that all its services share; commands of checks get it too.
    pub env: BTreeMap<String, Value>,
    /// What makes the artifact.
    pub build: Build,
    /// Its services, at least one.
    pub services: BTreeMap<ServiceName, Service>,
    /// The checks of a release, in the manifest's order.
    pub verify: Vec<Check>,
    /// What is run once in every deploy, in the manifest's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// Its database; none where Bascule has nothing to do with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// Where backups of it go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// How a release is brought in.
    pub rollout: Rollout,
    /// What has to be seen in the reports of a pipeline before something goes on.
    #[serde(default, skip_serializing_if = "Gates::is_empty")]
    pub gates: Gates,
    /// The environment whose settled artifacts it takes, and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_from: Option<EnvironmentName>,
    /// What has to be so before it takes a release.
    #[serde(default)]
    pub policy: Policy,
    /// The private values, by the names under which [`Value::Private`] refers to them.
    #[serde(skip)]
    pub secrets: Secrets,
    /// The versions of the secrets that came from the store, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_versions: BTreeMap<String, u32>,
    /// Which layer says what each name of `env` is.
    #[serde(skip)]
    pub origins: BTreeMap<String, Origin>,
}

impl Environment {
    /// App and environment, as one key.
    #[must_use]
    pub fn key(&self) -> EnvironmentKey {
        EnvironmentKey { app: self.app.clone(), environment: self.name.clone() }
    }
}

/// Where instances run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// As processes of this machine.
    Process,
    /// As containers of this machine's Docker Engine.
    Docker,
    /// As pods of a Kubernetes cluster.
    Kubernetes,
}

impl Target {
    /// Whether instances are containers, made from an image.
    #[must_use]
    pub fn runs_containers(self) -> bool {
        match self {
            Self::Process => false,
            Self::Docker | Self::Kubernetes => true,
        }
    }
}
