//! Waiting for a state, with a bound: what does not come at all fails with the last that was seen.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// The longest wait for a state that has to come.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// What a busy node may take to end a pod that was told to: its own affair, with no promise of ours.
pub const POD_ENDS: Duration = Duration::from_secs(300);
/// The longest wait for the end of a command, which may itself wait for pods to end on a busy node.
pub const COMMAND_ENDS: Duration = POD_ENDS;
const LOOK: Duration = Duration::from_millis(15);

/// Looks until there is something, and gives it.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    until_ok(what, || look().ok_or("not yet"))
}

/// Looks until it is well, and gives what is then there.
pub fn until_ok<T, E: Debug>(what: &str, look: impl FnMut() -> Result<T, E>) -> T {
    patiently(PATIENCE, what, look)
}

/// As [`until_ok`], for so long.
pub fn patiently<T, E: Debug>(patience: Duration, what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(there) => return there,
            Err(last) if began.elapsed() > patience => panic!("{what} did not come: {last:#?}"),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}
