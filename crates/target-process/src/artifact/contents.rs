//! The contents of files, each once, under their hash: `contents/<SHA-256>-<444 or 555>`.
//!
//! The mode is part of the name because hard links share it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{ProcessError, file};
use crate::hex;
use crate::state::durable;

/// Whether a file may be run. Nothing else of a mode is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Permission {
    Read,
    Execute,
}

impl Permission {
    pub(super) fn octal(self) -> &'static str {
        match self {
            Self::Read => "444",
            Self::Execute => "555",
        }
    }

    pub(super) fn from_octal(text: &str) -> Option<Self> {
        [Self::Read, Self::Execute].into_iter().find(|permission| permission.octal() == text)
    }

    pub(super) fn mode(self) -> u32 {
        match self {
            Self::Read => 0o444,
            Self::Execute => 0o555,
        }
    }

    /// That of a file with this mode: run by anybody is run by all.
    pub(super) fn of_mode(mode: u32) -> Self {
        if mode & 0o111 == 0 { Self::Read } else { Self::Execute }
    }
}

/// Contents with their permission.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Content {
    /// Hex.
    pub(super) sha256: String,
    pub(super) permission: Permission,
    /// Bytes.
    pub(super) size: u64,
}

impl Content {
    pub(super) fn file_name(&self) -> String {
        format!("{}-{}", self.sha256, self.permission.octal())
    }
}

/// When written contents are brought to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// File by file.
    EachFile,
    /// All at once, by [`Contents::sync`].
    Later,
}

/// The folder of contents.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    folder: PathBuf,
}

impl Contents {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, content: &Content) -> PathBuf {
        self.folder.join(content.file_name())
    }

    /// Whether the contents are there and what their name says.
    pub(super) fn is_whole(&self, content: &Content) -> Result<bool, ProcessError> {
        let path = self.path(content);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(false) };
        if !metadata.is_file()
            || metadata.len() != content.size
            || metadata.permissions().mode() & 0o777 != content.permission.mode()
        {
            return Ok(false);
        }
        Ok(hash(&path).map_err(file("read", &path))?.0 == content.sha256)
    }

    /// Takes the contents of a file in. What is in already and whole is not written again.
    pub(super) fn take(
        &self,
        source: &Path,
        permission: Permission,
        durability: Durability,
    ) -> Result<Content, ProcessError> {
        let (sha256, size) = hash(source).map_err(file("read", source))?;
        let content = Content { sha256, permission, size };
        if self.is_whole(&content)? {
            return Ok(content);
        }
        let aside = self.folder.join(format!(".new-{}", content.file_name()));
        durable::remove_file(&aside)?;
        // The source may change while it is read: the copy's own hash names it.
        let written = self.copy(source, &aside, permission, durability);
        if written.is_err() {
            // Half a copy only takes room, of which there may be none.
            let _ = fs::remove_file(&aside);
        }
        let content = written?;
        let place = self.path(&content);
        fs::rename(&aside, &place).map_err(file("write", &place))?;
        Ok(content)
    }

    fn copy(
        &self,
        source: &Path,
        aside: &Path,
        permission: Permission,
        durability: Durability,
    ) -> Result<Content, ProcessError> {
        let mut from = File::open(source).map_err(file("read", source))?;
        let mut to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(aside)
            .map_err(file("write", aside))?;
        let (sha256, size) = if rustix::fs::ioctl_ficlone(&to, &from).is_ok() {
            hash(aside).map_err(file("read", aside))?
        } else {
            copy_hashing(&mut from, &mut to, aside)?
        };
        to.set_permissions(fs::Permissions::from_mode(permission.mode())).map_err(file("write", aside))?;
        if durability == Durability::EachFile {
            to.sync_all().map_err(file("write", aside))?;
        }
        Ok(Content { sha256, permission, size })
    }

    /// Waits until everything taken is on the disk.
    pub(super) fn sync(&self, durability: Durability) -> Result<(), ProcessError> {
        if durability == Durability::Later {
            let folder = File::open(&self.folder).map_err(file("sync", &self.folder))?;
            rustix::fs::syncfs(&folder).map_err(|error| file("sync", &self.folder)(error.into()))?;
        }
        Ok(durable::sync_folder(&self.folder)?)
    }

    /// Removes what no artifact needs, leftovers of earlier deaths too.
    pub(super) fn remove_all_but(&self, needed: &HashSet<String>) -> Result<(), ProcessError> {
        for name in durable::names(&self.folder)? {
            if !needed.contains(&name) {
                durable::remove_file(&self.folder.join(name))?;
            }
        }
        Ok(())
    }
}

/// SHA-256 in hex and size of a file.
pub(super) fn hash(path: &Path) -> io::Result<(String, u64)> {
    let mut source = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        let length = source.read(&mut buffer)?;
        if length == 0 {
            return Ok((hex::encode(&hasher.finalize()), size));
        }
        hasher.update(&buffer[..length]);
        size += length as u64;
    }
}

fn copy_hashing(from: &mut File, to: &mut File, aside: &Path) -> Result<(String, u64), ProcessError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        let length = from.read(&mut buffer).map_err(file("copy into", aside))?;
        if length == 0 {
            return Ok((hex::encode(&hasher.finalize()), size));
        }
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length]).map_err(file("write", aside))?;
        size += length as u64;
    }
}
