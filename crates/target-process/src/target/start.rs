//! Starts a slot: artifact, folder, records, then every instance that is not there.

use std::sync::Arc;

use bascule_engine::ports::{PortError, SlotSpec};
use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::{Generation, Slot};
use bascule_model::release::{Configuration, Release};

use super::adopt::slot_record;
use crate::error::ProcessError;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;
use crate::state::durable;
use crate::state::records::{self, SlotRecord, VERSION};
use crate::supervise;

/// Starts what is not there. When this returns every process was begun, or is known not to start.
pub(super) async fn start(
    shared: &Arc<Shared>,
    fence: Generation,
    spec: SlotSpec,
) -> Result<Vec<InstanceStatus>, PortError> {
    let place = (spec.release.key.clone(), spec.release.id.clone());
    let _turn = shared.turn(&place, fence).await?;
    let slot = match shared.slot(&place) {
        Some(standing) => {
            same_slot(standing.reference.slot, &spec)?;
            standing
        }
        None => {
            let preparing = Arc::clone(shared);
            let slot = blocking("preparing the instances", move || prepare(&preparing, spec)).await?;
            let slot = Arc::new(slot);
            shared.insert(place, Arc::clone(&slot));
            supervise::begin(shared, &slot);
            slot
        }
    };
    for instance in &slot.instances {
        let mut status = instance.status.subscribe();
        tokio::select! {
            () = slot.unsupervised.cancelled() => {}
            // The supervisor shows something for every instance.
            _ = status.wait_for(|status| status.state != InstanceState::Gone) => {}
        }
    }
    Ok(slot.statuses())
}

fn same_slot(stands: Slot, spec: &SlotSpec) -> Result<(), ProcessError> {
    if stands == spec.slot {
        return Ok(());
    }
    Err(ProcessError::OtherSlot { release: spec.release.id.to_string(), stands, wanted: spec.slot })
}

/// Everything that has to be on disk before the first process is made.
fn prepare(shared: &Shared, spec: SlotSpec) -> Result<StandingSlot, ProcessError> {
    let folder = shared.layout.slot(&spec.release.key, &spec.release.id)?;
    if let Some(record) = slot_record(&folder)? {
        same_slot(record.slot, &spec)?;
    }
    lay_out(shared, &spec.release)?;
    durable::make_folder(folder.path())?;
    let slot = StandingSlot::new(shared, spec.slot, spec.release)?;
    for instance in &slot.instances {
        durable::make_folder(instance.folder.path())?;
    }
    write_records(shared, &slot, &spec.configuration)?;
    slot.know_configuration(spec.configuration);
    Ok(slot)
}

/// The folder that everything of a release runs in.
pub(super) fn lay_out(shared: &Shared, release: &Release) -> Result<(), ProcessError> {
    if let Some(service) = release.services.iter().find(|service| !service.secret_files.is_empty()) {
        let nowhere = |detail| ProcessError::NoSecretPlace { service: service.name.to_string(), detail };
        shared.secret_files.check().map_err(nowhere)?;
    }
    let folder = shared.layout.release(&release.key, &release.id)?;
    durable::make_folder(&folder)?;
    let working = folder.join("app");
    if release.artifact.is_empty() {
        durable::make_folder(&working)?;
    } else {
        shared.artifacts.lay_out(&release.artifact, &working)?;
    }
    Ok(())
}

fn write_records(shared: &Shared, slot: &StandingSlot, values: &Configuration) -> Result<(), ProcessError> {
    let sealed = shared.vault.seal(&slot.reference.release, values).map_err(ProcessError::Vault)?;
    let record = SlotRecord { version: VERSION, slot: slot.reference.slot, release: slot.release.clone() };
    Ok(records::write_slot(&shared.layout, &slot.folder, &record, &sealed)?)
}
