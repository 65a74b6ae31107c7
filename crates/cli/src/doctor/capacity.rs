//! What the kernel gives: open files, the queue of new connections, handles on processes.

use rustix::process::{PidfdFlags, Resource, getpid, getrlimit, pidfd_open};

use super::Finding;

/// A proxied request takes two.
const FEW_FILES: u64 = 4096;
/// What the users' door asks for: connections that wait while nobody accepts.
const BACKLOG: u64 = 4096;

/// The limit of open files: the edge raises its own to the hard one.
pub fn open_files() -> Finding {
    const CHECK: &str = "open files";
    match getrlimit(Resource::Nofile).maximum {
        Some(hard) if hard < FEW_FILES => Finding::warning(
            CHECK,
            format!("at most {hard}: about {} connections at once", hard / 2),
            "raise the hard limit: `ulimit -Hn 65536` as root, or LimitNOFILE= in the unit",
        ),
        Some(hard) => Finding::good(CHECK, format!("at most {hard}")),
        None => Finding::good(CHECK, "no limit"),
    }
}

/// The queue of new connections: what keeps them when the edge is started anew.
pub fn backlog() -> Finding {
    const CHECK: &str = "backlog";
    let value = std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok();
    match value.and_then(|text| text.trim().parse::<u64>().ok()) {
        Some(length) if length < BACKLOG => Finding::warning(
            CHECK,
            format!("{length} new connections may wait while the edge is started anew"),
            format!("`sysctl -w net.core.somaxconn={BACKLOG}` as root"),
        ),
        Some(length) => Finding::good(CHECK, format!("{length} new connections may wait")),
        None => Finding::warning(CHECK, "net.core.somaxconn cannot be read", "mount /proc"),
    }
}

/// Handles on processes: with them a pid that was given to another process is never signalled.
pub fn pidfd() -> Finding {
    const CHECK: &str = "pidfd";
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(_) => Finding::good(CHECK, "the kernel gives handles on processes"),
        Err(error) => Finding::stops(
            CHECK,
            format!("the kernel gives no handles on processes: {error}"),
            "use Linux 5.3 or newer, and a sandbox that lets pidfd_open pass",
        ),
    }
}
