//! A command that has ended before anybody could follow it, because its program could not be started: told as a shell tells it.

use async_trait::async_trait;
use bascule_model::evidence::Exit;
use futures_util::stream;

use super::{ExecControl, ExecOutput, ExecSession, TerminalSize};
use crate::ports::PortError;

impl ExecSession {
    /// A session that has ended: with one line on standard error, and a status; 127 is a program that is not there, 126 one that
    /// cannot be run.
    #[must_use]
    pub fn ended(words: &str, code: i32) -> Self {
        // A terminal at the other end may be in raw mode.
        let line = format!("bascule: {words}\r\n");
        Self {
            input: Box::pin(tokio::io::sink()),
            output: Box::pin(stream::iter([ExecOutput::Stderr(line.into_bytes())])),
            control: Box::new(Ended(code)),
        }
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
