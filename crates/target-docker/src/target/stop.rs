//! Stops a slot: signal, grace, kill, the last of each log kept, container removed; then forgets it.
//!
//! All instances are asked at the same moment. A death in the middle leaves a mark, so that nobody starts them again.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{PortError, SlotRef};
use bascule_instances::durable::{self, Access};
use bascule_instances::records;
use bascule_model::evidence::InstanceState;
use bascule_model::ids::{EnvironmentKey, Generation};
use bascule_model::release::TargetKind;
use bollard::query_parameters::{KillContainerOptionsBuilder, ListContainersOptionsBuilder};
use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::error::DockerError;
use crate::logs;
use crate::names;
use crate::network;
use crate::seen::{self, Phase, Seen};
use crate::shared::{Shared, blocking};
use crate::slot::{Instance, StandingSlot};
use crate::supervise::attempt;

/// So long an engine that is away is waited for; what is left then is stopped by the next attempt.
const PATIENCE: Duration = Duration::from_secs(60);
/// It is looked at so often, when no event tells of its end.
const LOOK: Duration = Duration::from_millis(250);
/// So long the engine may take to end what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Stops and forgets. What is not there is stopped.
pub(super) async fn stop(shared: &Arc<Shared>, fence: Generation, slot: &SlotRef) -> Result<(), PortError> {
    let place = (slot.key.clone(), slot.release.clone());
    let _turn = shared.turn(&place, fence).await?;
    let Some(standing) = take(shared, slot).await? else { return Ok(()) };
    standing.unsupervised.cancel();
    standing.tasks.close();
    standing.tasks.wait().await;
    try_join_all(standing.instances.iter().map(|instance| end(shared, &standing, instance))).await?;
    remove_leftovers(shared, slot).await?;
    let (forgetting, slot) = (Arc::clone(shared), Arc::clone(&standing));
    blocking("the forgetting of the slot", move || forget(&forgetting, &slot)).await?;
    forget_network(shared, &standing.reference.key).await;
    Ok(())
}

/// The slot, from memory or from its record, marked as being stopped.
async fn take(shared: &Arc<Shared>, slot: &SlotRef) -> Result<Option<Arc<StandingSlot>>, DockerError> {
    let (shared, slot) = (Arc::clone(shared), slot.clone());
    blocking("the marking of the slot", move || {
        let folder = shared.layout.slot(&slot.key, &slot.release)?;
        let record = records::slot(&folder, TargetKind::Docker)?.filter(|record| record.slot == slot.slot);
        let Some(record) = record else { return Ok(None) };
        durable::atomic(&folder.stopping(), b"", Access::Shared)?;
        let standing = match shared.remove(&(slot.key, slot.release)) {
            Some(standing) => standing,
            None => Arc::new(StandingSlot::new(&shared, record.slot, record.release, Generation::default())?),
        };
        Ok(Some(standing))
    })
    .await
}

async fn end(shared: &Shared, slot: &StandingSlot, instance: &Instance) -> Result<(), DockerError> {
    let grace = instance.service.stop.grace;
    let mut told: Option<Instant> = None;
    let mut killed: Option<Instant> = None;
    loop {
        let container = match look(shared, slot, instance).await? {
            // Another's, or nothing: it is not for us to touch.
            Seen::Missing | Seen::Stranger => break,
            Seen::Ours(container) => container,
        };
        let (pid, is_paused) = match container.phase {
            Phase::Running { pid } => (pid, false),
            Phase::Paused { pid } => (pid, true),
            Phase::Created | Phase::Ended | Phase::Removing => {
                // After its end, so that its last lines are there; before its removal takes them.
                let _ = logs::keep(shared, instance).await;
                remove(shared, instance.id.as_str()).await?;
                break;
            }
        };
        instance.show(shared.known_reach(), InstanceState::Stopping { pid }, None);
        if is_paused {
            unpause(shared, instance).await?;
        }
        match (told, killed) {
            (None, _) => {
                kill(shared, instance, &instance.service.stop.signal.to_string()).await?;
                told = Some(Instant::now());
            }
            (Some(told), None) if told.elapsed() >= grace => {
                kill(shared, instance, "KILL").await?;
                killed = Some(Instant::now());
            }
            (_, Some(killed)) if killed.elapsed() > KILL_PATIENCE => {
                let _ = logs::keep(shared, instance).await;
                remove(shared, instance.id.as_str()).await?;
                break;
            }
            _ => {}
        }
        let left = told.map_or(LOOK, |told| grace.saturating_sub(told.elapsed()));
        let pause = if killed.is_none() { LOOK.min(left.max(Duration::from_millis(5))) } else { LOOK };
        let _ = tokio::time::timeout(pause, instance.mailbox.wake.notified()).await;
    }
    instance.show(None, InstanceState::Gone, None);
    Ok(())
}

async fn look(shared: &Shared, slot: &StandingSlot, instance: &Instance) -> Result<Seen, DockerError> {
    let name = instance.id.as_str();
    let network = names::network(&slot.reference.key, &shared.state_id);
    let doing = format!("look at the container {name}");
    let answer = shared
        .connection
        .patient_call(&doing, PATIENCE, |docker| async move { docker.inspect_container(name, None).await })
        .await;
    match answer {
        Ok(answer) => Ok(seen::seen(&shared.state_id, &network, answer)),
        Err(error) if error.is_missing() => Ok(Seen::Missing),
        Err(error) => Err(error),
    }
}

async fn kill(shared: &Shared, instance: &Instance, signal: &str) -> Result<(), DockerError> {
    let name = instance.id.as_str();
    let options = KillContainerOptionsBuilder::default().signal(signal).build();
    let doing = format!("stop the container {name}");
    let killed = shared
        .connection
        .patient_call(&doing, PATIENCE, |docker| {
            let options = options.clone();
            async move { docker.kill_container(name, Some(options)).await }
        })
        .await;
    match killed {
        // It has ended meanwhile, or is gone.
        Err(error) if error.refusal().is_some() => Ok(()),
        killed => killed,
    }
}

async fn unpause(shared: &Shared, instance: &Instance) -> Result<(), DockerError> {
    let name = instance.id.as_str();
    let doing = format!("let the container {name} go on");
    let gone_on = shared
        .connection
        .patient_call(&doing, PATIENCE, |docker| async move { docker.unpause_container(name).await })
        .await;
    match gone_on {
        Err(error) if error.refusal().is_some() => Ok(()),
        gone_on => gone_on,
    }
}

pub(super) async fn remove(shared: &Shared, name: &str) -> Result<(), DockerError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt::remove(&shared.connection, name).await {
            Err(error) if error.is_passing() && Instant::now() < until => tokio::time::sleep(LOOK).await,
            removed => return removed,
        }
    }
}

/// What has the labels of the slot and no record: commands beside it, containers of a former size.
async fn remove_leftovers(shared: &Shared, slot: &SlotRef) -> Result<(), DockerError> {
    let mut labels = names::of_environment(&slot.key, &shared.state_id);
    labels.insert(names::RELEASE.to_owned(), slot.release.to_string());
    for id in listed(shared, &labels, PATIENCE).await? {
        remove(shared, &id.0).await?;
    }
    Ok(())
}

/// Id and release of the containers with these labels, be they running or not.
pub(super) async fn listed(
    shared: &Shared,
    labels: &std::collections::HashMap<String, String>,
    patience: Duration,
) -> Result<Vec<(String, String)>, DockerError> {
    let options = ListContainersOptionsBuilder::default().all(true).filters(&names::filter(labels)).build();
    let found = shared
        .connection
        .patient_call("list the containers", patience, |docker| {
            let options = options.clone();
            async move { docker.list_containers(Some(options)).await }
        })
        .await?;
    let told = found.into_iter().filter_map(|one| {
        let release = one.labels.unwrap_or_default().remove(names::RELEASE).unwrap_or_default();
        Some((one.id?, release))
    });
    Ok(told.collect())
}

/// Removes the records, the slot's own last. Logs stay.
fn forget(shared: &Shared, slot: &StandingSlot) -> Result<(), DockerError> {
    for instance in &slot.instances {
        if let Some(address) = instance.record().address {
            shared.give_back(&slot.reference.key, address);
        }
        shared.secret_files.forget(instance.id.as_str());
        shared.link.forget(instance.id.as_str());
        durable::remove_file(&instance.folder.record())?;
    }
    Ok(records::forget_slot(&slot.folder)?)
}

/// The network of an environment in which nothing stands any more.
pub(super) async fn forget_network(shared: &Arc<Shared>, key: &EnvironmentKey) {
    let stands = super::adopt::recorded(shared);
    if stands.is_ok_and(|stands| stands.iter().all(|(other, _)| other.key != *key)) {
        // It costs nothing to leave it; the next prune tries again.
        let _ = network::forget(shared, key, Duration::ZERO).await;
    }
}
