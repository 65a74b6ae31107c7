//! Looks after the length of logs, for as long as the target is open.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::logs::rotate;
use crate::shared::Shared;

/// Time between two looks. A log may grow beyond its limit by what is written in it.
const PAUSE: Duration = Duration::from_millis(500);

/// Begins; ends with the target.
pub(super) fn begin(shared: &Arc<Shared>) {
    let closing = shared.closing.clone();
    let shared = Arc::clone(shared);
    let look = async move {
        loop {
            let rotating = Arc::clone(&shared);
            // A log that cannot be rotated now (no room on the disk) is looked at again the next time.
            let _ = tokio::task::spawn_blocking(move || rotate_all(&rotating)).await;
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = look => {}
        }
    });
}

fn rotate_all(shared: &Shared) {
    for slot in shared.standing() {
        for instance in &slot.instances {
            let too_long =
                std::fs::metadata(instance.folder.log(0)).is_ok_and(|log| log.len() > shared.log_limit);
            if too_long || rotate::is_under_way(&instance.folder) {
                let _rotating = shared.logs.write().unwrap_or_else(PoisonError::into_inner);
                // See above.
                let _ = rotate::rotate(&instance.folder, shared.log_limit);
            }
        }
    }
}
