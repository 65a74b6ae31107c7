//! The files that a build sees: the context's folder without what its `.dockerignore` leaves out.
//!
//! Names are in the order of a walk (a folder, then what is in it, by bytes), so that two walks over the same files are equal.
//! Sockets, pipes and devices are no files, and are not sent; neither is the state folder where it lies in the context.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::{ImageError, file};
use super::ignore::Ignore;

/// One file, link or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative to the context, with `/`.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// Permission bits, with those of set-user-id, set-group-id and sticky.
    pub(super) mode: u32,
    /// When a file was changed last, in seconds and nanoseconds since 1970. Kept, as Docker does: web servers tell versions of
    /// a file by it, and neither builder's cache looks at it.
    pub(super) modified: (i64, i64),
    /// Tells a file that was written to in between from one that was not.
    stamp: (u64, i64, i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File { bytes: u64 },
    Link { target: String },
}

/// A folder and what is sent of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) folder: PathBuf,
    pub(super) entries: Vec<Entry>,
}

impl Context {
    /// Walks through the folder. Nothing of `state` is taken.
    pub(super) fn walk(folder: &Path, ignore: &Ignore, state: &Path) -> Result<Self, ImageError> {
        let mut walk = Walk { folder, ignore, state: state.canonicalize().ok(), entries: Vec::new() };
        walk.walk_folder("")?;
        Ok(Self { folder: folder.to_owned(), entries: walk.entries })
    }

    pub(super) fn path(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&entry.path)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.entries.iter().any(|entry| entry.path == path)
    }
}

impl Entry {
    pub(super) fn of_file(path: String, metadata: &Metadata) -> Self {
        Self::new(path, Kind::File { bytes: metadata.len() }, metadata)
    }

    fn new(path: String, kind: Kind, metadata: &Metadata) -> Self {
        // The times of a folder tell of files that are not sent, too.
        let is_folder = kind == Kind::Folder;
        let modified = if is_folder { (0, 0) } else { (metadata.mtime(), metadata.mtime_nsec()) };
        let stamp =
            if is_folder { (0, 0, 0) } else { (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()) };
        Self { path, kind, mode: metadata.mode() & 0o7777, modified, stamp }
    }
}

struct Walk<'a> {
    folder: &'a Path,
    ignore: &'a Ignore,
    state: Option<PathBuf>,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn walk_folder(&mut self, relative: &str) -> Result<(), ImageError> {
        let at = self.folder.join(relative);
        let mut names = Vec::new();
        for found in fs::read_dir(&at).map_err(file("read", &at))? {
            let found = found.map_err(file("read", &at))?;
            let name = found
                .file_name()
                .into_string()
                .map_err(|name| ImageError::NotText { path: at.join(name) })?;
            names.push(name);
        }
        names.sort_unstable();
        for name in names {
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            self.take(path)?;
        }
        Ok(())
    }

    fn take(&mut self, path: String) -> Result<(), ImageError> {
        let at = self.folder.join(&path);
        let is_ignored = self.ignore.ignores(&path);
        if is_ignored && self.ignore.is_final() {
            return Ok(());
        }
        let metadata = match fs::symlink_metadata(&at) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(file("read", &at))?,
        };
        if metadata.is_dir() {
            if self.state.is_some() && at.canonicalize().ok() == self.state {
                return Ok(());
            }
            let before = self.entries.len();
            let inside = path.clone();
            self.entries.push(Entry::new(path, Kind::Folder, &metadata));
            self.walk_folder(&inside)?;
            // An ignored folder is there for what was taken back of it, or not at all.
            if is_ignored && self.entries.len() == before + 1 {
                self.entries.truncate(before);
            }
            return Ok(());
        }
        if is_ignored {
            return Ok(());
        }
        if metadata.is_symlink() {
            let target = fs::read_link(&at).map_err(file("read", &at))?;
            let target =
                target.into_os_string().into_string().map_err(|_| ImageError::NotText { path: at })?;
            self.entries.push(Entry::new(path, Kind::Link { target }, &metadata));
        } else if metadata.is_file() {
            self.entries.push(Entry::of_file(path, &metadata));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(folder: &Path, rules: &str, state: &Path) -> Vec<String> {
        let ignore = Ignore::parse(rules).unwrap();
        let context = Context::walk(folder, &ignore, state).unwrap();
        context.entries.into_iter().map(|entry| entry.path).collect()
    }

    #[test]
    fn what_is_sent_and_in_which_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::create_dir_all(at.join("a/deep")).unwrap();
        fs::create_dir_all(at.join("state/x")).unwrap();
        fs::create_dir_all(at.join("empty")).unwrap();
        for name in ["a/deep/keep", "a/one", "a.txt", "state/x/y", "z"] {
            fs::write(at.join(name), name).unwrap();
        }
        symlink("a/one", at.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at.join("socket")).unwrap();
        let state = at.join("state");
        assert_eq!(
            paths(at, "", &state),
            ["a", "a/deep", "a/deep/keep", "a/one", "a.txt", "empty", "link", "z"]
        );
        assert_eq!(paths(at, "*\n!**/keep", &state), ["a", "a/deep", "a/deep/keep"]);
        assert_eq!(
            paths(at, "a\nlink\nempty", Path::new("/nowhere")),
            ["a.txt", "state", "state/x", "state/x/y", "z"]
        );
    }
}
