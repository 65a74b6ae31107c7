//! What is written about a slot. No record holds a value of the configuration.
//!
//! `slot.json` is durable before the first instance is made: it names every instance, and the target that it belongs to.
//! `instance.json` is the target's own; it follows what the supervisor decides, so that a restarted control plane goes on where
//! the former one was.

use std::path::Path;
use std::time::Duration;

use bascule_engine::ports::SlotRef;
use bascule_model::evidence::{Exit, InstanceState};
use bascule_model::ids::Slot;
use bascule_model::release::{Release, TargetKind};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::durable::{self, Access, Contents};
use crate::error::StateError;
use crate::layout::{Layout, SlotFolder};
use crate::restart::{self, Next};

/// `slot.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SlotRecord {
    /// The form of the record.
    pub version: u32,
    /// The place.
    pub slot: Slot,
    /// The release, from which the instances' names follow.
    pub release: Release,
}

/// The form that is written now.
pub const VERSION: u32 = 1;

/// What an instance that does not run waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Waits {
    /// Nothing: it runs, or is to be started now.
    #[default]
    Nothing,
    /// The next attempt after an exit.
    BackOff {
        /// When.
        until: Timestamp,
    },
    /// The next attempt after a crash loop.
    CrashLoop {
        /// When.
        until: Timestamp,
    },
    /// The next attempt after a program that could not be started.
    CannotStart {
        /// Why.
        reason: String,
        /// When.
        until: Timestamp,
    },
}

impl Waits {
    /// As the restart rules say after an exit.
    #[must_use]
    pub fn after(next: Next, now: Timestamp) -> Self {
        match next {
            Next::BackOff(delay) => Self::BackOff { until: later(now, delay) },
            Next::CrashLoop(delay) => Self::CrashLoop { until: later(now, delay) },
        }
    }

    /// For a program that could not be started.
    #[must_use]
    pub fn cannot_start(reason: String, now: Timestamp) -> Self {
        Self::CannotStart { reason, until: later(now, restart::LONGEST) }
    }

    /// What is shown meanwhile, and until when; none when it waits for nothing.
    #[must_use]
    pub fn shown(&self, last_exit: Option<&Exit>) -> Option<(InstanceState, Timestamp)> {
        let exit = || last_exit.cloned().unwrap_or(Exit::Unknown);
        match self {
            Self::Nothing => None,
            Self::BackOff { until } => Some((InstanceState::BackOff { exit: exit(), until: *until }, *until)),
            Self::CrashLoop { until } => Some((InstanceState::CrashLoop { exit: exit() }, *until)),
            Self::CannotStart { reason, until } => {
                Some((InstanceState::CannotStart { reason: reason.clone() }, *until))
            }
        }
    }
}

fn later(now: Timestamp, delay: Duration) -> Timestamp {
    now.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// The record of a slot; none when nothing of this target stands there.
///
/// # Errors
/// When it cannot be read, is damaged, or is of a newer version.
pub fn slot(folder: &SlotFolder, target: TargetKind) -> Result<Option<SlotRecord>, StateError> {
    let path = folder.record();
    let record: Option<SlotRecord> = match read(&path) {
        // A file that lies where a folder is expected is none of ours.
        Err(StateError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotADirectory => None,
        read => read?,
    };
    match record {
        Some(record) if record.version > VERSION => Err(StateError::Damaged {
            path,
            detail: format!("it was written by a newer version (form {})", record.version),
        }),
        other => Ok(other.filter(|record| record.release.target == target)),
    }
}

/// A slot that a record names, or why that record cannot be read.
pub type Recorded = Result<(SlotRef, SlotRecord), StateError>;

/// Every slot that a record of this target names, each with an error of its own when its record is damaged.
///
/// # Errors
/// When the folders cannot be listed.
pub fn slots(layout: &Layout, target: TargetKind) -> Result<Vec<Recorded>, StateError> {
    let mut found = Vec::new();
    let instances = layout.instances();
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
                found.extend(slot(&folder, target).transpose().map(|record| {
                    let record = record?;
                    let (key, release) = (record.release.key.clone(), record.release.id.clone());
                    Ok((SlotRef { key, slot: record.slot, release }, record))
                }));
            }
        }
    }
    Ok(found)
}

/// Writes what has to be on disk before the first instance is made. The values first: the record that names the slot says that
/// they are there.
///
/// # Errors
/// When it cannot be written.
pub fn write_slot(
    layout: &Layout,
    folder: &SlotFolder,
    record: &SlotRecord,
    sealed: &[u8],
) -> Result<(), StateError> {
    let (values_path, record_path) = (folder.configuration(), folder.record());
    let record = bytes(&record_path, record)?;
    let instances = layout.instances();
    let above = folder.path().ancestors().skip(1);
    let above: Vec<&Path> = above.take_while(|above| above.starts_with(&instances)).collect();
    durable::durable_together(
        &[
            Contents { path: &values_path, bytes: sealed, access: Access::Private },
            Contents { path: &record_path, bytes: &record, access: Access::Shared },
        ],
        &above,
    )?;
    // A stop that was interrupted is taken back last: until here its end would have been right too.
    durable::remove_file(&folder.stopping())
}

/// Removes what [`write_slot`] wrote, and the mark of a stop last.
///
/// # Errors
/// When it cannot be removed.
pub fn forget_slot(folder: &SlotFolder) -> Result<(), StateError> {
    durable::remove_file(&folder.configuration())?;
    durable::remove_file(&folder.record())?;
    durable::remove_file(&folder.stopping())
}

/// Reads a record; none when it is not there.
///
/// # Errors
/// When it cannot be read or understood.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    let Some(bytes) = durable::read_if_there(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| StateError::Damaged { path: path.to_owned(), detail: error.to_string() })
}

/// Writes a record that survives this process.
///
/// # Errors
/// When it cannot be written.
pub fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), StateError> {
    durable::atomic(path, &bytes(path, record)?, Access::Shared)
}

fn bytes<T: Serialize>(path: &Path, record: &T) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec(record)
        .map_err(|error| StateError::Damaged { path: path.to_owned(), detail: error.to_string() })
}
