//! What is there now. Memory says what an instance waits for; whether a process runs, the kernel says.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{PortError, SlotRef};
use bascule_model::evidence::{InstanceState, InstanceStatus};

use super::adopt::slot_record;
use crate::error::ProcessError;
use crate::shared::{Shared, blocking};
use crate::slot::{Instance, StandingSlot};

/// So long the supervisor may take to see that a process has ended.
const PATIENCE: Duration = Duration::from_secs(2);

/// The instances of the slot.
pub(super) async fn observe(shared: &Arc<Shared>, slot: &SlotRef) -> Result<Vec<InstanceStatus>, PortError> {
    let place = (slot.key.clone(), slot.release.clone());
    if let Some(standing) = shared.slot(&place) {
        if standing.reference != *slot {
            return Ok(Vec::new());
        }
        let mut seen = Vec::new();
        for instance in &standing.instances {
            seen.push(supervised(instance).await);
        }
        return Ok(seen);
    }
    let (shared, slot) = (Arc::clone(shared), slot.clone());
    Ok(blocking("looking at instances", move || unsupervised(&shared, &slot)).await?)
}

async fn supervised(instance: &Instance) -> InstanceStatus {
    let shown = instance.status.borrow().clone();
    let InstanceState::Running { pid } = shown.state else { return shown };
    if runs(instance, pid) {
        return shown;
    }
    // It has ended just now: what comes next is the supervisor's to say.
    let mut status = instance.status.subscribe();
    let next = status.wait_for(|status| status.state != InstanceState::Running { pid });
    match tokio::time::timeout(PATIENCE, next).await {
        Ok(Ok(next)) => next.clone(),
        _ => InstanceStatus { state: InstanceState::Gone, ..shown },
    }
}

fn runs(instance: &Instance, pid: u32) -> bool {
    let process = instance.process();
    process.is_some_and(|process| u32::try_from(process.identity.pid) == Ok(pid) && !process.has_ended())
}

/// A slot that is being stopped, or was when the former control plane ended.
fn unsupervised(shared: &Shared, slot: &SlotRef) -> Result<Vec<InstanceStatus>, ProcessError> {
    let folder = shared.layout.slot(&slot.key, &slot.release)?;
    let Some(record) = slot_record(&folder)? else { return Ok(Vec::new()) };
    if record.slot != slot.slot {
        return Ok(Vec::new());
    }
    let standing = StandingSlot::new(shared, record.slot, record.release)?;
    for instance in &standing.instances {
        let running = instance.recorded(shared)?.filter(|identity| identity.is_running());
        let state = running.map_or(InstanceState::Gone, |identity| InstanceState::Stopping {
            pid: u32::try_from(identity.pid).unwrap_or_default(),
        });
        instance.status.send_modify(|status| status.state = state);
    }
    Ok(standing.statuses())
}
