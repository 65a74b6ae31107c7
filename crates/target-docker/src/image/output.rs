//! What a build says: to the run's log, and in short to who watches. Values of secrets are never written.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::error::{ImageError, file};

/// What stands in place of a secret.
const MASK: &str = "***";
/// A note is for one line of a terminal.
const LONGEST_NOTE: usize = 100;

/// The log of a build.
pub(super) struct Output<'a> {
    /// None: nobody wants to read it.
    log: Option<(PathBuf, File)>,
    note: &'a (dyn Fn(String) + Send + Sync),
    mask: Mask,
}

impl<'a> Output<'a> {
    pub(super) fn open(
        path: &Path,
        note: &'a (dyn Fn(String) + Send + Sync),
        secrets: impl Iterator<Item = &'a String>,
    ) -> Result<Self, ImageError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(file("make the folder", folder))?;
        }
        let opened = OpenOptions::new().create(true).append(true).open(path).map_err(file("write", path))?;
        let log = Some((path.to_owned(), opened));
        Ok(Self { log, note, mask: Mask::new(secrets) })
    }

    /// One that keeps nothing.
    pub(super) fn nowhere(note: &'a (dyn Fn(String) + Send + Sync)) -> Self {
        Self { log: None, note, mask: Mask(Vec::new()) }
    }

    pub(super) fn path(&self) -> &Path {
        self.log.as_ref().map_or(Path::new(""), |(path, _)| path)
    }

    /// Writes a line of our own.
    pub(super) fn line(&mut self, text: &str) -> Result<(), ImageError> {
        let text = self.mask.hide(text);
        self.log.as_mut().map_or(Ok(()), |(path, log)| writeln!(log, "{text}").map_err(file("write", path)))
    }

    /// Tells who watches.
    pub(super) fn note(&self, text: &str) {
        let mut text = self.mask.hide(text);
        if let Some((end, _)) = text.char_indices().nth(LONGEST_NOTE) {
            text.truncate(end);
            text.push('…');
        }
        (self.note)(text);
    }

    /// The text without secrets.
    pub(super) fn hide(&self, text: &str) -> String {
        self.mask.hide(text)
    }
}

/// Values that are not written, the longest first. A value of several lines is hidden line by line, since it is written so.
struct Mask(Vec<String>);

impl Mask {
    fn new<'a>(secrets: impl Iterator<Item = &'a String>) -> Self {
        let mut values: Vec<String> = secrets
            .flat_map(|value| value.lines())
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self(values)
    }

    fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASK))
    }
}

/// Bytes that become lines. What a program overwrites (`\r`) counts as the end of a line, too.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// The lines that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.0.split_off(end + 1);
        let whole = std::mem::replace(&mut self.0, rest);
        texts(&whole)
    }

    /// What is left at the end.
    pub(super) fn finish(&mut self) -> Vec<String> {
        texts(&std::mem::take(&mut self.0))
    }
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.split(['\n', '\r']).map(without_colors).filter(|line| !line.is_empty()).collect()
}

/// Without control sequences (ECMA-48): the classic builder paints what goes to standard error, and programs paint, too.
fn without_colors(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if rest.next() == Some('[') {
            // Ends with the first character from `@` to `~`.
            let _ = rest.find(|c| ('@'..='~').contains(c));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_line_by_line() {
        let secrets = ["top".to_owned(), "topmost".to_owned(), "two\n  lines\n\n".to_owned(), String::new()];
        let mask = Mask::new(secrets.iter());
        assert_eq!(mask.hide("a topmost top two x lines"), "a *** *** *** x ***");
    }

    #[test]
    fn bytes_become_lines() {
        let mut lines = Lines::default();
        assert!(lines.push(b"one").is_empty());
        assert_eq!(lines.push(b" more\ntwo\r\nthr"), ["one more", "two"]);
        assert_eq!(lines.push(b"ee\n\n1%\r2%\n"), ["three", "1%", "2%"]);
        lines.push("é".as_bytes());
        assert_eq!(lines.finish(), ["é"]);
        assert_eq!(lines.push(b"\x1b[91mred\x1b[0m \x1b[1;32m\n\x1b[0m\nend\n"), ["red ", "end"]);
    }
}
