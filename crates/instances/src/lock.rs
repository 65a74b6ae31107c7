//! The lock of whoever supervises a target's instances: held while a file is open, released by the kernel when its holder dies.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;

use crate::durable;
use crate::error::{StateError, file};

/// Time between two attempts.
const WAIT: Duration = Duration::from_millis(10);
/// A child of the former holder that is not its app yet may hold the lock for a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes the lock; waits a little for it. The folder is made where it is not there.
///
/// # Errors
/// [`StateError::Locked`] when somebody else keeps it, or why it could not be opened.
pub async fn take(path: PathBuf) -> Result<File, StateError> {
    durable::make_folder(path.parent().unwrap_or(Path::new("/")))?;
    let lock = OpenOptions::new().create(true).append(true).open(&path).map_err(file("open", &path))?;
    let begun = tokio::time::Instant::now();
    loop {
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(WAIT).await;
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StateError::Locked { path }),
            Err(error) => return Err(file("lock", &path)(error.into())),
        }
    }
}
