//! What the control plane tells the edge about a slot, and the checks a route has to pass.

use std::collections::HashSet;
use std::net::SocketAddr;

use bascule_model::ids::{EnvironmentKey, InstanceId, ReleaseId, ServiceName, Slot};
use serde::{Deserialize, Serialize};

/// What stands in a slot, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRoute {
    /// The environment.
    pub key: EnvironmentKey,
    /// The slot.
    pub slot: Slot,
    /// The release that stands there.
    pub release: ReleaseId,
    /// The address that users come to.
    pub listen: SocketAddr,
    /// Host names (`shop.example.com`, `*.example.com`); none: every host that no other environment on that address has.
    pub hosts: Vec<String>,
    /// The services that get traffic.
    pub services: Vec<ServiceRoute>,
}

/// A service and its instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRoute {
    /// The service.
    pub service: ServiceName,
    /// Host names of its own; none: those of the slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The path prefix that it answers, by whole segments: `/` for all, `/api` for `/api` and `/api/…`.
    pub path: String,
    /// Where an instance that failed is asked (GET, any 2xx) before it gets traffic again; without it a TCP connection is enough.
    pub health_path: Option<String>,
    /// Where it runs.
    pub instances: Vec<InstanceRoute>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstanceRoute {
    /// Its name.
    pub id: InstanceId,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Whether the control plane takes an instance for healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It gets its share.
    Healthy,
    /// It gets no new request while another one is left.
    Unhealthy,
}

impl SlotRoute {
    /// What makes the route unusable, if anything does.
    pub(crate) fn fault(&self) -> Option<String> {
        let own = self.services.iter().flat_map(|service| &service.hosts);
        if let Some(host) = self.hosts.iter().chain(own).find(|host| !is_host(host)) {
            return Some(format!(
                "{host:?} is not a host name (like shop.example.com or *.example.com, without a port)"
            ));
        }
        let mut doors = HashSet::new();
        if let Some((host, path, _)) =
            self.doors().find(|(host, path, _)| !doors.insert((host.clone(), path.clone())))
        {
            let host = if host.is_empty() { "any host" } else { host.as_str() };
            return Some(format!("two services answer the path {path}/ of {host}"));
        }
        for service in &self.services {
            if !service.path.starts_with('/') || !service.path.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Some(format!(
                    "the path {:?} of service {} does not begin with /",
                    service.path, service.service
                ));
            }
            if let Some(path) = &service.health_path
                && (!path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()))
            {
                return Some(format!(
                    "the health path {path:?} of service {} does not begin with /",
                    service.service
                ));
            }
        }
        None
    }

    /// The doors it claims: host (empty for any) and path prefix, both in their plain form, with the place of the service.
    pub(crate) fn doors(&self) -> impl Iterator<Item = (String, String, usize)> + '_ {
        self.services.iter().enumerate().flat_map(|(at, service)| {
            let named = if service.hosts.is_empty() { &self.hosts } else { &service.hosts };
            let hosts = if named.is_empty() { vec![String::new()] } else { named.clone() };
            let path = service.path.trim_end_matches('/').to_owned();
            hosts.into_iter().map(move |host| (host.to_ascii_lowercase(), path.clone(), at))
        })
    }
}

fn is_host(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_with_at_most_one_star_in_front() {
        for good in ["localhost", "shop.example.com", "*.example.com", "10.0.0.1", "A.b"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "*", "*.", "a..b", "a:80", "a/b", "x.*.com", "[::1]"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
