//! Unix sockets in folders with long names: the system takes 107 bytes; a longer path goes through the folder's descriptor.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

const PATH_AT_MOST: usize = 100;

/// A path that the system takes, and what has to stay open while it is used.
pub(crate) struct ShortPath {
    pub(crate) path: PathBuf,
    _folder: Option<File>,
}

/// A way to `path` that is short enough for a socket's address.
pub(crate) fn shorten(path: &Path) -> io::Result<ShortPath> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if path.as_os_str().len() <= PATH_AT_MOST {
        return Ok(ShortPath { path: path.to_owned(), _folder: None });
    }
    let folder = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let folder = File::from(folder);
    let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
    Ok(ShortPath {
        path: Path::new("/proc/self/fd").join(number.to_string()).join(name),
        _folder: Some(folder),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_can_live_in_a_folder_with_a_long_name() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let path = deep.join("edge.sock");
        let _listener = std::os::unix::net::UnixListener::bind(shorten(&path).unwrap().path).unwrap();
        assert!(path.exists());
        std::os::unix::net::UnixStream::connect(shorten(&path).unwrap().path).unwrap();
    }
}
