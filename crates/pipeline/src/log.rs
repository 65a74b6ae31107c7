//! The log of a run: one event a line, only added to, on the disk before anything rests on it.
//!
//! A last line without its end is what a crash left, and is cut off. Damage anywhere else is said, never mended.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{PipelineError, file};
use crate::event::Event;
use crate::state::State;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number, from 1.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Reads a log; empty when it is not there.
///
/// # Errors
/// [`PipelineError::Damaged`], and when it cannot be read.
pub fn read(path: &Path) -> Result<Vec<Recorded>, PipelineError> {
    Ok(read_whole(path)?.0)
}

/// The events, and how long the good part is.
fn read_whole(path: &Path) -> Result<(Vec<Recorded>, u64), PipelineError> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(mut opened) => opened.read_to_end(&mut text).map_err(file("read", path))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(file("read", path)(error)),
    };
    let good = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut events: Vec<Recorded> = Vec::new();
    for (at, line) in text[..good].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let damaged = |detail: String| PipelineError::Damaged { path: path.to_owned(), line: at + 1, detail };
        let recorded: Recorded = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        if recorded.sequence != at as u64 + 1 {
            return Err(damaged(format!("it has the number {}", recorded.sequence)));
        }
        events.push(recorded);
    }
    Ok((events, good as u64))
}

/// A log that is written.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    sequence: u64,
    /// How long it is.
    length: u64,
    /// The fold of all that is in it.
    pub(crate) state: State,
}

impl Log {
    /// Opens it, and cuts off what a crash left.
    pub(crate) fn open(path: &Path) -> Result<Self, PipelineError> {
        let (events, length) = read_whole(path)?;
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let opened = opened.map_err(file("open", path))?;
        opened.set_len(length).map_err(file("cut", path))?;
        let mut state = State::default();
        for recorded in &events {
            state.on(recorded.at, &recorded.event);
        }
        Ok(Self { path: path.to_owned(), file: opened, sequence: events.len() as u64, length, state })
    }

    /// Adds events as one write, and waits until they are on the disk. Where that fails, none of them happened.
    pub(crate) fn add(&mut self, at: Timestamp, events: Vec<Event>) -> Result<(), PipelineError> {
        let mut bytes = Vec::new();
        let mut sequence = self.sequence;
        let events: Vec<Recorded> = events
            .into_iter()
            .map(|event| {
                sequence += 1;
                Recorded { sequence, at, event }
            })
            .collect();
        for recorded in &events {
            serde_json::to_writer(&mut bytes, recorded)
                .map_err(|error| file("write", &self.path)(error.into()))?;
            bytes.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&bytes).and_then(|()| self.file.sync_data()) {
            // A part of a line must not stand before the next one.
            let _ = self.file.set_len(self.length);
            return Err(file("write", &self.path)(error));
        }
        self.length += bytes.len() as u64;
        self.sequence = sequence;
        events.iter().for_each(|recorded| self.state.on(recorded.at, &recorded.event));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str) -> Event {
        Event::StageBegan { stage: name.to_owned() }
    }

    #[test]
    fn what_a_crash_left_is_cut_off_and_other_damage_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut log = Log::open(&path).unwrap();
        log.add(Timestamp::UNIX_EPOCH, vec![stage("a"), stage("b")]).unwrap();
        drop(log);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut log = Log::open(&path).unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(log.state.stages.len(), lines, "cut at {cut}");
            log.add(Timestamp::UNIX_EPOCH, vec![stage("c")]).unwrap();
            assert_eq!(read(&path).unwrap().len(), lines + 1, "cut at {cut}");
        }
        let mut changed = whole.clone();
        changed[3] = b'!';
        std::fs::write(&path, &changed).unwrap();
        assert!(matches!(read(&path), Err(PipelineError::Damaged { line: 1, .. })));
        let second: Vec<u8> = whole.split_inclusive(|byte| *byte == b'\n').nth(1).unwrap().to_vec();
        std::fs::write(&path, second).unwrap();
        assert!(matches!(Log::open(&path), Err(PipelineError::Damaged { line: 1, .. })));
    }
}
