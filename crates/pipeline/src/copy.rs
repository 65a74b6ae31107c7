//! Copies of folders: files with their rights, links as links, nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Copies a file, a link or a folder to a place where nothing is, and gives the bytes of the files.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if let Some(above) = to.parent() {
        fs::create_dir_all(above)?;
    }
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
        return Ok(0);
    }
    if kind.is_file() {
        return fs::copy(from, to);
    }
    if !kind.is_dir() {
        // Sockets and pipes mean something to those alone who made them.
        return Ok(0);
    }
    fs::create_dir_all(to)?;
    let mut bytes = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        bytes += copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    Ok(bytes)
}

/// Removes whatever is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
