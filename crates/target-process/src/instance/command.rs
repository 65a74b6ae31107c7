//! Makes the process of a command beside the instances: a session of its own, pipes or a terminal, and no record. It is killed with
//! the thread that makes it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::instance::launch;
use crate::sys::process::{Handle, Identity};
use crate::sys::stat;

/// Everything that it is made from.
pub(crate) struct Running<'a> {
    pub(crate) working: &'a Path,
    pub(crate) program: &'a Path,
    /// Command line, the program's name first.
    pub(crate) command: &'a [String],
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Control groups to join.
    pub(crate) groups: &'a [PathBuf],
    /// The command's end of its terminal; none: pipes.
    pub(crate) terminal: Option<File>,
}

/// Starts it. Blocks.
pub(crate) fn run(running: Running<'_>) -> io::Result<(Child, Handle)> {
    let groups: Vec<File> = running
        .groups
        .iter()
        .map(|group| OpenOptions::new().write(true).open(group.join("cgroup.procs")))
        .collect::<io::Result<_>>()?;
    let group_fds: Vec<RawFd> = groups.iter().map(AsRawFd::as_raw_fd).collect();
    let has_terminal = running.terminal.is_some();
    let parent = std::process::id();
    let mut command = Command::new(running.program);
    command
        .arg0(&running.command[0])
        .args(&running.command[1..])
        .env_clear()
        .envs(running.environment)
        .current_dir(running.working);
    match running.terminal {
        Some(terminal) => {
            command.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal);
        }
        None => {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        }
    }
    // SAFETY: the closure runs in the child between fork and exec. It makes system calls on numbers and on memory that was made
    // before the fork, allocates nothing and takes no lock. The descriptors stay open until `spawn` has returned.
    unsafe {
        command.pre_exec(move || {
            launch::become_alone(&group_fds)?;
            end_with(parent)?;
            if has_terminal && libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    drop(groups);
    // It is our child and nobody has asked yet how it ended: the number is its own.
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let handle =
        stat::read(pid).and_then(|stat| Handle::open(Identity { pid, start_ticks: stat.start_ticks }));
    match handle {
        Some(handle) => Ok((child, handle)),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            Err(io::Error::other("the process that was just made cannot be seen in /proc"))
        }
    }
}

/// Has the kernel kill this process when the thread that made it ends. For a child between fork and exec.
fn end_with(parent: u32) -> io::Result<()> {
    // SAFETY: system calls on numbers; each is async-signal-safe.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) < 0 {
            return Err(io::Error::last_os_error());
        }
        // One that was dead before will not end once more.
        if u32::try_from(libc::getppid()).is_ok_and(|now| now == parent) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    }
}
