//! The lock of a run: whoever has it is its runner.

use std::fs::{File, OpenOptions};
use std::time::Duration;

use rustix::fs::FlockOperation;

use crate::error::{PipelineError, file};
use crate::folder::RunFolder;

/// How long it is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes it; waits a little for it: whoever looks whether there is a runner has it for a moment.
pub(super) async fn take(folder: &RunFolder) -> Result<File, PipelineError> {
    let begun = tokio::time::Instant::now();
    loop {
        match lock(folder) {
            Err(PipelineError::Taken) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            taken => return taken,
        }
    }
}

/// Whether a runner has the run.
///
/// # Errors
/// When the lock cannot be asked.
pub fn has_runner(folder: &RunFolder) -> Result<bool, PipelineError> {
    match lock(folder) {
        Ok(_) => Ok(false),
        Err(PipelineError::Taken) => Ok(true),
        Err(error) => Err(error),
    }
}

fn lock(folder: &RunFolder) -> Result<File, PipelineError> {
    let path = folder.lock();
    let lock = OpenOptions::new().create(true).append(true).open(&path).map_err(file("open", &path))?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(PipelineError::Taken),
        Err(error) => Err(file("lock", &path)(error.into())),
    }
}
