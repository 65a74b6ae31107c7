//! Takes over what the records name, when the target is opened.

use std::collections::BTreeSet;
use std::sync::Arc;

use bascule_engine::ports::SlotRef;
use bascule_instances::records;
use bascule_model::release::TargetKind;

use crate::error::ProcessError;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;
use crate::state::layout::SlotFolder;
use crate::state::records::SlotRecord;
use crate::supervise;
use crate::target::exec;

/// Begins to supervise every slot but those that are being stopped: whoever began that, ends it.
pub(super) async fn adopt(shared: &Arc<Shared>) -> Result<(), ProcessError> {
    let loading = Arc::clone(shared);
    let slots = blocking("reading the records of instances", move || {
        let (mut slots, mut instances) = (Vec::new(), BTreeSet::new());
        let found = all(&loading)?;
        let is_whole = found.iter().all(Result::is_ok);
        // A damaged record is left for whoever asks for the slots: it is no reason to leave the others unwatched.
        for (_, record) in found.into_iter().flatten() {
            let slot = StandingSlot::new(&loading, record.slot, record.release)?;
            for port in slot.instances.iter().filter_map(|instance| instance.record().port) {
                loading.ports.keep(port);
            }
            instances.extend(slot.instances.iter().map(|instance| instance.id.to_string()));
            if !slot.folder.stopping().exists() {
                slots.push(Arc::new(slot));
            }
        }
        exec::end_orphans(&loading);
        // Nobody runs a command any more. What a damaged record names may still be needed.
        if is_whole {
            loading.secret_files.keep_only(&instances);
        }
        Ok(slots)
    })
    .await?;
    for slot in slots {
        shared.insert(slot.place(), Arc::clone(&slot));
        supervise::begin(shared, &slot);
    }
    Ok(())
}

/// Every slot that a record names; an error when one of the records is damaged.
pub(super) fn recorded(shared: &Shared) -> Result<Vec<(SlotRef, SlotRecord)>, ProcessError> {
    all(shared)?.into_iter().collect()
}

type Recorded = Result<(SlotRef, SlotRecord), ProcessError>;

fn all(shared: &Shared) -> Result<Vec<Recorded>, ProcessError> {
    let found = records::slots(&shared.layout, TargetKind::Process)?;
    Ok(found.into_iter().map(|record| record.map_err(ProcessError::from)).collect())
}

/// The record of a slot; none when no process of ours stands there.
pub(super) fn slot_record(folder: &SlotFolder) -> Result<Option<SlotRecord>, ProcessError> {
    Ok(records::slot(folder, TargetKind::Process)?)
}
