//! Disks of a scenario's own: small ones, full ones, ones that cannot be written. Each is a mount, and so needs root.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mount over a folder that is taken away in the end.
pub struct Disk(PathBuf);

impl Disk {
    /// A file system in memory of that many MiB; none where mounting is not allowed.
    pub fn small(folder: &Path, size: u32) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        Self::mounted(folder, &["-t", "tmpfs", "-o", &format!("size={size}m,mode=0700"), "tmpfs"])
    }

    /// The folder itself, as somebody sees it who may only read.
    pub fn read_only(folder: &Path) -> Option<Self> {
        let disk = Self::mounted(folder, &["--bind", folder.to_str()?])?;
        assert!(mount(&["-o", "remount,bind,ro"], folder), "mounting it read-only");
        Some(disk)
    }

    fn mounted(folder: &Path, words: &[&str]) -> Option<Self> {
        if mount(words, folder) {
            return Some(Self(folder.to_owned()));
        }
        println!("NOT RUN: mounting a file system is not allowed here (it needs root)");
        None
    }

    /// Fills it to its last byte.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    /// Takes away what [`Self::fill`] wrote.
    pub fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

fn mount(words: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    let status = command.args(words).arg(folder).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever still has files open there is stopped by the world, afterwards.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
