//! Starts a slot: what the image says, network, records, then every instance that is not there, all at once.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{PortError, SlotSpec};
use bascule_instances::durable;
use bascule_instances::records::{self, SlotRecord, VERSION};
use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::{Generation, Slot};
use bascule_model::release::TargetKind;
use tokio::time::Instant;

use crate::create::image;
use crate::error::DockerError;
use crate::network;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;
use crate::supervise;

/// The shortest time that an engine which is away is waited for.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(10);

/// Starts what is not there. When this returns every container was begun, or is known not to start.
pub(super) async fn start(
    shared: &Arc<Shared>,
    fence: Generation,
    spec: SlotSpec,
) -> Result<Vec<InstanceStatus>, PortError> {
    let place = (spec.release.key.clone(), spec.release.id.clone());
    let _turn = shared.turn(&place, fence).await?;
    let patience = spec.release.rollout.deadline.max(SHORTEST_PATIENCE);
    let until = Instant::now() + patience;
    let slot = match shared.slot(&place) {
        Some(standing) => {
            same_slot(standing.reference.slot, &spec)?;
            standing
        }
        None => {
            let slot = prepare(shared, fence, spec, patience).await?;
            shared.insert(place, Arc::clone(&slot));
            supervise::begin(shared, &slot);
            slot
        }
    };
    for instance in &slot.instances {
        let mut status = instance.status.subscribe();
        let begun = async {
            let is_begun = |status: &InstanceStatus| {
                !matches!(status.state, InstanceState::Gone | InstanceState::Waiting { .. })
            };
            // The supervisor shows something for every instance.
            status.wait_for(is_begun).await.map(drop)
        };
        tokio::select! {
            () = slot.unsupervised.cancelled() => {}
            _ = begun => {}
            () = tokio::time::sleep_until(until) => {
                // A call of our own says what is wrong with the engine.
                shared.connection.facts().await?;
            }
        }
        if let Some(problem) = instance.refusal() {
            return Err(problem.into());
        }
    }
    Ok(slot.statuses())
}

fn same_slot(stands: Slot, spec: &SlotSpec) -> Result<(), DockerError> {
    if stands == spec.slot {
        return Ok(());
    }
    Err(DockerError::OtherSlot { release: spec.release.id.to_string(), stands, wanted: spec.slot })
}

/// What can be refused before anything is made, then everything that has to be on disk before the first container is.
async fn prepare(
    shared: &Arc<Shared>,
    fence: Generation,
    spec: SlotSpec,
    patience: Duration,
) -> Result<Arc<StandingSlot>, DockerError> {
    let reading = Arc::clone(shared);
    let slot = blocking("the preparing of instances", move || {
        let folder = reading.layout.slot(&spec.release.key, &spec.release.id)?;
        if let Some(record) = records::slot(&folder, TargetKind::Docker)? {
            same_slot(record.slot, &spec)?;
        }
        let slot = StandingSlot::new(&reading, spec.slot, spec.release, fence)?;
        slot.know_configuration(spec.configuration);
        Ok(Arc::new(slot))
    })
    .await?;
    let found = slot.image(shared, patience).await?;
    for service in slot.release.services.iter().filter(|service| service.instances > 0) {
        image::check_user(shared, found, service, patience).await?;
    }
    shared.reach(patience).await?;
    let network = network::ensure(shared, &slot.reference.key, patience).await?;
    let (writing, written) = (Arc::clone(shared), Arc::clone(&slot));
    blocking("the writing of records", move || write_records(&writing, &written, &network)).await?;
    Ok(slot)
}

fn write_records(
    shared: &Shared,
    slot: &StandingSlot,
    network: &network::Network,
) -> Result<(), DockerError> {
    durable::make_folder(slot.folder.path())?;
    for instance in &slot.instances {
        durable::make_folder(instance.folder.path())?;
    }
    let values = slot.configuration(shared).map_err(|_| DockerError::Lost { what: "the configuration" })?;
    let sealed = shared.vault.seal(&slot.reference.release, values).map_err(DockerError::Vault)?;
    let record = SlotRecord { version: VERSION, slot: slot.reference.slot, release: slot.release.clone() };
    records::write_slot(&shared.layout, &slot.folder, &record, &sealed)?;
    // After the record that names them, so that nothing has an address that nobody knows of.
    for instance in &slot.instances {
        if instance.record().address.is_none_or(|address| !network.subnet.can_give(address)) {
            let address = network::choose_address(shared, &slot.reference.key, network)?;
            instance.change_record(|record| record.address = Some(address))?;
        }
    }
    Ok(())
}
