//! One process, named so that no other is ever taken for it.
//!
//! A pid is used again by the kernel; pid and start time together are not, within a boot. A [`Handle`] is a process file
//! descriptor whose process was found to be the one meant *after* it was opened: from then on it can mean no other.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use bascule_model::evidence::Exit;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::stat;

/// A process of this boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    pub(crate) start_ticks: u64,
}

impl Identity {
    /// Whether it is there and has not ended.
    pub(crate) fn is_running(self) -> bool {
        stat::read(self.pid).is_some_and(|stat| stat.start_ticks == self.start_ticks && !stat.has_ended())
    }

    /// Whether the kernel still keeps its number for it: it runs, or nobody has asked yet how it ended.
    pub(crate) fn is_there(self) -> bool {
        stat::read(self.pid).is_some_and(|stat| stat.start_ticks == self.start_ticks)
    }
}

/// A hold on one process.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    pub(crate) identity: Identity,
    descriptor: Arc<OwnedFd>,
}

impl Handle {
    /// Takes hold of a process; none when it is gone or its number belongs to another now.
    pub(crate) fn open(identity: Identity) -> Option<Self> {
        let descriptor =
            rustix::process::pidfd_open(Pid::from_raw(identity.pid)?, PidfdFlags::empty()).ok()?;
        let handle = Self { identity, descriptor: Arc::new(descriptor) };
        identity.is_there().then_some(handle)
    }

    /// Sends a signal; to a process that has ended it does nothing.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        match rustix::process::pidfd_send_signal(&self.descriptor, signal) {
            Err(Errno::SRCH) => Ok(()),
            result => result,
        }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.descriptor, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    /// Waits until it has ended. Blocks.
    pub(crate) fn wait(&self) {
        let mut fds = [PollFd::new(&self.descriptor, PollFlags::IN)];
        while poll(&mut fds, None) == Err(Errno::INTR) {}
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) -> std::io::Result<()> {
        let descriptor = self.descriptor.try_clone()?;
        // SAFETY: the descriptor is owned by the watcher and closed with it; it always gives the same number.
        let watched = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }
            .map_err(std::io::Error::from)?;
        let _ready = watched.readable().await?;
        Ok(())
    }

    /// Asks how it ended and lets the kernel forget it; unknown for one that is not a child of this process.
    pub(crate) fn reap(&self) -> Exit {
        use std::os::fd::AsFd;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match rustix::process::waitid(WaitId::PidFd(self.descriptor.as_fd()), options) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Exit::Code { code },
                (None, Some(signal)) => Exit::Signal { signal, out_of_memory: false },
                (None, None) => Exit::Unknown,
            },
            Ok(None) | Err(_) => Exit::Unknown,
        }
    }
}

/// The signal with this number; SIGTERM for a number that names none.
pub(crate) fn signal(number: i32) -> Signal {
    Signal::from_named_raw(number).unwrap_or(Signal::TERM)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn identity(pid: u32) -> Identity {
        let pid = i32::try_from(pid).unwrap();
        Identity { pid, start_ticks: stat::read(pid).unwrap().start_ticks }
    }

    #[tokio::test]
    async fn a_child_is_held_signalled_and_asked_how_it_ended() {
        // The handle asks how it ended, in place of the child's own type.
        let child = std::mem::ManuallyDrop::new(Command::new("sleep").arg("1000").spawn().unwrap());
        let identity = identity(child.id());
        let handle = Handle::open(identity).unwrap();
        assert!(identity.is_running() && !handle.has_ended());
        handle.signal(Signal::KILL).unwrap();
        handle.ended().await.unwrap();
        assert!(handle.has_ended() && !identity.is_running() && identity.is_there());
        assert_eq!(handle.reap(), Exit::Signal { signal: 9, out_of_memory: false });
        assert!(!identity.is_there() && Handle::open(identity).is_none());
        handle.signal(Signal::TERM).unwrap();
    }

    #[test]
    fn a_number_that_belongs_to_another_process_is_not_taken() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let mut other = identity(child.id());
        other.start_ticks += 1;
        assert!(!other.is_running() && Handle::open(other).is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
