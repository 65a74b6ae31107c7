//! Secrets as files: each instance has a folder of its own that lies in memory and is closed to other users of the machine. No disk
//! has their values, and no record.
//!
//! They are gone after a restart of the machine, or when somebody clears the folder, and are written again before each start. What
//! a death leaves behind is removed by [`SecretFiles::keep_only`] when the next control plane begins.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What statfs(2) calls a tmpfs, and ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
/// The folder of all state folders of a user.
const OURS: &str = "bascule";

/// Who reads the files of an instance, once on the way to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// This user alone: mode 0400 in folders of mode 0700.
    Owner,
    /// Whoever a container runs as, where the folder is bound into it: mode 0444 in folders of mode 0755. The way to them is closed
    /// outside of it all the same.
    Anyone,
}

/// One target's files. One thing happens to them at a time.
#[derive(Debug)]
pub struct SecretFiles {
    candidates: Vec<PathBuf>,
    owner: String,
    readers: Readers,
    turn: Mutex<()>,
}

impl SecretFiles {
    /// In the first of the candidates that lies in memory, below `bascule/<owner>`. No other target may have that owner.
    #[must_use]
    pub fn new(candidates: Vec<PathBuf>, owner: String, readers: Readers) -> Self {
        Self { candidates, owner, readers, turn: Mutex::default() }
    }

    /// Whether there is a place for them; makes it.
    ///
    /// # Errors
    /// What was tried, and why it will not do: a part of a sentence for a person.
    pub fn check(&self) -> Result<(), String> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.place()?;
        self.tidy();
        Ok(())
    }

    /// Writes an instance's, where they are not as they should be. Gives their folder.
    ///
    /// # Errors
    /// Why there is no place, or why it cannot be written there.
    pub fn write(&self, instance: &str, values: &BTreeMap<String, String>) -> Result<PathBuf, String> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.place()?.join(instance);
        let written = self.fill(&folder, values);
        written.map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    /// Removes an instance's, wherever they are.
    pub fn forget(&self, instance: &str) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for own in self.own() {
            // What cannot be removed is gone with the machine's next start.
            let _ = fs::remove_dir_all(own.join(instance));
        }
        self.tidy();
    }

    /// Removes all but those of these instances.
    pub fn keep_only(&self, instances: &BTreeSet<String>) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for own in self.own() {
            for entry in fs::read_dir(&own).into_iter().flatten().flatten() {
                if !entry.file_name().to_str().is_some_and(|name| instances.contains(name)) {
                    let _ = fs::remove_dir_all(entry.path());
                }
            }
        }
        self.tidy();
    }

    /// The folders of this owner that there may be: which candidate is the first may have changed since.
    fn own(&self) -> impl Iterator<Item = PathBuf> {
        let ours = self.candidates.iter().map(|candidate| candidate.join(OURS));
        ours.filter(|ours| is_private(ours, 0o022).is_ok()).map(|ours| ours.join(&self.owner))
    }

    /// An empty folder tells nothing, but nobody needs it.
    fn tidy(&self) {
        for own in self.own() {
            let _ = fs::remove_dir(own);
        }
    }

    fn place(&self) -> Result<PathBuf, String> {
        let mut tried = Vec::new();
        for candidate in &self.candidates {
            match in_memory(candidate).and_then(|()| private(&candidate.join(OURS), &self.owner)) {
                Ok(place) => return Ok(place),
                Err(error) => tried.push(format!("{}: {error}", candidate.display())),
            }
        }
        Err(tried.join("; "))
    }

    fn fill(&self, folder: &Path, values: &BTreeMap<String, String>) -> io::Result<()> {
        let (of_folder, of_file) = match self.readers {
            Readers::Owner => (0o700, 0o400),
            Readers::Anyone => (0o755, 0o444),
        };
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::set_permissions(folder, Permissions::from_mode(of_folder))?,
        }
        for (name, value) in values {
            let path = folder.join(name);
            let is_there = fs::symlink_metadata(&path)
                .is_ok_and(|found| found.is_file() && found.mode() & 0o777 == of_file);
            if is_there && fs::read(&path).is_ok_and(|there| there == value.as_bytes()) {
                continue;
            }
            let aside = folder.join(format!(".{name}.new"));
            let _ = fs::remove_file(&aside);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
            file.write_all(value.as_bytes())?;
            file.set_permissions(Permissions::from_mode(of_file))?;
            fs::rename(&aside, &path)?;
        }
        Ok(())
    }
}

fn in_memory(folder: &Path) -> io::Result<()> {
    let kind = rustix::fs::statfs(folder)?.f_type;
    if IN_MEMORY.contains(&kind) { Ok(()) } else { Err(io::Error::other("it does not lie in memory")) }
}

fn private(folder: &Path, owner: &str) -> io::Result<PathBuf> {
    let own = folder.join(owner);
    for (path, others) in [(folder, 0o022), (own.as_path(), 0o077)] {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => is_private(path, others)?,
        }
    }
    Ok(own)
}

/// Somebody else may have put something there first where all may write.
fn is_private(path: &Path, others: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & others != 0 {
        return Err(io::Error::other(format!("{} is not this user's alone", path.display())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder in memory; none on a machine without one.
    fn memory() -> Option<tempfile::TempDir> {
        let folder = Path::new("/dev/shm");
        in_memory(folder).ok()?;
        tempfile::tempdir_in(folder).ok()
    }

    fn files(candidates: &[&Path], readers: Readers) -> SecretFiles {
        SecretFiles::new(candidates.iter().map(|path| (*path).to_owned()).collect(), "s1".to_owned(), readers)
    }

    fn values() -> BTreeMap<String, String> {
        [("TOKEN", "s3cret"), ("KEY", "two\nlines")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn only_memory_will_do_and_only_what_is_ours() {
        let refused =
            files(&[Path::new("/proc"), Path::new("/nowhere")], Readers::Owner).check().unwrap_err();
        assert!(refused.starts_with("/proc: it does not lie in memory; /nowhere: "), "{refused}");
        let Some(memory) = memory() else { return };
        let open = memory.path().join(OURS);
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let refused = files(&[memory.path()], Readers::Owner).write("web-1", &values()).unwrap_err();
        assert!(refused.contains("is not this user's alone"), "{refused}");
        fs::remove_dir(&open).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &open).unwrap();
        assert!(files(&[memory.path()], Readers::Owner).write("web-1", &values()).is_err());
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn modes_are_those_of_the_readers_and_the_way_is_closed() {
        let Some(memory) = memory() else { return };
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        for (readers, of_folder, of_file) in [(Readers::Owner, 0o700, 0o400), (Readers::Anyone, 0o755, 0o444)]
        {
            let files = files(&[Path::new("/proc"), memory.path()], readers);
            let folder = files.write("web-1", &values()).unwrap();
            assert_eq!(folder, files.write("web-1", &values()).unwrap());
            assert_eq!(folder, memory.path().join("bascule/s1/web-1"));
            assert_eq!(fs::read_to_string(folder.join("KEY")).unwrap(), "two\nlines");
            assert_eq!((mode(&folder), mode(&folder.join("TOKEN"))), (of_folder, of_file));
            assert_eq!(mode(folder.parent().unwrap()), 0o700);
            // What somebody did to a file is undone.
            fs::set_permissions(folder.join("TOKEN"), Permissions::from_mode(0o644)).unwrap();
            fs::write(folder.join(".KEY.new"), "left by a death").unwrap();
            fs::remove_file(folder.join("KEY")).unwrap();
            files.write("web-1", &values()).unwrap();
            assert_eq!(mode(&folder.join("TOKEN")), of_file);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
            files.forget("web-1");
            assert!(!folder.exists() && !folder.parent().unwrap().exists());
        }
    }

    #[test]
    fn what_nobody_knows_any_more_goes_from_every_place() {
        let (Some(former), Some(memory)) = (memory(), memory()) else { return };
        let old = files(&[former.path()], Readers::Owner);
        let (one, two) = (old.write("web-1", &values()).unwrap(), old.write("web-2", &values()).unwrap());
        let now = files(&[memory.path(), former.path()], Readers::Owner);
        let here = now.write("web-2-exec-ab", &values()).unwrap();
        now.keep_only(&["web-1".to_owned()].into());
        assert!(one.exists() && !two.exists() && !here.exists());
        now.forget("web-1");
        assert!(!one.exists());
        assert_eq!(fs::read_dir(former.path().join(OURS)).unwrap().count(), 0);
    }
}
