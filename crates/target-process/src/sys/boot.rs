//! The boot that this is: process ids and start times mean something within one boot only.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::error::{ProcessError, file};

/// The kernel's random name for this boot.
pub(crate) fn id() -> Result<String, ProcessError> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = fs::read_to_string(path).map_err(file("read", path))?;
    Ok(text.trim().to_owned())
}

/// How long the machine has been up.
pub(crate) fn uptime() -> Option<Duration> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    let seconds = text.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A start time of `/proc/<pid>/stat` as time since boot.
pub(crate) fn since_boot(ticks: u64) -> Duration {
    // SAFETY: sysconf reads a constant of the system and touches no memory of ours.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let per_second = u64::try_from(per_second).unwrap_or(100).max(1);
    Duration::from_millis(ticks.saturating_mul(1000) / per_second)
}
