//! A command that the engine could not start: 127 when there is no such program, 126 when it cannot be run.

use std::time::Duration;

use bascule_model::evidence::Exit;
use tokio::sync::watch;

/// The engine removes what it could not start, and says the status with that; so long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The status that the engine gives to a program that it could not start; none when it was not the program.
pub(super) async fn status(end: &watch::Sender<Option<Exit>>) -> Option<i32> {
    let mut end = end.subscribe();
    let exit = tokio::time::timeout(PATIENCE, end.wait_for(Option::is_some)).await;
    match exit.ok()?.ok()?.clone()? {
        Exit::Code { code: code @ (126 | 127) } => Some(code),
        _ => None,
    }
}
