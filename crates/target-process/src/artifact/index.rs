//! What an artifact holds, in the one form over which its digest is taken.
//!
//! ```text
//! bascule artifact 1
//! folder <length of path> <path>
//! file <444 or 555> <SHA-256 of the contents, hex> <size in bytes> <length of path> <path>
//! link <length of target> <target> <length of path> <path>
//! ```
//!
//! Entries are sorted by path as bytes; every line ends with `\n`; lengths are in bytes and decimal, since paths and targets may
//! hold anything. The digest is `sha256:` and the SHA-256 of all of it in hex. Owners and times are not part of an artifact.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::contents::{Content, Permission};
use crate::hex;

const HEAD: &[u8] = b"bascule artifact 1\n";

/// The entries of an artifact, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    entries: Vec<Entry>,
}

/// One file, link or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative to the release's folder.
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File(Content),
    Link { target: Vec<u8> },
}

impl Entry {
    pub(super) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    pub(super) fn path_text(&self) -> String {
        self.path().display().to_string()
    }
}

impl Index {
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self { entries }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn contents(&self) -> impl Iterator<Item = &Content> {
        self.entries.iter().filter_map(|entry| match &entry.kind {
            Kind::File(content) => Some(content),
            _ => None,
        })
    }

    pub(super) fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(&Sha256::digest(self.bytes())))
    }

    /// The canonical form.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        for entry in &self.entries {
            match &entry.kind {
                Kind::Folder => bytes.extend_from_slice(b"folder "),
                Kind::File(content) => {
                    let words =
                        format!("file {} {} {} ", content.permission.octal(), content.sha256, content.size);
                    bytes.extend_from_slice(words.as_bytes());
                }
                Kind::Link { target } => {
                    bytes.extend_from_slice(b"link ");
                    push_counted(&mut bytes, target);
                    bytes.push(b' ');
                }
            }
            push_counted(&mut bytes, &entry.path);
            bytes.push(b'\n');
        }
        bytes
    }

    /// Takes the canonical form apart; none when it is not quite that.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(HEAD)?;
        let mut entries = Vec::new();
        while !rest.is_empty() {
            let kind = match word(&mut rest)? {
                "folder" => Kind::Folder,
                "file" => {
                    let permission = Permission::from_octal(word(&mut rest)?)?;
                    let sha256 = word(&mut rest).filter(|text| hex::is_sha256(text))?.to_owned();
                    let size = word(&mut rest)?.parse().ok()?;
                    Kind::File(Content { sha256, permission, size })
                }
                "link" => {
                    let target = counted(&mut rest)?;
                    rest = rest.strip_prefix(b" ")?;
                    Kind::Link { target }
                }
                _ => return None,
            };
            let path = counted(&mut rest)?;
            rest = rest.strip_prefix(b"\n")?;
            entries.push(Entry { path, kind });
        }
        let index = Self { entries };
        // Only the canonical form is one: nothing that is written otherwise may pass for the same artifact.
        (index.bytes() == bytes && index.entries.is_sorted_by(|a, b| a.path < b.path)).then_some(index)
    }
}

fn push_counted(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(format!("{} ", text.len()).as_bytes());
    bytes.extend_from_slice(text);
}

fn word<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|byte| *byte == b' ')?;
    let word = std::str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 1..];
    Some(word)
}

fn counted(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = word(rest)?.parse().ok()?;
    let text = rest.get(..length)?.to_vec();
    *rest = &rest[length..];
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let content = Content { sha256: "ab".repeat(32), permission: Permission::Execute, size: 7 };
        Index::new(vec![
            Entry { path: b"static".to_vec(), kind: Kind::Folder },
            Entry { path: b"shop\nx".to_vec(), kind: Kind::File(content) },
            Entry { path: b"static/l\xff".to_vec(), kind: Kind::Link { target: b"../sh op".to_vec() } },
        ])
    }

    #[test]
    fn the_form_is_as_documented_and_survives_a_round_trip() {
        let bytes = index().bytes();
        let expected = format!(
            "bascule artifact 1\nfile 555 {} 7 6 shop\nx\nfolder 6 static\nlink 8 ../sh op 9 static/l",
            "ab".repeat(32)
        );
        assert_eq!(bytes, [expected.as_bytes(), b"\xff\n"].concat());
        assert_eq!(Index::parse(&bytes), Some(index()));
        assert!(index().digest().starts_with("sha256:"));
    }

    #[test]
    fn anything_else_is_refused() {
        let bytes = index().bytes();
        for length in 0..bytes.len() {
            let cut = Index::parse(&bytes[..length]);
            // A cut behind a whole line is an index, but another one.
            assert!(cut.is_none_or(|cut| cut.digest() != index().digest()));
        }
        for bad in
            ["bascule artifact 1\nfolder 06 static\n", "bascule artifact 1\nfolder 1 b\nfolder 1 a\n", "x"]
        {
            assert_eq!(Index::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
