//! Puts right what somebody changed at a container that runs, without stopping it.

use bascule_model::release::Limits;
use bollard::models::{
    ContainerUpdateBody, NetworkConnectRequest, NetworkDisconnectRequest, RestartPolicy,
    RestartPolicyNameEnum,
};

use crate::create::body;
use crate::drift::Difference;
use crate::error::DockerError;
use crate::names;
use crate::shared::{Reach, Shared};
use crate::slot::{Instance, StandingSlot};
use crate::supervise::PATIENCE;

/// Mends one difference.
pub(crate) async fn mend(
    shared: &Shared,
    slot: &StandingSlot,
    instance: &Instance,
    difference: &Difference,
) -> Result<(), DockerError> {
    let name = instance.id.as_str();
    match difference {
        Difference::Paused => {
            let doing = format!("let the container {name} go on");
            shared.connection.call(&doing, |docker| async move { docker.unpause_container(name).await }).await
        }
        Difference::Limits(_) => update(shared, name, limits(&instance.service.limits)).await,
        Difference::RestartPolicy => {
            let policy = RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None };
            let body = ContainerUpdateBody { restart_policy: Some(policy), ..ContainerUpdateBody::default() };
            update(shared, name, body).await
        }
        Difference::Network => reconnect(shared, slot, instance).await,
    }
}

/// A limit that the release does not have is lifted where the engine can do that (processes), and is else left and told.
fn limits(limits: &Limits) -> ContainerUpdateBody {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    ContainerUpdateBody {
        memory: limits.memory.map(number),
        memory_swap: limits.memory.map(number),
        nano_cpus: limits.cpu_millis.map(|millis| number(millis.saturating_mul(1_000_000))),
        pids_limit: Some(limits.pids.map_or(-1, number)),
        ..ContainerUpdateBody::default()
    }
}

async fn update(shared: &Shared, name: &str, body: ContainerUpdateBody) -> Result<(), DockerError> {
    let doing = format!("put the container {name} right");
    let updated = shared.connection.call(&doing, |docker| {
        let body = body.clone();
        async move { docker.update_container(name, body).await }
    });
    updated.await
}

async fn reconnect(shared: &Shared, slot: &StandingSlot, instance: &Instance) -> Result<(), DockerError> {
    let network = names::network(&slot.reference.key, &shared.state_id);
    let (network, name) = (network.as_str(), instance.id.as_str());
    let reach = shared.reach(PATIENCE).await?;
    let address = instance.record().address.filter(|_| reach == Reach::Address);
    let out = NetworkDisconnectRequest { container: name.to_owned(), force: Some(true) };
    let back =
        NetworkConnectRequest { container: name.to_owned(), endpoint_config: Some(body::endpoint(address)) };
    let doing = format!("put the container {name} back into the network {network}");
    // It may be in there under another address; that it is not in there is what is wanted.
    let _ = shared
        .connection
        .call(&doing, |docker| {
            let out = out.clone();
            async move { docker.disconnect_network(network, out).await }
        })
        .await;
    let connected = shared.connection.call(&doing, |docker| {
        let back = back.clone();
        async move { docker.connect_network(network, back).await }
    });
    connected.await
}
