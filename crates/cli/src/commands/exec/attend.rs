//! Carries input, outputs, signals and the size of the terminal between this program and a command that runs elsewhere.

use std::io;

use bascule_model::evidence::Exit;
use bascule_model::problem::Problem;
use bascule_server::exec::frames::{self, FromCommand, ToCommand, WINDOW};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::terminal;

/// What is read of standard input at once, bytes.
const PIECE: usize = 16 << 10;

/// How it came to an end.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The command's exit status.
    Exit(u8),
    /// The control plane could not follow it.
    Lost(Problem),
}

/// Signals that are passed on; in raw mode Ctrl-C is a key like any other.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    quit: Signal,
    resized: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// The next one, as a frame.
    async fn next(&mut self) -> ToCommand {
        let number = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.resized.recv() => {
                let (rows, columns) = terminal::size();
                return ToCommand::Resize(rows, columns);
            }
        };
        ToCommand::Signal(number.as_raw_value())
    }
}

/// Until the command has ended.
///
/// # Errors
/// When the connection breaks, or nobody takes the output any more.
pub async fn until_the_end(connection: impl AsyncRead + AsyncWrite, has_terminal: bool) -> io::Result<End> {
    let (mut from_command, mut to_command) = tokio::io::split(Box::pin(connection));
    let (frames_out, mut outgoing) = mpsc::unbounded_channel();
    let (credit, credited) = mpsc::unbounded_channel();
    let mut signals = Signals::listen()?;
    let sending = async {
        while let Some(frame) = outgoing.recv().await {
            // A command that has ended takes nothing more; how it ended is still to be read.
            if frames::write(&mut to_command, frame).await.is_err() {
                break;
            }
        }
        std::future::pending::<io::Result<End>>().await
    };
    let passing_on = async {
        loop {
            let frame = signals.next().await;
            let is_of_use = has_terminal || !matches!(frame, ToCommand::Resize(..));
            if is_of_use {
                let _ = frames_out.send(frame);
            }
        }
    };
    let feeding = feed(read_standard_input(), credited, frames_out.clone());
    let showing = async {
        while let Some(frame) = frames::read(&mut from_command).await? {
            match frame {
                FromCommand::Output(bytes) => put(io::stdout(), &bytes)?,
                FromCommand::ErrorOutput(bytes) => put(io::stderr(), &bytes)?,
                FromCommand::Taken(count) => {
                    let _ = credit.send(count as usize);
                }
                FromCommand::Ended(exit) => return Ok(End::Exit(status(&exit))),
                FromCommand::Failed(problem) => return Ok(End::Lost(problem)),
            }
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the control plane has gone away"))
    };
    tokio::select! {
        end = showing => end,
        end = sending => end,
        () = feeding => Err(io::Error::other("input ended the session")),
        () = passing_on => Err(io::Error::other("signals ended the session")),
    }
}

fn put(mut to: impl io::Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Sends what is read, no more than the command has credit for.
async fn feed(
    mut pieces: mpsc::Receiver<Vec<u8>>,
    mut credited: mpsc::UnboundedReceiver<usize>,
    frames_out: mpsc::UnboundedSender<ToCommand>,
) {
    let mut credit = WINDOW;
    while let Some(piece) = pieces.recv().await {
        while credit < piece.len() {
            let Some(more) = credited.recv().await else { return };
            credit += more;
        }
        credit -= piece.len();
        let _ = frames_out.send(ToCommand::Input(piece));
    }
    let _ = frames_out.send(ToCommand::InputEnd);
    std::future::pending::<()>().await;
}

/// Reads standard input on a thread of its own, which nobody waits for: a read that never returns must not hold the end up.
fn read_standard_input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        loop {
            match rustix::io::read(rustix::stdio::stdin(), &mut piece) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    if sender.blocking_send(piece[..count].to_vec()).is_err() {
                        return;
                    }
                }
            }
        }
    });
    receiver
}

/// As a shell says it.
fn status(exit: &Exit) -> u8 {
    match exit {
        Exit::Code { code } => u8::try_from(*code & 0xff).unwrap_or(u8::MAX),
        Exit::Signal { signal, .. } => u8::try_from((128 + signal) & 0xff).unwrap_or(u8::MAX),
        Exit::Unknown => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_said_as_a_shell_does() {
        assert_eq!(status(&Exit::Code { code: 0 }), 0);
        assert_eq!(status(&Exit::Code { code: 126 }), 126);
        assert_eq!(status(&Exit::Signal { signal: 9, out_of_memory: true }), 137);
    }

    #[tokio::test]
    async fn no_more_is_sent_than_there_is_credit_for() {
        let (pieces, receiver) = mpsc::channel(1);
        let (credit, credited) = mpsc::unbounded_channel();
        let (frames_out, mut sent) = mpsc::unbounded_channel();
        let feeding = tokio::spawn(feed(receiver, credited, frames_out));
        for _ in 0..WINDOW / PIECE {
            pieces.send(vec![0; PIECE]).await.unwrap();
            sent.recv().await.unwrap();
        }
        pieces.send(b"more".to_vec()).await.unwrap();
        tokio::task::yield_now().await;
        assert!(sent.try_recv().is_err());
        credit.send(4).unwrap();
        assert_eq!(sent.recv().await, Some(ToCommand::Input(b"more".to_vec())));
        drop(pieces);
        assert_eq!(sent.recv().await, Some(ToCommand::InputEnd));
        feeding.abort();
    }
    /// A command that ends at once takes no input: what is written to it breaks, and how it ended comes all the same.
    #[tokio::test]
    async fn the_end_is_read_when_nothing_can_be_written() {
        let (nobody, broken) = tokio::io::duplex(64);
        drop(nobody);
        let (mut command, from_command) = tokio::io::duplex(1024);
        let ending = tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            frames::write(&mut command, FromCommand::Ended(Exit::Code { code: 7 })).await.unwrap();
        });
        let connection = tokio::io::join(from_command, broken);
        assert_eq!(until_the_end(connection, false).await.unwrap(), End::Exit(7));
        ending.await.unwrap();
    }
}
