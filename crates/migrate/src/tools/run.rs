//! Running such a program, and one into another. What is dropped on the way ends them.

use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr};

use super::{Program, ToolError};

/// How much of an error output is kept: its end says most.
const SAID: usize = 4096;

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    /// Its process; input and output are taken from it.
    pub child: Child,
    name: String,
    said: tokio::task::JoinHandle<String>,
    _options: Option<tempfile::NamedTempFile>,
}

/// How a load ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// All of it is there.
    Whole,
    /// The program says that something is not.
    Partly {
        /// The end of what it said.
        said: String,
    },
}

impl Program {
    /// Starts it. Its input and output are as given.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start(mut self, input: Stdio, output: Stdio) -> Result<Running, ToolError> {
        self.command.stdin(input).stdout(output).stderr(Stdio::piped()).kill_on_drop(true);
        let started = self.command.spawn();
        let mut child = started.map_err(|source| ToolError::Start { program: self.name.clone(), source })?;
        let said = tokio::spawn(end_of(child.stderr.take()));
        Ok(Running { child, name: self.name, said, _options: self.options })
    }
}

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it ended with an error.
    pub async fn finish(self) -> Result<(), ToolError> {
        let name = self.name.clone();
        let (status, said) = self.end().await?;
        if status.success() { Ok(()) } else { Err(ToolError::Failed { program: name, said }) }
    }

    async fn end(mut self) -> Result<(ExitStatus, String), ToolError> {
        let status = self.child.wait().await;
        let status = status.map_err(|source| ToolError::Start { program: self.name.clone(), source })?;
        Ok((status, self.said.await.unwrap_or_default()))
    }
}

/// The output of one as the input of the other.
///
/// # Errors
/// When the first fails, or the second did not begin its work.
pub async fn pipe(from: Program, to: Program) -> Result<Load, ToolError> {
    let mut from = from.start(Stdio::null(), Stdio::piped())?;
    let failed = |source| ToolError::Start { program: from.name.clone(), source };
    let output = from.child.stdout.take().ok_or_else(|| failed(std::io::ErrorKind::BrokenPipe.into()))?;
    let input: Stdio = output.try_into().map_err(failed)?;
    let to = to.start(input, Stdio::null())?;
    let (from, to) = tokio::join!(from.finish(), to.end());
    let (status, said) = to?;
    if !status.success() {
        // When the second ends early the first fails too, for want of a reader; the second knows why.
        return Ok(Load::Partly { said });
    }
    from?;
    Ok(Load::Whole)
}

async fn end_of(stream: Option<ChildStderr>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let (mut end, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count) = stream.read(&mut piece).await {
        if count == 0 {
            break;
        }
        end.extend_from_slice(&piece[..count]);
        let over = end.len().saturating_sub(SAID);
        end.drain(..over);
    }
    String::from_utf8_lossy(&end).trim().to_owned()
}
