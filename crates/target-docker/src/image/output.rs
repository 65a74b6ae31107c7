//! What a build says: to the run's log, and in short to who watches. Secrets of the release are never written.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bascule_secrets::redact::Redactor;

use super::error::{ImageError, file};

/// A note is for one line of a terminal.
const LONGEST_NOTE: usize = 100;

/// The log of a build.
pub(super) struct Output<'a> {
    /// None: nobody wants to read it.
    log: Option<(PathBuf, File)>,
    note: &'a (dyn Fn(String) + Send + Sync),
    redactor: Redactor,
}

impl<'a> Output<'a> {
    pub(super) fn open(
        path: &Path,
        note: &'a (dyn Fn(String) + Send + Sync),
        redactor: &Redactor,
    ) -> Result<Self, ImageError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(file("make the folder", folder))?;
        }
        let opened = OpenOptions::new().create(true).append(true).open(path).map_err(file("write", path))?;
        let log = Some((path.to_owned(), opened));
        Ok(Self { log, note, redactor: redactor.clone() })
    }

    /// One that keeps nothing.
    pub(super) fn nowhere(note: &'a (dyn Fn(String) + Send + Sync)) -> Self {
        Self { log: None, note, redactor: Redactor::none() }
    }

    pub(super) fn path(&self) -> &Path {
        self.log.as_ref().map_or(Path::new(""), |(path, _)| path)
    }

    /// Writes a line of our own.
    pub(super) fn line(&mut self, text: &str) -> Result<(), ImageError> {
        let text = self.hide(text);
        self.log.as_mut().map_or(Ok(()), |(path, log)| writeln!(log, "{text}").map_err(file("write", path)))
    }

    /// Tells who watches.
    pub(super) fn note(&self, text: &str) {
        let mut text = self.hide(text);
        if let Some((end, _)) = text.char_indices().nth(LONGEST_NOTE) {
            text.truncate(end);
            text.push('…');
        }
        (self.note)(text);
    }

    /// The text without secrets.
    pub(super) fn hide(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
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
    use std::sync::Mutex;

    use bascule_secrets::SecretValue;

    use super::*;

    #[test]
    fn no_secret_is_written_or_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("build.log");
        let secrets = ["topmost-secret", "line one\nline two"].map(|text| SecretValue::new(text.to_owned()));
        let redactor = Redactor::new(secrets.iter().map(|secret| ("TOKEN", secret)));
        let notes = Mutex::new(Vec::new());
        let note = |text: String| notes.lock().unwrap().push(text);
        let mut output = Output::open(&path, &note, &redactor).unwrap();
        let mut lines = Lines::default();
        // In pieces, as they come from the engine.
        for piece in ["a topmo", "st-secret b\nline o", "ne\nline two\n"] {
            for line in lines.push(piece.as_bytes()) {
                output.line(&line).unwrap();
                output.note(&line);
            }
        }
        let hidden = ["a [secret TOKEN] b", "[secret TOKEN]", "[secret TOKEN]"];
        assert_eq!(*notes.lock().unwrap(), hidden);
        assert_eq!(fs::read_to_string(path).unwrap().lines().collect::<Vec<_>>(), hidden);
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
