//! Writing so that a reader finds the old contents or the new, never a part.
//!
//! [`durable`] survives a power cut, [`atomic`] the death of this process: what no start depends on need not wait for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{StateError, file};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The owner alone.
    Private,
    /// Whoever may enter the folder.
    Shared,
}

impl Access {
    fn mode(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
        }
    }
}

/// Replaces a file as one change, and waits until it is on the disk.
///
/// # Errors
/// [`StateError::File`].
pub fn durable(path: &Path, bytes: &[u8], access: Access) -> Result<(), StateError> {
    let aside = write_aside(path, bytes, access, File::sync_all)?;
    put_in_place(&aside, path)?;
    sync_folder(parent(path))
}

/// Replaces a file as one change.
///
/// # Errors
/// [`StateError::File`].
pub fn atomic(path: &Path, bytes: &[u8], access: Access) -> Result<(), StateError> {
    let aside = write_aside(path, bytes, access, |_| Ok(()))?;
    put_in_place(&aside, path)
}

/// Makes the entries of a folder durable.
///
/// # Errors
/// [`StateError::File`].
pub fn sync_folder(path: &Path) -> Result<(), StateError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(file("sync", path))
}

/// Makes a folder and those above it.
///
/// # Errors
/// [`StateError::File`].
pub fn make_folder(path: &Path) -> Result<(), StateError> {
    fs::create_dir_all(path).map_err(file("make the folder", path))
}

/// Removes a file; one that is not there is removed.
///
/// # Errors
/// [`StateError::File`].
pub fn remove_file(path: &Path) -> Result<(), StateError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder with all it holds; one that is not there is removed.
///
/// # Errors
/// [`StateError::File`].
pub fn remove_folder(path: &Path) -> Result<(), StateError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The names in a folder, none when it is not there. Names that are no text are not ours and are left out.
///
/// # Errors
/// [`StateError::File`].
pub fn names(folder: &Path) -> Result<Vec<String>, StateError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(file("read", folder)(error)),
    };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// The contents of a file, none when it is not there.
///
/// # Errors
/// [`StateError::File`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file("read", path)(error)),
    }
}

fn write_aside(
    path: &Path,
    bytes: &[u8],
    access: Access,
    finish: impl FnOnce(&File) -> std::io::Result<()>,
) -> Result<PathBuf, StateError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}.new"));
    // A leftover of an earlier death may have other rights: begin anew.
    remove_file(&aside)?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(access.mode())
        .open(&aside)
        .and_then(|mut opened| opened.write_all(bytes).and_then(|()| finish(&opened)));
    written.map_err(|error| {
        // Half a file is of no use to anybody; that it cannot be removed is not what went wrong.
        let _ = fs::remove_file(&aside);
        file("write", path)(error)
    })?;
    Ok(aside)
}

fn put_in_place(aside: &Path, path: &Path) -> Result<(), StateError> {
    fs::rename(aside, path).map_err(file("write", path))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leftovers_do_not_hinder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        fs::write(folder.path().join(".record.new"), b"half").unwrap();
        durable(&path, b"one", Access::Private).unwrap();
        atomic(&path, b"two", Access::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = durable(Path::new("/proc/nowhere/x"), b"", Access::Shared).unwrap_err();
        assert!(error.to_string().contains("/proc/nowhere/x"), "{error}");
    }
}
