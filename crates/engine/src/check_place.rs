//! Where a verify check is run: at one instance of a slot, or at the users' door. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::ServiceName;
use bascule_model::release::{Check, Release};

use crate::context::Loaded;
use crate::ports::{CheckPlace, traffic_services};

/// The `nth` running instance (round and round) of the check's service.
pub(crate) fn at_instance(
    loaded: &Loaded,
    check: &Check,
    instances: &[InstanceStatus],
    nth: usize,
) -> Option<CheckPlace> {
    let service = service_of(loaded, check)?;
    let addresses: Vec<SocketAddr> = instances
        .iter()
        .filter(|instance| {
            instance.service == service && matches!(instance.state, InstanceState::Running { .. })
        })
        .filter_map(|instance| instance.address)
        .collect();
    let address = *addresses.get(nth.checked_rem(addresses.len())?)?;
    Some(place(loaded, &service, address))
}

/// Where users come in, at that address.
pub(crate) fn at_the_door(loaded: &Loaded, check: &Check, door: SocketAddr) -> CheckPlace {
    let address = reachable(door);
    match service_of(loaded, check) {
        Some(service) => place(loaded, &service, address),
        None => CheckPlace { address, host: None, env: BTreeMap::new(), folder: None },
    }
}

/// An address that listens on every interface is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn service_of(loaded: &Loaded, check: &Check) -> Option<ServiceName> {
    check
        .service
        .clone()
        .or_else(|| traffic_services(&loaded.release).next().map(|service| service.name.clone()))
}

/// A name by which users come to the service.
pub(crate) fn host_of(release: &Release, service: &ServiceName) -> Option<String> {
    release
        .service(service)
        .and_then(|service| service.traffic.as_ref())
        .and_then(|traffic| traffic.hosts.first())
        .or_else(|| release.hosts.first())
        .map(|host| host.replacen("*.", "check.", 1))
}

fn place(loaded: &Loaded, service: &ServiceName, address: SocketAddr) -> CheckPlace {
    let release = &loaded.release;
    let host = host_of(release, service);
    let mut known = BTreeMap::from([
        ("PORT".to_owned(), address.port().to_string()),
        ("BASCULE_URL".to_owned(), format!("http://{address}")),
        ("BASCULE_APP".to_owned(), release.key.app.to_string()),
        ("BASCULE_ENVIRONMENT".to_owned(), release.key.environment.to_string()),
        ("BASCULE_RELEASE".to_owned(), release.id.to_string()),
    ]);
    if let Some(host) = &host {
        known.insert("BASCULE_HOST".to_owned(), host.clone());
    }
    let configured = loaded.configuration.env.get(service).into_iter().flatten();
    let mut env: BTreeMap<String, String> =
        configured.map(|(name, text)| (name.clone(), text.render(|name| known.get(name).cloned()))).collect();
    env.extend(known);
    CheckPlace { address, host, env, folder: None }
}
