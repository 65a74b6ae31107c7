//! Lines with the moment at which they were written, as the engine sends them and as they are kept. Pure.

use bascule_instances::text;
use jiff::Timestamp;

/// One line of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When the engine got it, in nanoseconds since 1970.
    pub(crate) at: u64,
    /// Without its end. Untrusted.
    pub(crate) text: String,
}

/// Lines as they come: a long one comes in pieces, each with a moment of its own.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    done: Vec<Line>,
    /// The beginning of a line of standard output, and of standard error.
    open: [Option<(u64, Vec<u8>)>; 2],
}

impl Lines {
    /// Takes a piece: `<RFC 3339 time> <bytes>`, with a line end unless more of the line follows.
    pub(crate) fn add(&mut self, is_error: bool, piece: &[u8]) {
        let Some((at, bytes)) = timed(piece) else { return };
        let open = &mut self.open[usize::from(is_error)];
        let (at, mut line) = open.take().unwrap_or((at, Vec::new()));
        let (bytes, is_whole) = match bytes.strip_suffix(b"\n") {
            Some(bytes) => (bytes, true),
            None => (bytes, false),
        };
        // What is beyond the longest line is cut anyway; a little more, so that it says so.
        if line.len() <= 2 * text::LONGEST_LINE {
            line.extend_from_slice(bytes);
        }
        if is_whole {
            self.done.push(Line { at, text: text::line(&line) });
        } else {
            *open = Some((at, line));
        }
    }

    /// All lines, also those without an end.
    pub(crate) fn finish(mut self) -> Vec<Line> {
        for (at, line) in self.open.into_iter().flatten() {
            self.done.push(Line { at, text: text::line(&line) });
        }
        self.done.sort_by_key(|line| line.at);
        self.done
    }
}

fn timed(piece: &[u8]) -> Option<(u64, &[u8])> {
    let space = piece.iter().position(|byte| *byte == b' ')?;
    let time: Timestamp = std::str::from_utf8(&piece[..space]).ok()?.parse().ok()?;
    Some((u64::try_from(time.as_nanosecond()).ok()?, &piece[space + 1..]))
}

/// The last lines, as they are kept, in at most so many bytes.
pub(crate) fn stored<'a>(lines: impl DoubleEndedIterator<Item = &'a Line>, bytes: usize) -> Vec<u8> {
    let mut pieces = Vec::new();
    let mut length = 0;
    for line in lines.rev() {
        let piece = format!("{} {}\n", line.at, line.text.replace('\n', " "));
        length += piece.len();
        if length > bytes {
            break;
        }
        pieces.push(piece);
    }
    pieces.reverse();
    pieces.concat().into_bytes()
}

/// Reads what [`stored`] wrote; what is no line of it is left out.
pub(crate) fn kept(bytes: &[u8]) -> Vec<Line> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split('\n').filter_map(|line| {
        let (at, text) = line.split_once(' ')?;
        Some(Line { at: at.parse().ok()?, text: text.to_owned() })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let mut lines = Lines::default();
        lines.add(false, b"2026-11-25T10:00:00.000000001Z one\n");
        lines.add(true, b"2026-11-25T10:00:00.000000002Z er");
        lines.add(false, b"2026-11-25T10:00:00.000000003Z two\r\n");
        lines.add(true, b"2026-11-25T10:00:00.000000004Z ror\n");
        lines.add(false, b"2026-11-25T10:00:00.000000005Z no end");
        lines.add(false, b"no time\n");
        let lines = lines.finish();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "error", "two", "no end"]);
        assert_eq!(lines[1].at - lines[0].at, 1);
        let stored_all = stored(lines.iter(), 1000);
        assert_eq!(kept(&stored_all), lines);
        assert_eq!(kept(&stored(lines.iter(), 60)), lines[2..]);
    }
}
