//! Writing so that a reader finds the old contents or the new, never a part.
//!
//! [`durable`] survives a power cut, [`atomic`] the death of this process: what no start depends on need not wait for the disk.
//! To wait for the disk once is as long as to wait for many files at the same time: [`durable_together`].

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
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

/// What a file of [`durable_together`] is to hold.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// All of it.
    pub bytes: &'a [u8],
    /// Who may read it.
    pub access: Access,
}

/// Replaces files of one folder, each as one change and in this order, and waits until they are on the disk, and with them the
/// entries of these other folders.
///
/// # Errors
/// [`StateError::File`], of the first that failed.
pub fn durable_together(files: &[Contents<'_>], folders: &[&Path]) -> Result<(), StateError> {
    let written =
        at_the_same_time(files, |file| write_aside(file.path, file.bytes, file.access, File::sync_all));
    if written.is_err() {
        // Those that could be written are of no use alone. The first error is the one to tell.
        files.iter().for_each(|file| drop(fs::remove_file(aside(file.path))));
    }
    for (file, aside) in files.iter().zip(&written?) {
        put_in_place(aside, file.path)?;
    }
    let own = files.first().map(|file| parent(file.path));
    let folders: Vec<&Path> = own.into_iter().chain(folders.iter().copied()).collect();
    at_the_same_time(&folders, |folder| sync_folder(folder)).map(drop)
}

/// Replaces a file that is shorter than a sector of any disk, and waits until it is on the disk. Where it had the same length its
/// bytes are exchanged in their place: no folder and no length changes with it, for which the disk would take far longer.
///
/// # Errors
/// [`StateError::File`].
pub fn durable_in_place(path: &Path, bytes: &[u8], access: Access) -> Result<(), StateError> {
    debug_assert!(bytes.len() <= 512, "a sector is written whole or not at all, more is not");
    let same_length =
        fs::symlink_metadata(path).is_ok_and(|there| there.is_file() && there.len() == bytes.len() as u64);
    if !same_length {
        return durable(path, bytes, access);
    }
    let opened = OpenOptions::new().write(true).open(path);
    opened
        .and_then(|opened| opened.write_all_at(bytes, 0).and_then(|()| opened.sync_data()))
        .map_err(file("write", path))
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
    let aside = aside(path);
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

/// Where a file is written before it is put in its place.
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

/// Does what waits for the disk for all of them at the same time; the first error in their order is the one to tell.
fn at_the_same_time<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&T) -> Result<R, StateError> + Sync,
) -> Result<Vec<R>, StateError> {
    let work = &work;
    std::thread::scope(|scope| {
        let begun: Vec<_> = all.iter().map(|one| scope.spawn(move || work(one))).collect();
        let ended =
            begun.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        // All are waited for, whatever became of the first.
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}

fn put_in_place(aside: &Path, path: &Path) -> Result<(), StateError> {
    fs::rename(aside, path).map_err(file("write", path))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

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

    #[test]
    fn files_are_replaced_together_or_the_first_error_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (values, record) = (folder.path().join("values"), folder.path().join("record"));
        fs::write(&record, b"old").unwrap();
        let files = |record| {
            [
                Contents { path: &values, bytes: b"1", access: Access::Private },
                Contents { path: record, bytes: b"2", access: Access::Shared },
            ]
        };
        durable_together(&files(&record), &[folder.path().parent().unwrap()]).unwrap();
        assert_eq!((fs::read(&values).unwrap(), fs::read(&record).unwrap()), (b"1".to_vec(), b"2".to_vec()));
        assert_eq!(fs::metadata(&values).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

        fs::write(&values, b"before").unwrap();
        let error = durable_together(&files(Path::new("/proc/nowhere/x")), &[]).unwrap_err();
        assert!(error.to_string().contains("/proc/nowhere/x"), "{error}");
        assert_eq!(fs::read(&values).unwrap(), b"before", "nothing is in place before all are written");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_short_file_is_replaced_in_its_place_where_its_length_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("generation");
        let inode = || fs::metadata(&path).unwrap().ino();
        durable_in_place(&path, b"0001", Access::Shared).unwrap();
        let first = inode();
        durable_in_place(&path, b"0002", Access::Shared).unwrap();
        assert_eq!((fs::read(&path).unwrap(), inode()), (b"0002".to_vec(), first));
        durable_in_place(&path, b"003", Access::Shared).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"003");
        assert_ne!(inode(), first);
    }
}
