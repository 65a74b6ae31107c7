//! A command that the engine could not start, told as a shell tells it: one line on standard error, and the status 127 when there
//! is no such program, 126 when it cannot be run.

use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{ExecControl, ExecOutput, ExecSession, PortError, TerminalSize};
use bascule_model::evidence::Exit;
use futures_util::stream;
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

/// It has ended with the status, and with these words.
pub(super) fn session(words: &str, code: i32) -> ExecSession {
    let line = format!("bascule: {words}\r\n");
    ExecSession {
        input: Box::pin(tokio::io::sink()),
        output: Box::pin(stream::iter([ExecOutput::Stderr(line.into_bytes())])),
        control: Box::new(Ended(code)),
    }
}

struct Ended(i32);

#[async_trait]
impl ExecControl for Ended {
    async fn resize(&self, _: TerminalSize) -> Result<(), PortError> {
        Ok(())
    }

    async fn signal(&self, _: i32) -> Result<(), PortError> {
        Ok(())
    }

    async fn wait(&self) -> Result<Exit, PortError> {
        Ok(Exit::Code { code: self.0 })
    }
}
