//! The state folder: whether it can be written, and the room on its disk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::Finding;
use crate::context::Context;
use crate::text::number;

/// Below this a build or a few artifacts fill the disk, bytes.
const LITTLE_ROOM: u64 = 1 << 30;
/// Below this not even the journal is safe, bytes.
const NO_ROOM: u64 = 64 << 20;

/// Whether the folder, or the nearest that is there above it, can be written.
pub fn folder(context: &Context) -> Finding {
    const CHECK: &str = "state folder";
    let state = match context.state() {
        Ok(state) => state,
        Err(problem) => return Finding::stops(CHECK, problem.message, problem.remedy),
    };
    let fix = "make it writable for this user, or name another one with --state DIR";
    let there = nearest(&state);
    if !there.is_dir() {
        return Finding::stops(CHECK, format!("{} is no folder", there.display()), fix);
    }
    if let Err(error) = access(there, Access::WRITE_OK | Access::EXEC_OK) {
        return Finding::stops(CHECK, format!("{} cannot be written: {error}", there.display()), fix);
    }
    if there != state {
        return Finding::good(CHECK, format!("{} can be made", state.display()));
    }
    let mode = std::fs::metadata(&state).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        return Finding::warning(
            CHECK,
            format!("{} can be opened by others (mode {:o})", state.display(), mode & 0o777),
            format!("`chmod 700 {}`", state.display()),
        );
    }
    Finding::good(CHECK, format!("{} can be written, by this user alone", state.display()))
}

/// The room on its disk.
pub fn room(context: &Context) -> Finding {
    const CHECK: &str = "room on disk";
    let Ok(state) = context.state() else {
        return Finding::warning(
            CHECK,
            "not looked at: there is no state folder",
            "name one with --state DIR",
        );
    };
    let free = match statvfs(nearest(&state)) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            return Finding::warning(CHECK, format!("it cannot be seen: {error}"), "look with `df`");
        }
    };
    let says = format!("{} free where the state folder is", number::bytes(free));
    let fix = "make room: artifacts, logs and the journal live there";
    match free {
        ..NO_ROOM => Finding::stops(CHECK, says, fix),
        NO_ROOM..LITTLE_ROOM => Finding::warning(CHECK, says, fix),
        _ => Finding::good(CHECK, says),
    }
}

/// The path itself, or the nearest above it that is there.
fn nearest(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(nearest(&root.path().join("a/b")), root.path());
    }
}
