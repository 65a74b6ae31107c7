//! Rotation without losing a byte, while the instance goes on writing.
//!
//! The log's beginning is copied to `out.1.log` (older parts move on), then cut off by collapsing the range: the file system
//! moves the rest down under the writer, which appends as before. Where that is not offered (tmpfs, btrfs), the rest is copied
//! too, until nothing new has come, and the log is cut to nothing: what is written in the instant between is lost there.
//!
//! A death in the middle is repaired by the next rotation: `out.position` says that one was under way, and the files say how
//! far it got.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rustix::fs::FallocateFlags;

use super::OLDER_PARTS;
use super::position::Position;
use crate::error::{ProcessError, file};
use crate::state::durable;
use crate::state::layout::InstanceFolder;

/// Rotates until the log is no longer than the limit (in bytes). A log that is not there needs nothing.
pub(crate) fn rotate(folder: &InstanceFolder, limit: u64) -> Result<(), ProcessError> {
    let path = folder.log(0);
    let Ok(metadata) = fs::metadata(&path) else { return Ok(()) };
    if metadata.len() <= limit && !folder.log_position().exists() {
        return Ok(());
    }
    recover(folder)?;
    loop {
        let metadata = fs::metadata(&path).map_err(file("look at", &path))?;
        let block = metadata.blksize().max(1);
        // A collapsed range ends before the end of the file, on a block.
        let length = limit.min(metadata.len().saturating_sub(1)) / block * block;
        if metadata.len() <= limit || length == 0 {
            return Ok(());
        }
        copy_beginning(folder, length)?;
        let position = Position::read(folder)?;
        Position { rotating_at: Some(metadata.len()), ..position }.write(folder)?;
        finish(folder)?;
    }
}

/// Whether a rotation was interrupted.
pub(crate) fn is_under_way(folder: &InstanceFolder) -> bool {
    Position::read(folder).is_ok_and(|position| position.rotating_at.is_some())
}

/// Ends a rotation that a death interrupted. Cheap when there is none.
pub(crate) fn recover(folder: &InstanceFolder) -> Result<(), ProcessError> {
    if Position::read(folder)?.rotating_at.is_some() {
        finish(folder)
    } else {
        Ok(durable::remove_file(&new(folder))?)
    }
}

fn new(folder: &InstanceFolder) -> PathBuf {
    folder.path().join(".out.1.log.new")
}

fn copy_beginning(folder: &InstanceFolder, length: u64) -> Result<(), ProcessError> {
    let (from, to) = (folder.log(0), new(folder));
    let copied = File::open(&from).and_then(|log| {
        let mut part = File::create(&to)?;
        io::copy(&mut log.take(length), &mut part)
    });
    match copied {
        Ok(copied) if copied == length => Ok(()),
        Ok(_) => Err(file("copy the log to", &to)(io::Error::from(io::ErrorKind::UnexpectedEof))),
        Err(error) => {
            // Half a part only takes room. What went wrong first is what is told.
            let _ = fs::remove_file(&to);
            Err(file("copy the log to", &to)(error))
        }
    }
}

/// From the whole copy on: each step is done only if it was not done before.
fn finish(folder: &InstanceFolder) -> Result<(), ProcessError> {
    if new(folder).exists() {
        shift(folder)?;
    }
    let Position { rotated, rotating_at } = Position::read(folder)?;
    if !was_cut(folder, rotating_at)? {
        cut(folder)?;
    }
    let copied = fs::metadata(folder.log(1)).map_err(file("look at", &folder.log(1)))?.len();
    Position { rotated: rotated + copied, rotating_at: None }.write(folder)
}

fn shift(folder: &InstanceFolder) -> Result<(), ProcessError> {
    let rename = |from: PathBuf, to: PathBuf| fs::rename(&from, &to).map_err(file("move", &from));
    // A gap is where a death interrupted the moves: the parts behind it have moved already.
    let gap = (1..=OLDER_PARTS).find(|age| !folder.log(*age).exists()).unwrap_or(OLDER_PARTS);
    for age in (1..gap).rev() {
        rename(folder.log(age), folder.log(age + 1))?;
    }
    rename(new(folder), folder.log(1))
}

/// Whether the beginning that was copied is gone from the log.
fn was_cut(folder: &InstanceFolder, size_before: Option<u64>) -> Result<bool, ProcessError> {
    let (log, part) = (folder.log(0), folder.log(1));
    let size = fs::metadata(&log).map_err(file("look at", &log))?.len();
    if size_before.is_some_and(|before| size < before) {
        return Ok(true);
    }
    Ok(!begins_with(&log, &part).map_err(file("compare", &log))?)
}

fn begins_with(log: &std::path::Path, part: &std::path::Path) -> io::Result<bool> {
    let (mut log, mut part) = (File::open(log)?, File::open(part)?);
    let (mut a, mut b) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let length = part.read(&mut b)?;
        if length == 0 {
            return Ok(true);
        }
        match log.read_exact(&mut a[..length]) {
            Ok(()) if a[..length] == b[..length] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn cut(folder: &InstanceFolder) -> Result<(), ProcessError> {
    let (log, part) = (folder.log(0), folder.log(1));
    let copied = fs::metadata(&part).map_err(file("look at", &part))?.len();
    let opened = OpenOptions::new().read(true).write(true).open(&log).map_err(file("open", &log))?;
    if rustix::fs::fallocate(&opened, FallocateFlags::COLLAPSE_RANGE, 0, copied).is_ok() {
        return Ok(());
    }
    copy_rest_and_truncate(opened, &part, copied).map_err(file("cut", &log))
}

fn copy_rest_and_truncate(mut log: File, part: &std::path::Path, copied: u64) -> io::Result<()> {
    let mut part = OpenOptions::new().append(true).open(part)?;
    log.seek(SeekFrom::Start(copied))?;
    while io::copy(&mut log, &mut part)? > 0 {}
    part.flush()?;
    log.set_len(0)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn everything(folder: &InstanceFolder) -> Vec<u8> {
        (0..=OLDER_PARTS).rev().flat_map(|age| fs::read(folder.log(age)).unwrap_or_default()).collect()
    }

    fn with_log(lines: usize, test: impl FnOnce(&InstanceFolder, Vec<u8>)) {
        let folder = tempfile::tempdir().unwrap();
        let folder = InstanceFolder::at(folder.path().to_owned());
        let text: Vec<u8> = (0..lines).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        fs::write(folder.log(0), &text).unwrap();
        test(&folder, text);
    }

    #[test]
    fn nothing_is_lost_and_every_part_is_bounded() {
        with_log(5000, |folder, text| {
            let limit = 16 * 1024;
            rotate(folder, limit).unwrap();
            assert_eq!(everything(folder), text);
            for age in 0..=OLDER_PARTS {
                assert!(fs::metadata(folder.log(age)).map_or(0, |log| log.len()) <= limit, "{age}");
            }
            let lines = read::tail(folder, 3, read::Unfinished::Show).unwrap();
            assert_eq!(lines.lines, ["line 4997", "line 4998", "line 4999"]);
            assert_eq!(lines.position, text.len() as u64);
        });
    }

    #[test]
    fn of_more_than_fits_the_beginning_goes() {
        with_log(50_000, |folder, text| {
            rotate(folder, 16 * 1024).unwrap();
            let kept = everything(folder);
            assert!(kept.len() <= 4 * 16 * 1024 && text.ends_with(&kept));
            assert_eq!(
                Position::read(folder).unwrap().rotated as usize + fs::read(folder.log(0)).unwrap().len(),
                text.len()
            );
        });
    }

    #[test]
    fn where_ranges_cannot_be_collapsed_the_log_is_copied_and_cut() {
        with_log(5000, |folder, text| {
            fs::write(folder.log(1), &text[..5000]).unwrap();
            let log = OpenOptions::new().read(true).write(true).open(folder.log(0)).unwrap();
            copy_rest_and_truncate(log, &folder.log(1), 5000).unwrap();
            assert_eq!(fs::read(folder.log(1)).unwrap(), text);
            assert_eq!(fs::metadata(folder.log(0)).unwrap().len(), 0);
        });
    }

    /// A rotation is interrupted behind each of its steps; the next one repairs it.
    #[test]
    fn a_death_at_any_step_loses_and_repeats_nothing() {
        let limit = 16 * 1024;
        for died_after in 0..6 {
            with_log(5000, |folder, text| {
                let old = [b"old 3\n".to_vec(), b"old 2\n".to_vec(), b"old 1\n".to_vec()];
                for (age, part) in (1..=3).rev().zip(&old) {
                    fs::write(folder.log(age), part).unwrap();
                }
                let size = text.len() as u64;
                let begin = Position { rotated: 18, rotating_at: None };
                begin.write(folder).unwrap();
                let block = fs::metadata(folder.log(0)).unwrap().blksize();
                let length = limit / block * block;
                let steps: [&dyn Fn(); 6] = [
                    &|| copy_beginning(folder, length).unwrap(),
                    &|| Position { rotating_at: Some(size), ..begin }.write(folder).unwrap(),
                    &|| fs::rename(folder.log(2), folder.log(3)).unwrap(),
                    &|| fs::rename(folder.log(1), folder.log(2)).unwrap(),
                    &|| fs::rename(new(folder), folder.log(1)).unwrap(),
                    &|| cut(folder).unwrap(),
                ];
                for step in &steps[..=died_after] {
                    step();
                }
                let written =
                    OpenOptions::new().append(true).open(folder.log(0)).unwrap().write(b"late\n").unwrap();
                recover(folder).unwrap();
                let parts: Vec<u8> = everything(folder);
                let mut expected = text.clone();
                expected.extend_from_slice(b"late\n");
                assert!(parts.ends_with(&expected), "died after {died_after}");
                let position = Position::read(folder).unwrap();
                assert_eq!(position.rotating_at, None);
                let log = fs::metadata(folder.log(0)).unwrap().len();
                assert_eq!(position.rotated + log, 18 + size + written as u64, "died after {died_after}");
                let kept: &[u8] = if died_after == 0 { b"old 3\nold 2\nold 1\n" } else { b"old 2\nold 1\n" };
                assert_eq!(&parts[..parts.len() - expected.len()], kept, "died after {died_after}");
            });
        }
    }
}
