//! What a job writes, as it is kept: without secrets, and bounded. Of what is too long the middle is left out.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bascule_secrets::redact::{Redactor, Stream};

/// The longest beginning that is kept, in bytes.
const HEAD: u64 = 12 << 20;
/// The longest end that is kept, in bytes.
const TAIL: usize = 4 << 20;

/// The log of one attempt.
pub(crate) struct Output {
    file: File,
    stream: Stream,
    written: u64,
    head: u64,
    longest_tail: usize,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Output {
    /// Opens the log; what is in it stays.
    pub(crate) fn open(path: &Path, redactor: &Redactor) -> io::Result<Self> {
        Self::bounded(path, redactor, HEAD, TAIL)
    }

    fn bounded(path: &Path, redactor: &Redactor, head: u64, longest_tail: usize) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self {
            file,
            stream: redactor.stream(),
            written,
            head,
            longest_tail,
            tail: VecDeque::new(),
            left_out: 0,
        })
    }

    /// More of it.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut clean = Vec::with_capacity(bytes.len());
        self.stream.push(bytes, &mut clean);
        self.keep(&clean)
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let mut clean = Vec::new();
        std::mem::replace(&mut self.stream, Redactor::none().stream()).finish(&mut clean);
        self.keep(&clean)?;
        if self.left_out > 0 {
            // A line that was cut is not shown from its middle on.
            let at = self.tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let left_out = self.left_out + at as u64;
            self.tail.drain(..at);
            self.file.write_all(format!("\n[{left_out} bytes left out here]\n").as_bytes())?;
        }
        let (one, other) = self.tail.as_slices();
        self.file.write_all(one)?;
        self.file.write_all(other)
    }

    fn keep(&mut self, clean: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.head.saturating_sub(self.written)).unwrap_or(usize::MAX);
        let (now, later) = clean.split_at(room.min(clean.len()));
        self.file.write_all(now)?;
        self.written += now.len() as u64;
        self.tail.extend(later);
        let over = self.tail.len().saturating_sub(self.longest_tail);
        self.tail.drain(..over);
        self.left_out += over as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bascule_secrets::SecretValue;

    use super::*;

    fn kept(pieces: &[&str], redactor: &Redactor) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut output = Output::bounded(&path, redactor, 20, 20).unwrap();
        pieces.iter().for_each(|piece| output.push(piece.as_bytes()).unwrap());
        output.finish().unwrap();
        std::fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn the_middle_of_what_is_too_long_is_left_out() {
        assert_eq!(kept(&["one\n", "two\n"], &Redactor::none()), "one\ntwo\n");
        let long: String = (0..30).map(|n| format!("line {n}\n")).collect();
        let whole = kept(&[&long], &Redactor::none());
        assert!(
            whole.starts_with("line 0\nline 1\nline 2") && whole.ends_with("line 28\nline 29\n"),
            "{whole}"
        );
        assert!(whole.contains("bytes left out here]\nline 28"), "{whole}");
        // What just fits into both is whole.
        assert_eq!(kept(&[&long[..40]], &Redactor::none()), long[..40]);
    }

    #[test]
    fn a_secret_in_pieces_is_not_kept() {
        let secret = SecretValue::new("hunter2-hunter2".to_owned());
        let redactor = Redactor::new([("TOKEN", &secret)]);
        assert_eq!(kept(&["a hunt", "er2-hun", "ter2 b"], &redactor), "a [secret TOKEN] b");
    }
}
