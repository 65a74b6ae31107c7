//! Reading logs: the last lines from the end backwards, and what follows a position.
//!
//! Bytes that are no UTF-8 are replaced; a line longer than 16 KiB is cut and says so. Everything else in a line is the app's,
//! control characters too: who shows it has to escape them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bascule_instances::text::line;

use super::position::{self, Part};
use crate::error::{ProcessError, file};
use crate::state::layout::InstanceFolder;

/// So much is read at once when a log is followed.
const CHUNK: u64 = 1024 * 1024;
/// So much is read at most for the last lines.
const TAIL_LIMIT: usize = 16 * 1024 * 1024;

/// What to do with a last line that has no end yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Leave it for later: its process may write the rest.
    Hold,
    /// Take it as it is: nobody will write any more.
    Show,
}

/// Lines, and the position behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) lines: Vec<String>,
    pub(crate) position: u64,
}

/// The last lines of a log.
pub(crate) fn tail(
    folder: &InstanceFolder,
    count: usize,
    unfinished: Unfinished,
) -> Result<Lines, ProcessError> {
    let parts = position::parts(folder)?;
    let mut end = parts.first().map_or(0, Part::end);
    let mut bytes = read_back(&parts, count)?;
    if unfinished == Unfinished::Hold {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        end -= (bytes.len() - whole) as u64;
        bytes.truncate(whole);
    }
    Ok(Lines { lines: last_lines(&bytes, count), position: end })
}

/// What was written from a position on, whole lines, at most about a mebibyte: ask again with the position that comes back.
pub(crate) fn after(
    folder: &InstanceFolder,
    position: u64,
    unfinished: Unfinished,
) -> Result<Lines, ProcessError> {
    let mut parts = position::parts(folder)?;
    parts.reverse();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return Ok(Lines { lines: Vec::new(), position });
    };
    let end = last.end();
    let was_dropped = position < first.start;
    let mut from = position.max(first.start);
    if from >= end {
        return Ok(Lines { lines: Vec::new(), position: end });
    }
    let mut bytes = read_forward(&parts, from, CHUNK)?;
    if was_dropped {
        // The beginning of this line is gone.
        let skipped = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes.drain(..skipped);
        from += skipped as u64;
    }
    let at_end = from + bytes.len() as u64 >= end;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let show_rest = (at_end && unfinished == Unfinished::Show) || bytes.len() as u64 >= CHUNK && whole == 0;
    if !show_rest {
        bytes.truncate(whole);
    }
    Ok(Lines { lines: last_lines(&bytes, usize::MAX), position: from + bytes.len() as u64 })
}

/// The last lines of a plain file.
pub(crate) fn last_lines_of_file(path: &Path, count: usize) -> Result<Vec<String>, ProcessError> {
    let length = std::fs::metadata(path).map_err(file("read", path))?.len();
    let part = Part { path: path.to_owned(), start: 0, length };
    Ok(last_lines(&read_back(&[part], count)?, count))
}

/// Reads from the end until there are more line ends than lines wanted. `parts` has the latest first.
fn read_back(parts: &[Part], count: usize) -> Result<Vec<u8>, ProcessError> {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let (mut ends, mut total) = (0, 0);
    'parts: for part in parts {
        let mut opened = File::open(&part.path).map_err(file("read", &part.path))?;
        let mut before = part.length;
        while before > 0 {
            let piece = before.min(64 * 1024);
            before -= piece;
            let bytes = read_at(&mut opened, before, piece).map_err(file("read", &part.path))?;
            ends += bytes.iter().filter(|byte| **byte == b'\n').count();
            total += bytes.len();
            pieces.push(bytes);
            if ends > count || total >= TAIL_LIMIT {
                break 'parts;
            }
        }
    }
    pieces.reverse();
    Ok(pieces.concat())
}

/// Reads from a position on. `parts` has the oldest first.
fn read_forward(parts: &[Part], from: u64, length: u64) -> Result<Vec<u8>, ProcessError> {
    let mut bytes = Vec::new();
    for part in parts.iter().filter(|part| part.end() > from) {
        let left = length - bytes.len() as u64;
        if left == 0 {
            break;
        }
        let offset = from.saturating_sub(part.start);
        let mut opened = File::open(&part.path).map_err(file("read", &part.path))?;
        let piece = (part.length - offset).min(left);
        bytes.extend(read_at(&mut opened, offset, piece).map_err(file("read", &part.path))?);
    }
    Ok(bytes)
}

fn read_at(opened: &mut File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    opened.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    opened.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn last_lines(bytes: &[u8], count: usize) -> Vec<String> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() || count == 0 {
        return Vec::new();
    }
    let mut lines: Vec<String> = body.rsplit(|byte| *byte == b'\n').take(count).map(line).collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(text: &[u8]) -> (tempfile::TempDir, InstanceFolder) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = InstanceFolder::at(temporary.path().to_owned());
        fs::write(folder.log(0), text).unwrap();
        (temporary, folder)
    }

    #[test]
    fn a_line_without_end_waits_for_the_rest_while_somebody_writes() {
        let (_temporary, folder) = folder(b"one\ntwo\nthr");
        let held = tail(&folder, 2, Unfinished::Hold).unwrap();
        assert_eq!((held.lines, held.position), (vec!["one".to_owned(), "two".to_owned()], 8));
        assert!(after(&folder, 8, Unfinished::Hold).unwrap().lines.is_empty());
        let shown = after(&folder, 8, Unfinished::Show).unwrap();
        assert_eq!((shown.lines, shown.position), (vec!["thr".to_owned()], 11));
        assert_eq!(tail(&folder, 1, Unfinished::Show).unwrap().lines, ["thr"]);
        assert!(tail(&folder, 0, Unfinished::Show).unwrap().lines.is_empty());
    }

    #[test]
    fn following_by_position_gives_every_line_once() {
        let text: Vec<u8> = (0..200_000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
        let (_temporary, folder) = folder(&text);
        let (mut position, mut lines) = (0, Vec::new());
        loop {
            let next = after(&folder, position, Unfinished::Hold).unwrap();
            if next.lines.is_empty() {
                break;
            }
            lines.extend(next.lines);
            position = next.position;
        }
        assert_eq!(position, text.len() as u64);
        assert!(lines.iter().enumerate().all(|(n, line)| *line == n.to_string()));
        assert_eq!(lines.len(), 200_000);
        assert_eq!(after(&folder, position + 100, Unfinished::Hold).unwrap().position, position);
    }

    #[test]
    fn strange_bytes_empty_lines_and_endless_lines_are_borne() {
        let mut text = b"a\xff\r\n\n".to_vec();
        text.extend(vec![b'x'; 3 * 1024 * 1024]);
        let (_temporary, folder) = folder(&text);
        let lines = tail(&folder, 10, Unfinished::Show).unwrap().lines;
        assert_eq!(lines[..2], ["a\u{fffd}".to_owned(), String::new()]);
        assert!(lines[2].len() < 17_000 && lines[2].ends_with("more bytes)"));
        // Followed, the endless line comes in pieces instead of never.
        let first = after(&folder, 0, Unfinished::Hold).unwrap();
        let second = after(&folder, first.position, Unfinished::Hold).unwrap();
        assert!(second.position > first.position);
    }

    #[test]
    fn a_position_that_was_dropped_goes_on_with_the_next_whole_line() {
        let (_temporary, folder) = folder(b"lf\nwhole\n");
        fs::write(folder.log_position(), br#"{"rotated":100,"rotating_at":null}"#).unwrap();
        let next = after(&folder, 10, Unfinished::Hold).unwrap();
        assert_eq!((next.lines, next.position), (vec!["whole".to_owned()], 109));
    }
}
