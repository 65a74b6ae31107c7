//! The request for a container. Pure: the same release, values and place give the same request.
//!
//! Safe by default: no new privileges, no capability but those that are named, no swap on top of the memory limit, and the
//! engine never starts it again by itself: the control plane does.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::path::Path;

use bascule_instances::surroundings::Who;
use bascule_model::manifest::InstanceText;
use bascule_model::release::{Container, Limits, Service, Writing};
use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig, Mount,
    MountType, NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use crate::create::image::Image;
use crate::shared::Reach;

/// How long an instance's log may get, and how many parts of it the engine keeps.
const LOG_SIZE: &str = "10m";
const LOG_PARTS: &str = "3";
/// Where a container sees its secrets that are files.
const SECRETS: &str = "/run/secrets";

/// Everything that a container is made from.
pub(crate) struct Making<'a> {
    pub(crate) who: Who<'a>,
    pub(crate) service: &'a Service,
    /// The service's variables.
    pub(crate) values: &'a BTreeMap<String, InstanceText>,
    pub(crate) image: &'a Image,
    pub(crate) network: &'a str,
    /// Its own address; none: any of the network.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) reach: Reach,
    /// The folder with its secrets, where it has some.
    pub(crate) secrets: Option<&'a Path>,
}

/// The values that a service gets as files, by name.
pub(crate) fn secret_files(
    who: &Who<'_>,
    service: &Service,
    values: &BTreeMap<String, InstanceText>,
) -> BTreeMap<String, String> {
    service
        .container
        .as_ref()
        .map_or_else(BTreeMap::new, |container| who.files(values, &container.secret_files))
}

/// The request, without labels.
pub(crate) fn body(making: &Making<'_>) -> ContainerCreateBody {
    let service = making.service;
    let none = Container::default();
    let container = service.container.as_ref().unwrap_or(&none);
    let command = making.who.command(&service.command);
    let port = service.traffic.as_ref().map(|traffic| format!("{}/tcp", traffic.port));
    let published = port.filter(|_| making.reach == Reach::Published);
    ContainerCreateBody {
        image: Some(making.image.reference.clone()),
        // A command is all that is run: what the image would put before it is left out as well.
        entrypoint: command.first().map(|program| vec![program.clone()]),
        cmd: (!command.is_empty()).then(|| command[1..].to_vec()),
        env: Some(environment(making, container)),
        user: container.user.clone(),
        stop_signal: Some(service.stop.signal.to_string()),
        // For when the engine itself ends: it gives the same grace.
        stop_timeout: i64::try_from(service.stop.grace.as_secs()).ok(),
        exposed_ports: published.clone().map(|port| vec![port]),
        host_config: Some(host(making, container, published)),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(making.network.to_owned(), endpoint(making.address))])),
        }),
        ..ContainerCreateBody::default()
    }
}

/// Its end of the network.
pub(crate) fn endpoint(address: Option<Ipv4Addr>) -> EndpointSettings {
    EndpointSettings {
        ipam_config: address.map(|address| EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..EndpointIpamConfig::default()
        }),
        ..EndpointSettings::default()
    }
}

fn environment(making: &Making<'_>, container: &Container) -> Vec<String> {
    let (nothing, files) = (BTreeMap::new(), &container.secret_files);
    let all = making.who.environment_beside_files(&nothing, making.values, files, Path::new(SECRETS));
    all.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn host(making: &Making<'_>, container: &Container, published: Option<String>) -> HostConfig {
    let Limits { memory, cpu_millis, pids } = making.service.limits;
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let read_only = container.files == Writing::ReadOnly;
    HostConfig {
        network_mode: Some(making.network.to_owned()),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        memory: memory.map(number),
        memory_swap: memory.map(number),
        nano_cpus: cpu_millis.map(|millis| number(millis.saturating_mul(1_000_000))),
        pids_limit: pids.map(number),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: (!container.capabilities.is_empty()).then(|| container.capabilities.clone()),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        readonly_rootfs: read_only.then_some(true),
        tmpfs: read_only
            .then(|| HashMap::from([("/tmp".to_owned(), "rw,nosuid,nodev,mode=1777".to_owned())])),
        extra_hosts: (!container.extra_hosts.is_empty()).then(|| container.extra_hosts.clone()),
        mounts: Some(mounts(making, container)),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_SIZE.to_owned()),
                ("max-file".to_owned(), LOG_PARTS.to_owned()),
            ])),
        }),
        port_bindings: published.map(|port| {
            let anywhere = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
            HashMap::from([(port, Some(vec![anywhere]))])
        }),
        ..HostConfig::default()
    }
}

fn mounts(making: &Making<'_>, container: &Container) -> Vec<Mount> {
    let volumes = container.volumes.iter().map(|volume| Mount {
        typ: Some(if volume.source.starts_with('/') { MountType::BIND } else { MountType::VOLUME }),
        source: Some(volume.source.clone()),
        target: Some(volume.target.clone()),
        read_only: Some(volume.writing == Writing::ReadOnly),
        ..Mount::default()
    });
    let secrets = making.secrets.map(|folder| Mount {
        typ: Some(MountType::BIND),
        source: Some(folder.display().to_string()),
        target: Some(SECRETS.to_owned()),
        read_only: Some(true),
        ..Mount::default()
    });
    volumes.chain(secrets).collect()
}
