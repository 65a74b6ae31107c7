//! The folder that a release's instances run in: reflinks of the store's files, else hard links, else copies.
//!
//! It is made aside and moved into place whole. One that is there already is repaired: what the artifact holds is put back
//! where it is not what it was; what an app wrote besides is left alone.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::contents::{self, Content, Contents};
use super::index::{Index, Kind};
use crate::error::{ProcessError, file};
use crate::state::durable;

/// Makes or repairs the folder.
pub(super) fn lay_out(index: &Index, contents: &Contents, folder: &Path) -> Result<(), ProcessError> {
    if folder.is_dir() {
        return fill(index, contents, folder);
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder.with_file_name(format!(".{name}.new"));
    durable::remove_folder(&aside)?;
    durable::make_folder(&aside)?;
    let made = fill(index, contents, &aside)
        .and_then(|()| fs::rename(&aside, folder).map_err(file("write", folder)));
    if made.is_err() {
        // Half a folder only takes room. The first error is the one to tell.
        let _ = fs::remove_dir_all(&aside);
    }
    made
}

fn fill(index: &Index, contents: &Contents, folder: &Path) -> Result<(), ProcessError> {
    for entry in index.entries() {
        let path = folder.join(entry.path());
        match &entry.kind {
            Kind::Folder => put_folder(&path)?,
            Kind::Link { target } => put_link(&path, Path::new(OsStr::from_bytes(target)))?,
            Kind::File(content) => put_file(&path, content, contents)?,
        }
    }
    Ok(())
}

fn put_folder(path: &Path) -> Result<(), ProcessError> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    clear(path)?;
    fs::create_dir(path).map_err(file("make the folder", path))
}

fn put_link(path: &Path, target: &Path) -> Result<(), ProcessError> {
    if fs::read_link(path).is_ok_and(|there| there == target) {
        return Ok(());
    }
    clear(path)?;
    std::os::unix::fs::symlink(target, path).map_err(file("make the link", path))
}

fn put_file(path: &Path, content: &Content, contents: &Contents) -> Result<(), ProcessError> {
    let source = contents.path(content);
    if is_same(path, &source, content)? {
        return Ok(());
    }
    clear(path)?;
    place(&source, path, content).map_err(file("write", path))
}

/// Whether the file is the store's own, or a copy that is what it was.
fn is_same(path: &Path, source: &Path, content: &Content) -> Result<bool, ProcessError> {
    let Ok(there) = fs::symlink_metadata(path) else { return Ok(false) };
    if !there.is_file() {
        return Ok(false);
    }
    let stored = fs::metadata(source).map_err(file("look at", source))?;
    if (there.dev(), there.ino()) == (stored.dev(), stored.ino()) {
        return Ok(true);
    }
    Ok(there.len() == content.size
        && there.permissions().mode() & 0o777 == content.permission.mode()
        && contents::hash(path).map_err(file("read", path))?.0 == content.sha256)
}

fn place(source: &Path, path: &Path, content: &Content) -> io::Result<()> {
    let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let from = File::open(source)?;
    if rustix::fs::ioctl_ficlone(&to, &from).is_ok() {
        return to.set_permissions(fs::Permissions::from_mode(content.permission.mode()));
    }
    drop(to);
    fs::remove_file(path)?;
    match fs::hard_link(source, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(error),
        // Another file system, too many links, or none allowed: a copy serves as well.
        Err(_) => fs::copy(source, path).map(drop),
    }
}

fn clear(path: &Path) -> Result<(), ProcessError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(durable::remove_folder(path)?),
        Ok(_) => Ok(durable::remove_file(path)?),
        Err(_) => Ok(()),
    }
}
