//! The state folder: made private, locked by the one control plane that may use it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use bascule_model::problem::{Code, Problem};
use rustix::fs::{FlockOperation, flock};

/// The lock of the control plane: held while it lives, released by the kernel when it dies.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Makes the folder (mode 0700) if it is not there, and checks that it can be written.
///
/// # Errors
/// `STATE_UNUSABLE` or `DISK_FULL`, with the reason.
pub fn prepare(state: &Path) -> Result<(), Problem> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .map_err(|error| unusable(state, &error))?;
    let probe = state.join(".write-probe");
    let written = File::create(&probe).and_then(|mut file| file.write_all(b"x"));
    let _ = std::fs::remove_file(&probe);
    written.map_err(|error| unusable(state, &error))
}

/// Takes the lock.
///
/// # Errors
/// `CONTROL_PLANE_UNAVAILABLE` when another control plane has it.
pub fn lock(state: &Path) -> Result<Lock, Problem> {
    let path = state.join("serve.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| unusable(state, &error))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        return Err(Problem::new(
            Code::ControlPlaneUnavailable,
            format!("a control plane (pid {}) runs on {} already", holder.trim(), state.display()),
            "use it as it is: every command finds it; or name another folder with --state",
        ));
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
    written.map_err(|error| unusable(state, &error))?;
    Ok(Lock(file))
}

/// Opens a private file to append to.
///
/// # Errors
/// When it cannot be opened.
pub fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn unusable(state: &Path, error: &io::Error) -> Problem {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Problem::new(
            Code::DiskFull,
            format!("the state folder {} cannot be written: there is no room on its disk", state.display()),
            "make room, then try again; what runs goes on running",
        );
    }
    Problem::new(
        Code::StateUnusable,
        format!("the state folder {} cannot be used: {error}", state.display()),
        "make it writable for this user, or name another one with --state DIR or BASCULE_STATE",
    )
}
