//! The streams of a command: attached to before it begins where the image has a shell to wait in, else read from its log.
//!
//! With pipes, input has a connection of its own: closing it is the only end of input that every API server knows.

use std::pin::Pin;

use bascule_engine::ports::{ExecOutput, ExecSession, TerminalSize};
use futures_util::io::AsyncReadExt as _;
use futures_util::{Stream, StreamExt as _, stream};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use kube::ResourceExt as _;
use kube::api::{AttachParams, AttachedProcess, LogParams};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Running;
use crate::error::KubernetesError;
use crate::objects::pod;

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;
/// The line that the gate waits for, and what a terminal shows of it.
const GO: &[u8] = b"\n";
const ECHO: &[u8] = b"\r\n";

pub(super) type Resize = Box<dyn FnMut(TerminalSize) + Send>;
type Output = Pin<Box<dyn Stream<Item = ExecOutput> + Send>>;

/// What there is of a command's streams.
pub(super) struct Attached {
    pub(super) input: Pin<Box<dyn AsyncWrite + Send>>,
    pub(super) output: Output,
    pub(super) resize: Option<Resize>,
    pub(super) connections: Vec<AttachedProcess>,
}

/// Attaches to a command that waits, and lets it begin.
pub(super) async fn at_the_gate(
    running: &Running,
    terminal: Option<TerminalSize>,
) -> Result<Attached, KubernetesError> {
    let name = name(running).await?;
    let lost = || lost("its streams were closed");
    if let Some(size) = terminal {
        let params = AttachParams { stdin: true, stdout: true, tty: true, ..none() };
        let mut process = attach(running, &name, &params).await?;
        let mut sizes = process.terminal_size().ok_or_else(lost)?;
        let mut resize: Resize = Box::new(move |size: TerminalSize| {
            // A terminal of the wrong size is better than none.
            let _ = sizes.try_send(kube::api::TerminalSize { width: size.columns, height: size.rows });
        });
        resize(size);
        let mut input = process.stdin().ok_or_else(lost)?;
        input.write_all(GO).await.map_err(|_| lost())?;
        let output = pieces(process.stdout().ok_or_else(lost)?, ExecOutput::Stdout, ECHO);
        let (input, connections) = (Box::pin(input), vec![process]);
        return Ok(Attached { input, output, resize: Some(resize), connections });
    }
    // It asks for input as well, and never writes any: nodes up to 1.23 close the input of whoever attaches without.
    let both = AttachParams { stdin: true, stdout: true, stderr: true, ..none() };
    let mut outputs = attach(running, &name, &both).await?;
    let mut inputs = attach(running, &name, &AttachParams { stdin: true, ..none() }).await?;
    let stdout = pieces(outputs.stdout().ok_or_else(lost)?, ExecOutput::Stdout, b"");
    let stderr = pieces(outputs.stderr().ok_or_else(lost)?, ExecOutput::Stderr, b"");
    let mut input = inputs.stdin().ok_or_else(lost)?;
    input.write_all(GO).await.map_err(|_| lost())?;
    Ok(Attached {
        input: Box::pin(input),
        output: Box::pin(stream::select(stdout, stderr)),
        resize: None,
        connections: vec![outputs, inputs],
    })
}

/// A command without a gate: what it wrote so far, and what it goes on to write, both of its outputs in one.
pub(super) async fn to_its_log(running: &Running) -> Result<Attached, KubernetesError> {
    let name = name(running).await?;
    let pods = running.cluster.api::<Pod>();
    let params =
        LogParams { follow: true, container: Some(pod::CONTAINER.to_owned()), ..LogParams::default() };
    let log = running.cluster.call("follow the command", || pods.log_stream(&name, &params)).await?;
    let output = stream::unfold(Some(Box::pin(log)), |mut log| async move {
        let mut piece = vec![0; PIECE];
        match log.as_mut()?.read(&mut piece).await {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some((ExecOutput::Stdout(piece), log))
            }
            // Whoever reads it is not to take this for all of it.
            Err(error) => Some((ExecOutput::Stdout(broke_off(&error)), None)),
        }
    });
    let (input, output) = (Box::pin(tokio::io::sink()), Box::pin(output));
    Ok(Attached { input, output, resize: None, connections: Vec::new() })
}

fn broke_off(error: &std::io::Error) -> Vec<u8> {
    format!("\nbascule: the log of the pod broke off, what comes after is not known: {error}\n").into_bytes()
}

async fn attach(
    running: &Running,
    pod: &str,
    params: &AttachParams,
) -> Result<AttachedProcess, KubernetesError> {
    let pods = running.cluster.api::<Pod>();
    running.cluster.call("attach to the command", || pods.attach(pod, params)).await
}

fn none() -> AttachParams {
    AttachParams { stdout: false, stderr: false, ..AttachParams::default() }.container(pod::CONTAINER)
}

async fn name(running: &Running) -> Result<String, KubernetesError> {
    running.pod().await?.map(|pod| pod.name_any()).ok_or_else(|| lost("its pod was removed"))
}

fn lost(words: &str) -> KubernetesError {
    KubernetesError::Refused {
        doing: "attach to the command".to_owned(),
        status: 410,
        words: words.to_owned(),
    }
}

/// What is read, without what a terminal showed of our own line.
fn pieces(
    from: impl AsyncRead + Send + Unpin + 'static,
    of: fn(Vec<u8>) -> ExecOutput,
    echo: &'static [u8],
) -> Output {
    Box::pin(
        stream::unfold((from, echo), move |(mut from, mut echo)| async move {
            let mut piece = vec![0; PIECE];
            let read = from.read(&mut piece).await.ok().filter(|read| *read > 0)?;
            piece.truncate(read);
            let shown = piece.iter().zip(echo).take_while(|(byte, echo)| byte == echo).count();
            // Anything else is not ours.
            echo = if shown == piece.len() { &echo[shown..] } else { b"" };
            Some((of(piece.split_off(shown)), (from, echo)))
        })
        .filter(|piece| {
            let is_empty =
                matches!(piece, ExecOutput::Stdout(bytes) | ExecOutput::Stderr(bytes) if bytes.is_empty());
            std::future::ready(!is_empty)
        }),
    )
}

/// A program that could not be started.
pub(super) fn unstarted(ended: &ContainerStateTerminated) -> ExecSession {
    let words = ended.message.as_deref().unwrap_or("the program could not be started").trim();
    let is_there = words.contains("permission denied") || words.contains("is a directory");
    ExecSession::ended(words, if is_there { 126 } else { 127 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn our_own_line_is_not_shown() {
        let table: [(&[u8], &[u8]); 4] =
            [(b"\r\nhello", b"hello"), (b"hello\r\n", b"hello\r\n"), (b"\r\n\r\n", b"\r\n"), (b"\r\n", b"")];
        for (read, expected) in table {
            let seen: Vec<u8> = pieces(std::io::Cursor::new(read), ExecOutput::Stdout, ECHO)
                .flat_map(|piece| {
                    let (ExecOutput::Stdout(bytes) | ExecOutput::Stderr(bytes)) = piece;
                    stream::iter(bytes)
                })
                .collect()
                .await;
            assert_eq!(seen, expected, "{read:?}");
        }
    }
}
