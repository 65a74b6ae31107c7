//! The processes of a job: begun in a session of their own with nothing of ours, and ended as a whole.
//!
//! Whatever belongs to a job carries `BASCULE_JOB=MARK/…` ([`RunFolder::mark`](crate::folder::RunFolder)) in its environment or is in the session of the process that was begun;
//! so it is found also when its runner is dead. Nothing is signalled by number alone: the process file descriptor is opened
//! first, and who it means is looked at after that. One that may not be signalled, or that the kernel does not let go of, is not
//! waited for without end: it is named.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;

use crate::event::End;

/// The variable by which a job's processes are known.
pub(crate) const MARK: &str = "BASCULE_JOB";
/// How long processes have to end by themselves.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// How long the kernel has to end what was killed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at who is left.
const LOOK: Duration = Duration::from_millis(10);

/// What is to be begun.
pub(crate) struct Begin<'a> {
    /// Lines for the shell; the first that fails is the last.
    pub(crate) script: &'a str,
    /// All of its environment.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Where.
    pub(crate) folder: &'a Path,
}

/// A process that was begun.
pub(crate) struct Running {
    child: Child,
    descriptor: AsyncFd<OwnedFd>,
    mark: String,
}

/// Begins it. What it writes comes from the pipe, both outputs in their order.
pub(crate) fn begin(begin: &Begin<'_>) -> io::Result<(Running, Receiver)> {
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-e", "-c", begin.script])
        .env_clear()
        .envs(begin.environment)
        .current_dir(begin.folder)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    // SAFETY: the closure runs in the child between fork and exec, makes plain system calls on numbers and constants, allocates
    // nothing and takes no lock.
    unsafe {
        command.pre_exec(become_alone);
    }
    let child = command.spawn()?;
    // The command holds the writing end; the reader must see the end of it with the job's.
    drop(command);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    let descriptor = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    // SAFETY: the descriptor is owned by the watcher and closed with it; it always gives the same number.
    let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }
        .map_err(io::Error::from)?;
    let mark = begin.environment.get(MARK).cloned().unwrap_or_default();
    Ok((Running { child, descriptor, mark }, Receiver::from_owned_fd(reader.into())?))
}

/// A session, signals and descriptors of its own.
fn become_alone() -> io::Result<()> {
    // SAFETY: system calls on numbers and a buffer of this frame; each is async-signal-safe.
    unsafe {
        if libc::setsid() < 0 {
            return Err(io::Error::last_os_error());
        }
        libc::umask(0o022);
        // Zeros are the default action with no flags and no mask, in the layout of every architecture.
        let default = [0_u64; 8];
        for signal in 1..=64 {
            let none = std::ptr::null_mut::<libc::c_void>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, 8_usize);
        }
        let empty = 0_u64;
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const empty, 0_usize, 8_usize);
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
    Ok(())
}

impl Running {
    /// Waits until the process that was begun has ended. The kernel keeps its number until [`Self::clear`].
    pub(crate) async fn ended(&self) -> io::Result<()> {
        self.descriptor.readable().await.map(drop)
    }

    /// Ends all that is left of it, and says how the first process ended, and who is still there.
    pub(crate) async fn clear(mut self) -> io::Result<(End, Vec<Left>)> {
        let session = self.child.id().try_into().ok();
        let left = end_all(&self.mark, session, GRACE).await;
        let ended = match self.child.try_wait()? {
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => End::Exit(code),
                (None, Some(signal)) => End::Signal(signal),
                (None, None) => End::Exit(-1),
            },
            // It is among those that are left: nobody knows how it will end.
            None => End::Exit(-1),
        };
        Ok((ended, left))
    }
}

/// A process that could not be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Its number.
    pub(crate) pid: i32,
    /// Its program's name.
    pub(crate) name: String,
    start: u64,
}

impl Left {
    fn is(&self, other: &Self) -> bool {
        (self.pid, self.start) == (other.pid, other.start)
    }
}

/// In words: `sudo (pid 4711), cat (pid 4712)`.
pub(crate) fn names(left: &[Left]) -> String {
    let names: Vec<String> = left.iter().map(|one| format!("{} (pid {})", one.name, one.pid)).collect();
    names.join(", ")
}

/// Ends every process whose mark begins so, and those of a session: asked first, and killed after the grace. Answers those that are
/// there all the same when the kernel's time is over.
pub(crate) async fn end_all(mark: &str, session: Option<i32>, grace: Duration) -> Vec<Left> {
    end_those(|| belonging(mark, session), send, grace).await
}

async fn end_those(
    those: impl Fn() -> Vec<Left>,
    send: impl Fn(&Left, Signal),
    grace: Duration,
) -> Vec<Left> {
    let begun = tokio::time::Instant::now();
    let mut asked: Vec<Left> = Vec::new();
    loop {
        let left = those();
        if left.is_empty() || begun.elapsed() >= grace + PATIENCE {
            return left;
        }
        let signal = if begun.elapsed() < grace { Signal::TERM } else { Signal::KILL };
        for one in left {
            // Whoever was asked has until the grace is over: a second request may be taken for impatience.
            let is_asked = asked.iter().any(|other| other.is(&one));
            if signal == Signal::KILL || !is_asked {
                send(&one, signal);
            }
            if !is_asked {
                asked.push(one);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn send(to: &Left, signal: Signal) {
    let Some(number) = Pid::from_raw(to.pid) else { return };
    let Ok(descriptor) = rustix::process::pidfd_open(number, PidfdFlags::empty()) else { return };
    if stat(to.pid).is_some_and(|stat| stat.start == to.start) {
        // It may have ended a moment ago.
        let _ = rustix::process::pidfd_send_signal(descriptor.as_fd(), signal);
    }
}

/// The processes that belong to it and have not ended.
pub(crate) fn belonging(mark: &str, session: Option<i32>) -> Vec<Left> {
    let wanted = format!("{MARK}={mark}");
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != own)
        .filter_map(|pid| {
            let stat = stat(pid).filter(|stat| !matches!(stat.state, b'Z' | b'X'))?;
            let is_ours = session == Some(stat.session)
                || fs::read(format!("/proc/{pid}/environ")).is_ok_and(|all| {
                    all.split(|byte| *byte == 0).any(|one| one.starts_with(wanted.as_bytes()))
                });
            is_ours.then_some(Left { pid, name: stat.name, start: stat.start })
        })
        .collect()
}

struct Stat {
    name: String,
    state: u8,
    session: i32,
    start: u64,
}

/// `/proc/PID/stat` (proc(5)); the program's name stands in brackets and may hold anything.
fn stat(pid: i32) -> Option<Stat> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        name: String::from_utf8_lossy(line.get(open + 1..close)?).into_owned(),
        state: *fields.first()?.as_bytes().first()?,
        session: fields.get(3)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn stubborn() -> Left {
        Left { pid: 4711, name: "sudo".to_owned(), start: 1 }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_asked_once_then_killed_and_named_in_the_end() {
        let sent = RefCell::new(Vec::new());
        let send = |_: &Left, signal: Signal| sent.borrow_mut().push(signal);
        let left = end_those(|| vec![stubborn()], send, GRACE).await;
        assert_eq!(names(&left), "sudo (pid 4711)");
        let sent = sent.into_inner();
        assert_eq!(sent.iter().filter(|signal| **signal == Signal::TERM).count(), 1);
        assert!(sent[1..].len() > 1 && sent[1..].iter().all(|signal| *signal == Signal::KILL));
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_when_it_is_killed_is_nobody_that_is_left() {
        let is_there = RefCell::new(true);
        let send = |_: &Left, signal: Signal| {
            if signal == Signal::KILL {
                is_there.replace(false);
            }
        };
        let those = || if *is_there.borrow() { vec![stubborn()] } else { Vec::new() };
        assert_eq!(end_those(those, send, GRACE).await, []);
    }
}
