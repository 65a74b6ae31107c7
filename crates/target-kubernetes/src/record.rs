//! What is kept on disk of an environment's traffic: in which cluster its Services are, and for which services. Written before the
//! first of them is made, gone after the last.

use std::path::PathBuf;

use bascule_engine::ports::traffic_services;
use bascule_instances::layout::Layout;
use bascule_instances::{StateError, durable, records};
use bascule_model::ids::{AppName, EnvironmentKey, ServiceName};
use bascule_model::release::{Cluster, Release, Traffic};
use serde::{Deserialize, Serialize};

use crate::names;

/// `cluster.json` in the environment's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrafficRecord {
    pub(crate) cluster: Cluster,
    /// Services that have a Service, the one that leads first: what is live is what that one says.
    pub(crate) services: Vec<ServiceName>,
}

impl TrafficRecord {
    /// Of a release: the service that gets `/` leads.
    pub(crate) fn of(release: &Release) -> Option<Self> {
        let cluster = release.cluster.clone()?;
        let is_root = |traffic: &Traffic| traffic.path == "/";
        let mut services: Vec<_> = traffic_services(release).collect();
        services.sort_by_key(|service| !service.traffic.as_ref().is_some_and(is_root));
        Some(Self { cluster, services: services.into_iter().map(|service| service.name.clone()).collect() })
    }

    /// The Service in front of one of the services.
    pub(crate) fn front(&self, app: &AppName, service: &ServiceName) -> String {
        let leads = self.services.first() == Some(service);
        front(&self.cluster, app, service, leads)
    }

    /// Those that users come to through a route: each has two Services, one a slot. The one that leads first.
    pub(crate) fn routed(&self) -> Vec<ServiceName> {
        self.services.iter().filter(|service| is_routed(&self.cluster, service)).cloned().collect()
    }

    /// The others, whose one Service stays where it is, and whether that one leads.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = (&ServiceName, bool)> {
        let all = self.services.iter().enumerate();
        all.filter(|(_, service)| !is_routed(&self.cluster, service)).map(|(at, service)| (service, at == 0))
    }

    /// With those of another one behind its own.
    pub(crate) fn with(mut self, other: Option<Self>) -> Self {
        for service in other.into_iter().flat_map(|other| other.services) {
            if !self.services.contains(&service) {
                self.services.push(service);
            }
        }
        self
    }
}

/// Whether users come to a service through a route.
pub(crate) fn is_routed(cluster: &Cluster, service: &ServiceName) -> bool {
    cluster.route.as_ref().is_some_and(|route| route.leads_to(service))
}

/// The Service in front of a service; `leads`: it says who is live.
pub(crate) fn front(cluster: &Cluster, app: &AppName, service: &ServiceName, leads: bool) -> String {
    let named = cluster.service_name.clone().filter(|_| leads);
    named.unwrap_or_else(|| names::service(app, service))
}

fn path(layout: &Layout, key: &EnvironmentKey) -> Result<PathBuf, StateError> {
    Ok(layout.environment(key)?.join("cluster.json"))
}

/// The record; none where the environment has no Services.
pub(crate) fn read(layout: &Layout, key: &EnvironmentKey) -> Result<Option<TrafficRecord>, StateError> {
    records::read(&path(layout, key)?)
}

/// Writes it.
pub(crate) fn write(layout: &Layout, key: &EnvironmentKey, record: &TrafficRecord) -> Result<(), StateError> {
    durable::make_folder(&layout.environment(key)?)?;
    records::write(&path(layout, key)?, record)
}

/// Removes it.
pub(crate) fn forget(layout: &Layout, key: &EnvironmentKey) -> Result<(), StateError> {
    durable::remove_file(&path(layout, key)?)
}
