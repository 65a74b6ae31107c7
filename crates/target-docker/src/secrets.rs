//! Secrets as files: in a folder that lies in memory, is private to this user on the machine, and is bound into the container
//! read-only as `/run/secrets`. No disk, no image and no inspection has their values.
//!
//! They are gone after a restart of the machine and are written again before each start.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Where a container sees them.
pub(crate) const TARGET: &str = "/run/secrets";
/// What statfs(2) calls a tmpfs, and ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// Finds the place for this state folder's secrets, the first of the candidates that lies in memory, and makes it.
///
/// # Errors
/// What was tried, and why it will not do.
pub(crate) fn place(candidates: &[PathBuf], state_id: &str) -> Result<PathBuf, String> {
    let mut tried = Vec::new();
    for candidate in candidates {
        match in_memory(candidate).and_then(|()| private(&candidate.join("bascule"), state_id)) {
            Ok(place) => return Ok(place),
            Err(error) => tried.push(format!("{}: {error}", candidate.display())),
        }
    }
    Err(tried.join("; "))
}

fn in_memory(folder: &Path) -> io::Result<()> {
    let kind = rustix::fs::statfs(folder)?.f_type;
    if IN_MEMORY.contains(&kind) { Ok(()) } else { Err(io::Error::other("it does not lie in memory")) }
}

fn private(folder: &Path, state_id: &str) -> io::Result<PathBuf> {
    let own = folder.join(state_id);
    for (path, others) in [(folder, 0o022), (own.as_path(), 0o077)] {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let found = fs::symlink_metadata(path)?;
        // Somebody else may have put something there first where all may write.
        if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & others != 0
        {
            return Err(io::Error::other(format!("{} is not this user's alone", path.display())));
        }
    }
    Ok(own)
}

/// Writes the files of an instance; whoever the container runs as can read them there. Gives the folder.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(place: &Path, instance: &str, values: &BTreeMap<String, String>) -> io::Result<PathBuf> {
    let folder = place.join(instance);
    match DirBuilder::new().create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::set_permissions(&folder, Permissions::from_mode(0o755))?,
    }
    for (name, value) in values {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|there| there == value.as_bytes()) {
            continue;
        }
        let aside = folder.join(format!(".{name}.new"));
        let _ = fs::remove_file(&aside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(value.as_bytes())?;
        // Only the way to the folder is closed to others: in the container it is open.
        file.set_permissions(Permissions::from_mode(0o444))?;
        fs::rename(&aside, &path)?;
    }
    Ok(folder)
}

/// Removes an instance's.
pub(crate) fn forget(place: &Path, instance: &str) {
    // What cannot be removed is gone with the machine's next start.
    let _ = fs::remove_dir_all(place.join(instance));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_memory_will_do_and_only_what_is_ours() {
        let disk = PathBuf::from("/proc");
        let refused = place(std::slice::from_ref(&disk), "s1").unwrap_err();
        assert!(refused.contains("/proc: it does not lie in memory"), "{refused}");
        assert!(private(Path::new("/tmp/nowhere/x"), "s1").is_err());
    }

    #[test]
    fn files_can_be_read_and_the_way_to_them_is_closed() {
        let temporary = tempfile::tempdir().unwrap();
        let own = private(&temporary.path().join("bascule"), "s1").unwrap();
        let values = BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]);
        let folder = write(&own, "web-1", &values).unwrap();
        let again = write(&own, "web-1", &values).unwrap();
        assert_eq!(folder, again);
        assert_eq!(fs::read_to_string(folder.join("TOKEN")).unwrap(), "s3cret");
        assert_eq!(fs::metadata(folder.join("TOKEN")).unwrap().mode() & 0o777, 0o444);
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
        assert!(private(&temporary.path().join("bascule"), "s1").is_err());
        forget(&own, "web-1");
        assert!(!folder.exists());
    }
}
