//! Takes over what the records name, when the target is opened.

use std::sync::Arc;

use bascule_engine::ports::SlotRef;

use crate::error::ProcessError;
use crate::shared::{Shared, blocking};
use crate::slot::StandingSlot;
use crate::state::durable;
use crate::state::layout::SlotFolder;
use crate::state::records::{self, SlotRecord, VERSION};
use crate::supervise;

/// Begins to supervise every slot but those that are being stopped: whoever began that, ends it.
pub(super) async fn adopt(shared: &Arc<Shared>) -> Result<(), ProcessError> {
    let loading = Arc::clone(shared);
    let slots = blocking("reading the records of instances", move || {
        let mut slots = Vec::new();
        // A damaged record is left for whoever asks for the slots: it is no reason to leave the others unwatched.
        for (_, record) in all(&loading)?.into_iter().flatten() {
            let slot = StandingSlot::new(&loading, record.slot, record.release)?;
            for port in slot.instances.iter().filter_map(|instance| instance.record().port) {
                loading.ports.keep(port);
            }
            if !slot.folder.stopping().exists() {
                slots.push(Arc::new(slot));
            }
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
    let mut found = Vec::new();
    let instances = shared.layout.instances();
    for app in durable::names(&instances)? {
        let app = instances.join(app);
        if !app.is_dir() {
            continue;
        }
        for environment in durable::names(&app)? {
            let environment = app.join(environment);
            if !environment.is_dir() {
                continue;
            }
            for release in durable::names(&environment)? {
                let folder = SlotFolder::at(environment.join(release));
                found.extend(slot_record(&folder).transpose().map(|record| {
                    let record = record?;
                    let (key, release) = (record.release.key.clone(), record.release.id.clone());
                    Ok((SlotRef { key, slot: record.slot, release }, record))
                }));
            }
        }
    }
    Ok(found)
}

/// The record of a slot; none when nothing stands there.
pub(super) fn slot_record(folder: &SlotFolder) -> Result<Option<SlotRecord>, ProcessError> {
    let path = folder.record();
    let record: Option<SlotRecord> = match records::read(&path) {
        // A file that lies where a folder is expected is none of ours.
        Err(ProcessError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotADirectory => None,
        read => read?,
    };
    match record {
        Some(record) if record.version > VERSION => Err(ProcessError::Damaged {
            path,
            detail: format!("it was written by a newer version (form {})", record.version),
        }),
        other => Ok(other),
    }
}
