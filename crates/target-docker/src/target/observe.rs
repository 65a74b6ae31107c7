//! What is there now, from memory: the supervisors look, whoever asks does not wait for the engine.

use std::sync::Arc;

use bascule_engine::ports::SlotRef;
use bascule_instances::records;
use bascule_model::evidence::InstanceStatus;
use bascule_model::ids::Generation;
use bascule_model::release::TargetKind;

use crate::error::DockerError;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;

/// The instances of the slot.
pub(super) async fn observe(
    shared: &Arc<Shared>,
    slot: &SlotRef,
) -> Result<Vec<InstanceStatus>, DockerError> {
    if let Some(standing) = shared.slot(&(slot.key.clone(), slot.release.clone())) {
        return Ok(if standing.reference == *slot { standing.statuses() } else { Vec::new() });
    }
    let (shared, slot) = (Arc::clone(shared), slot.clone());
    blocking("the look at records", move || {
        let folder = shared.layout.slot(&slot.key, &slot.release)?;
        let record = records::slot(&folder, TargetKind::Docker)?.filter(|record| record.slot == slot.slot);
        let Some(record) = record else { return Ok(Vec::new()) };
        // It is being stopped, or was when the former control plane ended.
        Ok(StandingSlot::new(&shared, record.slot, record.release, Generation::default())?.statuses())
    })
    .await
}
