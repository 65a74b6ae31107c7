//! A command that runs, without the secrets of its release in what it writes.
//!
//! What may be the beginning of a secret waits for what comes next, or for the end. On a terminal what was typed comes back at once
//! all the same (see [`Terminal`]).

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bascule_secrets::redact::{Redactor, Stream, Terminal};
use futures_util::{StreamExt as _, stream};
use tokio::io::AsyncWrite;

use super::{ExecOutput, ExecSession, TerminalSize};

/// The same session with all that it writes redacted. `terminal` says whether it has one.
pub(crate) fn without_secrets(
    session: ExecSession,
    redactor: &Redactor,
    terminal: Option<TerminalSize>,
) -> ExecSession {
    let ExecSession { input, output, control } = session;
    let (input, filter) = if terminal.is_some() {
        let terminal = Arc::new(Mutex::new(redactor.terminal()));
        let typing: Pin<Box<dyn AsyncWrite + Send>> =
            Box::pin(Typing { input, terminal: Arc::clone(&terminal) });
        (typing, Filter::Terminal(terminal))
    } else {
        (input, Filter::Pipes { output: redactor.stream(), errors: redactor.stream() })
    };
    let begun = (Some(output), filter, VecDeque::new());
    let output = stream::unfold(begun, |(mut output, mut filter, mut ready)| async move {
        loop {
            if let Some(piece) = ready.pop_front() {
                return Some((piece, (output, filter, ready)));
            }
            match output.as_mut()?.next().await {
                Some(piece) => ready.extend(filter.pass(piece)),
                None => {
                    output = None;
                    ready.extend(filter.rest());
                }
            }
        }
    });
    ExecSession { input, output: Box::pin(output), control }
}

enum Filter {
    Pipes { output: Stream, errors: Stream },
    Terminal(Arc<Mutex<Terminal>>),
}

impl Filter {
    /// What may be shown of a piece and what came before; none while all of it waits.
    fn pass(&mut self, piece: ExecOutput) -> Option<ExecOutput> {
        let (bytes, kind): (_, fn(Vec<u8>) -> ExecOutput) = match piece {
            ExecOutput::Stdout(bytes) => (bytes, ExecOutput::Stdout),
            ExecOutput::Stderr(bytes) => (bytes, ExecOutput::Stderr),
        };
        let mut out = Vec::with_capacity(bytes.len());
        match self {
            Self::Terminal(terminal) => {
                terminal.lock().unwrap_or_else(PoisonError::into_inner).push(&bytes, &mut out);
            }
            Self::Pipes { errors, .. } if kind(Vec::new()) == ExecOutput::Stderr(Vec::new()) => {
                errors.push(&bytes, &mut out);
            }
            Self::Pipes { output, .. } => output.push(&bytes, &mut out),
        }
        (!out.is_empty()).then(|| kind(out))
    }

    /// What has waited, when nothing comes any more.
    fn rest(&mut self) -> Vec<ExecOutput> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        match self {
            Self::Terminal(terminal) => {
                terminal.lock().unwrap_or_else(PoisonError::into_inner).flush(&mut out);
            }
            Self::Pipes { output, errors } => {
                output.flush(&mut out);
                errors.flush(&mut err);
            }
        }
        let mut rest = vec![ExecOutput::Stdout(out), ExecOutput::Stderr(err)];
        rest.retain(|piece| !matches!(piece, ExecOutput::Stdout(bytes) | ExecOutput::Stderr(bytes) if bytes.is_empty()));
        rest
    }
}

/// The way to a command's terminal, which tells what goes there.
struct Typing {
    input: Pin<Box<dyn AsyncWrite + Send>>,
    terminal: Arc<Mutex<Terminal>>,
}

impl AsyncWrite for Typing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // Held over the write, so that what comes back cannot overtake what is told of it.
        let mut terminal = this.terminal.lock().unwrap_or_else(PoisonError::into_inner);
        let written = this.input.as_mut().poll_write(context, bytes);
        if let Poll::Ready(Ok(length)) = &written {
            terminal.typed(&bytes[..*length]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bascule_model::evidence::Exit;
    use bascule_secrets::SecretValue;
    use tokio::io::AsyncWriteExt as _;
    use tokio::sync::mpsc;

    use super::*;
    use crate::exec::ExecControl;
    use crate::ports::PortError;

    struct Nobody;

    #[async_trait]
    impl ExecControl for Nobody {
        async fn resize(&self, _: TerminalSize) -> Result<(), PortError> {
            Ok(())
        }

        async fn signal(&self, _: i32) -> Result<(), PortError> {
            Ok(())
        }

        async fn wait(&self) -> Result<Exit, PortError> {
            Ok(Exit::Code { code: 0 })
        }
    }

    fn session(terminal: Option<TerminalSize>) -> (mpsc::Sender<ExecOutput>, ExecSession) {
        let (sender, receiver) = mpsc::channel(8);
        let output =
            stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
        let session = ExecSession {
            input: Box::pin(tokio::io::sink()),
            output: Box::pin(output),
            control: Box::new(Nobody),
        };
        let secret = SecretValue::new("hunter2-hunter2".to_owned());
        (sender, without_secrets(session, &Redactor::new([("TOKEN", &secret)]), terminal))
    }

    fn out(text: &str) -> ExecOutput {
        ExecOutput::Stdout(text.as_bytes().to_vec())
    }

    fn err(text: &str) -> ExecOutput {
        ExecOutput::Stderr(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn each_pipe_is_a_text_of_its_own() {
        let (sender, session) = session(None);
        for piece in
            [out("a hunter2-"), err("b hunt"), out("hun"), err("ing"), out("ter2 c"), err(" hunter2")]
        {
            sender.send(piece).await.unwrap();
        }
        drop(sender);
        let pieces: Vec<ExecOutput> = session.output.collect().await;
        let expected =
            [out("a "), err("b "), err("hunting"), out("[secret TOKEN] c"), err(" "), err("hunter2")];
        assert_eq!(pieces, expected);
    }

    #[tokio::test]
    async fn a_terminal_shows_what_is_typed_at_once_and_no_secret() {
        let (sender, mut session) = session(Some(TerminalSize { rows: 24, columns: 80 }));
        for typed in ["h", "u"] {
            session.input.write_all(typed.as_bytes()).await.unwrap();
            sender.send(out(typed)).await.unwrap();
            assert_eq!(session.output.next().await, Some(out(typed)));
        }
        sender.send(out("nter2-hunter2\r\n$ hunt")).await.unwrap();
        assert_eq!(session.output.next().await, Some(out("[secret TOKEN]\r\n$ ")));
        drop(sender);
        assert_eq!(session.output.next().await, Some(out("hunt")));
        assert_eq!(session.output.next().await, None);
    }
}
