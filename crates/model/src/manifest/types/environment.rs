//! An environment of an app, as it holds: what a plan is made from and what a release keeps.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::build::Build;
use super::check::Check;
use super::rollout::Rollout;
use super::route::HostName;
use super::service::Service;
use super::text::{Secrets, Value};
use crate::ids::{AppName, EnvironmentKey, EnvironmentName, ServiceName};
use crate::release::OnDrift;

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
    /// How a release is brought in.
    pub rollout: Rollout,
    /// The private values, by the names under which [`Value::Private`] refers to them.
    #[serde(skip)]
    pub secrets: Secrets,
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
}

impl Target {
    /// Whether instances are containers, made from an image.
    #[must_use]
    pub fn runs_containers(self) -> bool {
        match self {
            Self::Process => false,
            Self::Docker => true,
        }
    }
}
