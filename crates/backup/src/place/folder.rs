//! A folder of this machine. Files grow under another name and are renamed when they are durable.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{CONTENT, MANIFEST};
use crate::content::Growing;
use crate::error::{BackupError, file, written};
use crate::manifest::Id;

/// What grows.
const PART: &str = "part";
/// What is there in the clear as long as it is needed.
const COPY: &str = "copy";

/// A folder.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// That one; it is made, for its owner alone, where it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: PathBuf) -> Result<Self, BackupError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(file("making the folder for backups"))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn content(&self, id: &Id) -> PathBuf {
        self.path.join(format!("{id}{CONTENT}"))
    }

    fn manifest_path(&self, id: &Id) -> PathBuf {
        self.path.join(format!("{id}{MANIFEST}"))
    }

    pub(super) fn put(&self, id: &Id, content: Growing, text: &[u8]) -> Result<(), BackupError> {
        let to = self.content(id);
        std::fs::rename(content.path(), &to).map_err(file("giving the backup its name"))?;
        let outcome = self.sync().and_then(|()| self.put_manifest(id, text));
        if outcome.is_err() {
            // Without a manifest it is no backup; the next one removes it if this fails.
            let _ = std::fs::remove_file(&to);
        }
        // Its lock goes with it: from here on it has a manifest.
        content.keep();
        outcome
    }

    pub(super) fn put_manifest(&self, id: &Id, text: &[u8]) -> Result<(), BackupError> {
        let to = self.manifest_path(id);
        let part = self.path.join(format!("{id}{MANIFEST}.{PART}"));
        let doing = "writing the backup's manifest";
        let outcome = (|| {
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            file.try_lock()?;
            file.write_all(text)?;
            file.sync_all()?;
            std::fs::rename(&part, &to)
        })();
        if let Err(error) = outcome {
            let _ = std::fs::remove_file(&part);
            return Err(written(doing, &to)(error));
        }
        self.sync()
    }

    pub(super) fn manifests(&self, name: &str) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        let reading = "reading the folder of backups";
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(file(reading))? {
            let entry = entry.map_err(file(reading))?;
            let called = entry.file_name().to_string_lossy().into_owned();
            if let Some(id) = called.strip_suffix(MANIFEST)
                && id.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
            {
                found.push((id.to_owned(), std::fs::read(entry.path()).map_err(file(reading))?));
            }
        }
        Ok(found)
    }

    pub(super) fn manifest(&self, id: &Id) -> Result<Option<Vec<u8>>, BackupError> {
        match std::fs::read(self.manifest_path(id)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file("reading a backup's manifest")(error)),
        }
    }

    pub(super) fn remove(&self, id: &Id) -> Result<(), BackupError> {
        for path in [self.manifest_path(id), self.content(id)] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(file("removing a backup")(error));
                }
                _ => self.sync()?,
            }
        }
        Ok(())
    }

    /// Removes contents without a manifest too, whose writer is gone.
    pub(super) fn tidy(&self) -> Result<(), BackupError> {
        tidy(&self.path)?;
        let tidying = "tidying the folder of backups";
        for entry in std::fs::read_dir(&self.path).map_err(file(tidying))? {
            let path = entry.map_err(file(tidying))?.path();
            let called = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(id) = called.strip_suffix(CONTENT)
                && !self.path.join(format!("{id}{MANIFEST}")).exists()
                && left(&path)
            {
                std::fs::remove_file(&path).map_err(file(tidying))?;
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), BackupError> {
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        synced.map_err(file("making the folder of backups durable"))
    }
}

/// Removes what grew in a folder, or was only for a moment, and whose writer is gone.
pub(super) fn tidy(folder: &Path) -> Result<(), BackupError> {
    let tidying = "tidying the folder of backups";
    for entry in std::fs::read_dir(folder).map_err(file(tidying))? {
        let path = entry.map_err(file(tidying))?.path();
        if path.extension().is_some_and(|ending| ending == PART || ending == COPY) && left(&path) {
            std::fs::remove_file(&path).map_err(file(tidying))?;
        }
    }
    Ok(())
}

/// Whether nobody holds it.
fn left(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}
