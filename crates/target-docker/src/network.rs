//! The network of an app's environment: made once, with addresses that are known before anybody is in it.
//!
//! The subnet is chosen here and written out, since only so an instance can be given the address that it keeps. It is noted: a
//! network that somebody removed is made again with the same addresses. Of two that choose the same one at the same moment the
//! engine refuses the second, which takes the next.

mod choice;
pub(crate) mod plan;

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use bascule_instances::records;
use bascule_model::ids::EnvironmentKey;
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::ListNetworksOptions;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::error::DockerError;
use crate::names;
use crate::shared::Shared;
use choice::Range;
use plan::Subnet;

/// An environment's network.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) name: String,
    pub(crate) subnet: Subnet,
    /// Who was in it when it was looked at, ours and others.
    taken: HashSet<Ipv4Addr>,
}

/// `network.json` in the environment's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct NetworkRecord {
    subnet: String,
    /// The address that was given last.
    last: Option<Ipv4Addr>,
}

fn record_path(shared: &Shared, key: &EnvironmentKey) -> Result<PathBuf, DockerError> {
    Ok(shared.layout.environment(key)?.join("network.json"))
}

/// Whether the environment ever had one, so that the engine need not be asked about others.
pub(crate) fn is_noted(shared: &Shared, key: &EnvironmentKey) -> Result<bool, DockerError> {
    Ok(record_path(shared, key)?.exists())
}

/// The environment's network, made where it is not there.
pub(crate) async fn ensure(
    shared: &Shared,
    key: &EnvironmentKey,
    patience: Duration,
) -> Result<Network, DockerError> {
    let turn = shared.network_turn(key);
    let _turn = turn.lock().await;
    let name = names::network(key, &shared.state_id);
    if let Some(found) = there(shared, key, &name, patience).await? {
        return Ok(found);
    }
    let noted = records::read::<NetworkRecord>(&record_path(shared, key)?).ok().flatten();
    if let Some(subnet) = noted.and_then(|record| Subnet::parse(&record.subnet))
        && let Some(made) = make_in(shared, key, &name, subnet, patience).await?
    {
        return Ok(made);
    }
    for subnet in free_subnets(&shared.connection, patience).await? {
        if let Some(made) = make_in(shared, key, &name, subnet, patience).await? {
            return Ok(made);
        }
    }
    Err(DockerError::NoSubnet)
}

/// Those that nobody uses at this moment.
async fn free_subnets(
    connection: &Connection,
    patience: Duration,
) -> Result<impl Iterator<Item = Subnet> + Send, DockerError> {
    let doing = "look for a free subnet";
    let info = connection.patient_call(doing, patience, |docker| async move { docker.info().await });
    let pools = info.await?.default_address_pools.unwrap_or_default();
    let pools = pools.into_iter().filter_map(|pool| Some((pool.base?, pool.size?))).collect();
    let networks = connection.patient_call(doing, patience, |docker| async move {
        docker.list_networks(None::<ListNetworksOptions>).await
    });
    let configs = networks.await?.into_iter().filter_map(|network| network.ipam?.config).flatten();
    let mut used: Vec<Range> = configs.filter_map(|config| Range::parse(config.subnet.as_deref()?)).collect();
    used.extend(choice::routes(&std::fs::read_to_string("/proc/net/route").unwrap_or_default()));
    used.extend(choice::name_servers(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default()));
    Ok(choice::free(pools, used))
}

/// Makes it with this subnet; none when somebody else has that.
async fn make_in(
    shared: &Shared,
    key: &EnvironmentKey,
    name: &str,
    subnet: Subnet,
    patience: Duration,
) -> Result<Option<Network>, DockerError> {
    let made = make(shared, key, name, subnet, patience).await;
    // Also after a refusal: a call that an engine did not answer, or a predecessor's, may have made it.
    match (there(shared, key, name, patience).await?, made) {
        (Some(found), _) => Ok(Some(found)),
        (None, Ok(())) => Err(DockerError::Lost { what: "the making of the network" }),
        (None, Err(error)) if error.refusal().is_some_and(|(_, words)| choice::is_taken(words)) => Ok(None),
        (None, Err(error)) => Err(error),
    }
}

/// The network, where it is there.
async fn there(
    shared: &Shared,
    key: &EnvironmentKey,
    name: &str,
    patience: Duration,
) -> Result<Option<Network>, DockerError> {
    let Some(found) = inspect(&shared.connection, name, patience).await? else { return Ok(None) };
    let subnet = subnet_of(&found).filter(|_| is_ours(shared, &found));
    let taken_name = || DockerError::NameTaken { what: "network", name: name.to_owned() };
    let subnet = subnet.ok_or_else(taken_name)?;
    note(shared, key, subnet)?;
    Ok(Some(Network { name: name.to_owned(), subnet, taken: addresses(&found) }))
}

async fn make(
    shared: &Shared,
    key: &EnvironmentKey,
    name: &str,
    subnet: Subnet,
    patience: Duration,
) -> Result<(), DockerError> {
    let config = IpamConfig {
        subnet: Some(subnet.to_string()),
        ip_range: Some(subnet.engines_part()),
        gateway: Some(subnet.gateway().to_string()),
        ..IpamConfig::default()
    };
    let request = NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        ipam: Some(Ipam { config: Some(vec![config]), ..Ipam::default() }),
        labels: Some(names::of_environment(key, &shared.state_id)),
        ..NetworkCreateRequest::default()
    };
    let doing = format!("make the network {name}");
    let made = shared.connection.patient_call(&doing, patience, |docker| {
        let request = request.clone();
        async move { docker.create_network(request).await }
    });
    made.await.map(|_| ())
}

async fn inspect(
    connection: &Connection,
    name: &str,
    patience: Duration,
) -> Result<Option<NetworkInspect>, DockerError> {
    let doing = format!("look at the network {name}");
    let answer = connection
        .patient_call(&doing, patience, |docker| async move { docker.inspect_network(name, None).await })
        .await;
    match answer {
        // The engine also finds networks by the beginning of their id.
        Ok(found) => Ok(Some(found).filter(|found| found.name.as_deref() == Some(name))),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn remove(connection: &Connection, name: &str, patience: Duration) -> Result<(), DockerError> {
    let doing = format!("remove the network {name}");
    let removed = connection
        .patient_call(&doing, patience, |docker| async move { docker.remove_network(name).await })
        .await;
    match removed {
        Err(error) if !error.is_missing() => Err(error),
        _ => Ok(()),
    }
}

fn is_ours(shared: &Shared, found: &NetworkInspect) -> bool {
    let owner = found.labels.as_ref().and_then(|labels| labels.get(names::OWNER));
    owner.map(String::as_str) == Some(&shared.state_id)
}

fn subnet_of(found: &NetworkInspect) -> Option<Subnet> {
    let configs = found.ipam.as_ref()?.config.as_ref()?;
    configs.iter().find_map(|config| Subnet::parse(config.subnet.as_deref()?))
}

fn note(shared: &Shared, key: &EnvironmentKey, subnet: Subnet) -> Result<(), DockerError> {
    let path = record_path(shared, key)?;
    let before = records::read::<NetworkRecord>(&path).ok().flatten();
    let text = subnet.to_string();
    if before.as_ref().is_some_and(|before| before.subnet == text) {
        return Ok(());
    }
    bascule_instances::durable::make_folder(&shared.layout.environment(key)?)?;
    Ok(records::write(&path, &NetworkRecord { subnet: text, last: before.and_then(|before| before.last) })?)
}

/// An address that nobody has, noted as given.
pub(crate) fn choose_address(
    shared: &Shared,
    key: &EnvironmentKey,
    network: &Network,
) -> Result<Ipv4Addr, DockerError> {
    let path = record_path(shared, key)?;
    // Between the look at what is given and the note of what is given now nobody else may choose.
    let mut given = shared.given.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut used: HashSet<Ipv4Addr> = given.get(key).into_iter().flatten().copied().collect();
    used.extend(&network.taken);
    let last = records::read::<NetworkRecord>(&path).ok().flatten().and_then(|record| record.last);
    let no_address =
        || DockerError::NoAddress { network: network.name.clone(), subnet: network.subnet.to_string() };
    let address = network.subnet.next(last, &used).ok_or_else(no_address)?;
    let record = NetworkRecord { subnet: network.subnet.to_string(), last: Some(address) };
    records::write(&path, &record)?;
    given.entry(key.clone()).or_default().insert(address);
    Ok(address)
}

/// Who is in it now.
fn addresses(found: &NetworkInspect) -> HashSet<Ipv4Addr> {
    let members: Option<&HashMap<_, _>> = found.containers.as_ref();
    let addresses = members.into_iter().flat_map(HashMap::values);
    addresses.filter_map(|member| member.ipv4_address.as_deref()?.split('/').next()?.parse().ok()).collect()
}

/// Removes it; one that somebody else's container is in is left.
pub(crate) async fn forget(
    shared: &Shared,
    key: &EnvironmentKey,
    patience: Duration,
) -> Result<(), DockerError> {
    let turn = shared.network_turn(key);
    let _turn = turn.lock().await;
    let name = names::network(key, &shared.state_id);
    let found = inspect(&shared.connection, &name, patience).await?;
    if found.is_some_and(|found| is_ours(shared, &found)) {
        match remove(&shared.connection, &name, patience).await {
            Err(error) if error.refusal().is_some() => return Ok(()),
            removed => removed?,
        }
    }
    bascule_instances::durable::remove_file(&record_path(shared, key)?)?;
    Ok(())
}
