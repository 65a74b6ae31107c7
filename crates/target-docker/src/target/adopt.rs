//! Takes over what the records name, when the target is opened. The engine need not be there for that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::SlotRef;
use bascule_instances::records::{self, SlotRecord};
use bascule_model::evidence::InstanceState;
use bascule_model::ids::Generation;
use bascule_model::release::TargetKind;

use crate::error::DockerError;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;
use crate::supervise;

/// So long the first look at what runs is waited for: whoever asks before it would see nothing run.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// Begins to supervise every slot but those that are being stopped: whoever began that, ends it.
pub(super) async fn adopt(shared: &Arc<Shared>) -> Result<(), DockerError> {
    let loading = Arc::clone(shared);
    let slots = blocking("the reading of records", move || {
        let (mut slots, mut instances) = (Vec::new(), BTreeSet::new());
        let found = records::slots(&loading.layout, TargetKind::Docker)?;
        let is_whole = found.iter().all(Result::is_ok);
        // A damaged record is left for whoever asks for the slots: it is no reason to leave the others unwatched.
        for (_, record) in found.into_iter().flatten() {
            // Also of those that are being stopped: their addresses are not given to others.
            let slot = StandingSlot::new(&loading, record.slot, record.release, Generation::default())?;
            instances.extend(slot.instances.iter().map(|instance| instance.id.to_string()));
            if !slot.folder.stopping().exists() {
                slots.push(Arc::new(slot));
            }
        }
        // Nobody runs a command yet. What a damaged record names may still be needed.
        if is_whole {
            loading.secret_files.keep_only(&instances);
        }
        Ok(slots)
    })
    .await?;
    for slot in &slots {
        shared.insert(slot.place(), Arc::clone(slot));
        supervise::begin(shared, slot);
    }
    let all_seen = async {
        for instance in slots.iter().flat_map(|slot| &slot.instances) {
            let mut status = instance.status.subscribe();
            let _ = status.wait_for(|status| status.state != InstanceState::Gone).await;
        }
    };
    // Without an engine each shows that it waits; one that somebody took away stays gone.
    let _ = tokio::time::timeout(FIRST_LOOK, all_seen).await;
    Ok(())
}

/// Every slot that a record names; an error when one of the records is damaged.
pub(super) fn recorded(shared: &Shared) -> Result<Vec<(SlotRef, SlotRecord)>, DockerError> {
    let found = records::slots(&shared.layout, TargetKind::Docker)?;
    found.into_iter().map(|record| record.map_err(DockerError::from)).collect()
}
