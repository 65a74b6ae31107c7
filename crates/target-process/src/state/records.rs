//! What is written about a slot and its instances. No record holds a value of the configuration.
//!
//! `slot.json` is durable before the first process is made: it names every instance. `instance.json` follows what the
//! supervisor decides, so that a restarted control plane goes on where the former one was.

use std::path::{Path, PathBuf};

use bascule_model::evidence::Exit;
use bascule_model::ids::Slot;
use bascule_model::release::Release;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::durable::{self, Access};
use crate::error::ProcessError;
use crate::instance::restart::History;

/// `slot.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SlotRecord {
    /// The form of the record.
    pub(crate) version: u32,
    /// The place.
    pub(crate) slot: Slot,
    /// The release, from which the instances' names follow.
    pub(crate) release: Release,
}

/// The form that is written now.
pub(crate) const VERSION: u32 = 1;

/// `instance.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstanceRecord {
    /// The port that it was given.
    pub(crate) port: Option<u16>,
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// How it ended the last time.
    pub(crate) last_exit: Option<Exit>,
    /// What the restart rules remember.
    pub(crate) history: History,
    /// What it waits for, when no process is there.
    pub(crate) waits: Waits,
    /// How often the kernel had killed in its control groups when its process was made.
    #[serde(default)]
    pub(crate) memory_kills: u64,
    /// The control groups that were made for it.
    pub(crate) groups: Vec<PathBuf>,
}

/// What an instance without a process waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub(crate) enum Waits {
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

/// Reads a record; none when it is not there.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ProcessError> {
    let Some(bytes) = durable::read_if_there(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ProcessError::Damaged { path: path.to_owned(), detail: error.to_string() })
}

/// Writes a record that survives this process.
pub(crate) fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), ProcessError> {
    durable::atomic(path, &bytes(path, record)?, Access::Shared)
}

/// A record as it is written.
pub(crate) fn bytes<T: Serialize>(path: &Path, record: &T) -> Result<Vec<u8>, ProcessError> {
    serde_json::to_vec(record)
        .map_err(|error| ProcessError::Damaged { path: path.to_owned(), detail: error.to_string() })
}
