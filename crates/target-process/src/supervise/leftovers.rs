//! Ends what an instance's process left behind: children that still hold its port or its files.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::error::ProcessError;
use crate::shared::Shared;
use crate::slot::Instance;
use crate::sys::members::{self, Member, Wanted};

/// So long the kernel may take to end what was killed.
pub(crate) const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// Kills every process of the instance but its leader, until none is left. Blocks.
pub(crate) fn clear(shared: &Shared, instance: &Instance) -> Result<(), ProcessError> {
    let wanted = [instance.wanted(shared)?];
    let begun = Instant::now();
    loop {
        let left = others(&wanted);
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > KILL_PATIENCE {
            return Err(still_there(instance.id.as_str(), &left));
        }
        members::signal(&left, Signal::KILL);
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn others(wanted: &[Wanted; 1]) -> Vec<Member> {
    let found = members::find(wanted).pop().unwrap_or_default();
    let leader = wanted[0].leader;
    found.into_iter().filter(|member| Some(member.identity) != leader).collect()
}

/// The error that names them.
pub(crate) fn still_there(whose: &str, left: &[Member]) -> ProcessError {
    let pids: Vec<String> = left.iter().map(|member| member.identity.pid.to_string()).collect();
    ProcessError::StillThere { slot: whose.to_owned(), pids: pids.join(",") }
}
