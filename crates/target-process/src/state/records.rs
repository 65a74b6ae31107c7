//! What is written about an instance; the slot's own record is every target's.

use std::path::PathBuf;

use bascule_model::evidence::Exit;
use serde::{Deserialize, Serialize};

pub(crate) use bascule_instances::records::{
    SlotRecord, VERSION, Waits, forget_slot, read, write, write_slot,
};

use crate::instance::restart::History;

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
