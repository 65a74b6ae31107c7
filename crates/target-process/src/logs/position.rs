//! Where a log's parts stand in everything that was ever written.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::OLDER_PARTS;
use crate::error::ProcessError;
use crate::state::layout::InstanceFolder;
use crate::state::records;

/// `out.position`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Bytes that were taken off the beginning of the log so far.
    pub(super) rotated: u64,
    /// A rotation that is under way: the log's size when it began.
    pub(super) rotating_at: Option<u64>,
}

impl Position {
    pub(super) fn read(folder: &InstanceFolder) -> Result<Self, ProcessError> {
        Ok(records::read(&folder.log_position())?.unwrap_or_default())
    }

    pub(super) fn write(self, folder: &InstanceFolder) -> Result<(), ProcessError> {
        Ok(records::write(&folder.log_position(), &self)?)
    }
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    /// Position of its first byte.
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Part {
    pub(super) fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// The parts of a log, the latest first. Not to be asked during a rotation.
pub(super) fn parts(folder: &InstanceFolder) -> Result<Vec<Part>, ProcessError> {
    let mut start = Position::read(folder)?.rotated;
    let mut parts = Vec::new();
    for age in 0..=OLDER_PARTS {
        let path = folder.log(age);
        let Ok(metadata) = fs::metadata(&path) else {
            if age == 0 {
                continue;
            }
            break;
        };
        let length = metadata.len();
        if age > 0 {
            // Somebody may have put a file there: what it claims to hold before the beginning is left out.
            let Some(earlier) = start.checked_sub(length) else { break };
            start = earlier;
        }
        parts.push(Part { path, start, length });
    }
    Ok(parts)
}
