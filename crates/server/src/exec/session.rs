//! Between a command that runs and the client at the other end of the connection.
//!
//! Holds: frames are read all the time, so that the end of the client is seen at once; then the command is dropped, which kills it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use bascule_engine::exec::{ExecControl, ExecOutput, ExecSession, TerminalSize};
use bascule_model::problem::Problem;
use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::frames::{self, FromCommand, ToCommand, WINDOW};

/// Frames that may wait for the connection.
const QUEUE: usize = 8;

/// Carries everything between the two until the command has ended or the client is gone. Answers how it ended, for the log.
pub(super) async fn run(session: ExecSession, connection: impl AsyncRead + AsyncWrite) -> String {
    let ExecSession { input, mut output, control } = session;
    let (mut from_client, mut to_client) = tokio::io::split(Box::pin(connection));
    let (input_sender, input_receiver) = mpsc::unbounded_channel();
    let under_way = AtomicUsize::new(0);
    let (frame_sender, mut frames) = mpsc::channel(QUEUE);
    let taken = frame_sender.clone();
    // What the command writes, and then how it ended.
    let command = async {
        while let Some(piece) = output.next().await {
            let frame = match piece {
                ExecOutput::Stdout(bytes) => FromCommand::Output(bytes),
                ExecOutput::Stderr(bytes) => FromCommand::ErrorOutput(bytes),
            };
            if frame_sender.send(frame).await.is_err() {
                return;
            }
        }
        let last = match control.wait().await {
            Ok(exit) => FromCommand::Ended(exit),
            Err(error) => FromCommand::Failed(Problem::from(error)),
        };
        let _ = frame_sender.send(last).await;
    };
    let writing = async {
        while let Some(frame) = frames.recv().await {
            let end = match &frame {
                FromCommand::Ended(exit) => Some(format!("ended: {exit}")),
                FromCommand::Failed(problem) => Some(format!("was lost: {problem}")),
                _ => None,
            };
            if let Err(error) = frames::write(&mut to_client, frame).await {
                return format!("ended with its client: {error}");
            }
            if let Some(end) = end {
                let _ = to_client.shutdown().await;
                return end;
            }
        }
        "ended".to_owned()
    };
    let feeding = feed(input, input_receiver, &under_way, taken);
    let listening = listen(&mut from_client, input_sender, &under_way, control.as_ref());
    let both = async {
        // Neither ends the session by itself.
        tokio::join!(command, feeding);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        end = writing => end,
        end = listening => format!("was ended, its client is gone: {}", end.err().map_or("closed".to_owned(), |e| e.to_string())),
        () = both => String::new(),
    }
}

/// Reads frames until the client is gone.
async fn listen(
    from_client: &mut (impl AsyncRead + Unpin),
    input: mpsc::UnboundedSender<Vec<u8>>,
    under_way: &AtomicUsize,
    control: &dyn ExecControl,
) -> io::Result<()> {
    let mut input = Some(input);
    while let Some(frame) = frames::read(from_client).await? {
        match frame {
            ToCommand::Input(bytes) => {
                let before = under_way.fetch_add(bytes.len(), Ordering::Relaxed);
                if before + bytes.len() > WINDOW {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "more input than it has credit for",
                    ));
                }
                if let Some(input) = &input {
                    let _ = input.send(bytes);
                }
            }
            ToCommand::InputEnd => input = None,
            // A command that has just ended has no terminal and takes no signal: that is no reason to stop.
            ToCommand::Resize(rows, columns) => {
                let _ = control.resize(TerminalSize { rows, columns }).await;
            }
            ToCommand::Signal(signal) => {
                let _ = control.signal(signal).await;
            }
        }
    }
    Ok(())
}

/// Hands on what comes for the command's standard input, and tells the client how much was taken.
async fn feed(
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
    mut pieces: mpsc::UnboundedReceiver<Vec<u8>>,
    under_way: &AtomicUsize,
    frames: mpsc::Sender<FromCommand>,
) {
    let mut is_open = true;
    while let Some(piece) = pieces.recv().await {
        // A command that has closed its input lets the rest fall: the client need not know.
        is_open = is_open && input.write_all(&piece).await.is_ok() && input.flush().await.is_ok();
        under_way.fetch_sub(piece.len(), Ordering::Relaxed);
        let count = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        if frames.send(FromCommand::Taken(count)).await.is_err() {
            return;
        }
    }
    let _ = input.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use bascule_engine::ports::PortError;
    use bascule_model::evidence::Exit;
    use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
    use tokio::sync::watch;

    use super::*;

    /// A command that does what a test says.
    struct Fake {
        told: Arc<Mutex<Vec<String>>>,
        ended: watch::Receiver<bool>,
        /// Goes with the control: a command that is killed.
        _alive: Arc<()>,
    }

    #[async_trait]
    impl ExecControl for Fake {
        async fn resize(&self, size: TerminalSize) -> Result<(), PortError> {
            self.told.lock().unwrap().push(format!("{}x{}", size.rows, size.columns));
            Ok(())
        }

        async fn signal(&self, signal: i32) -> Result<(), PortError> {
            self.told.lock().unwrap().push(format!("signal {signal}"));
            Ok(())
        }

        async fn wait(&self) -> Result<Exit, PortError> {
            let mut ended = self.ended.clone();
            let _ = ended.wait_for(|ended| *ended).await;
            Ok(Exit::Code { code: 3 })
        }
    }

    struct Played {
        client: DuplexStream,
        /// The other end of the command's standard input.
        input: DuplexStream,
        output: mpsc::Sender<ExecOutput>,
        end: watch::Sender<bool>,
        told: Arc<Mutex<Vec<String>>>,
        alive: Arc<()>,
        session: tokio::task::JoinHandle<String>,
    }

    fn play() -> Played {
        let (client, server) = duplex(1 << 20);
        let (near, input) = duplex(1024);
        let (output, receiver) = mpsc::channel(1);
        let (end, ended) = watch::channel(false);
        let (told, alive) = (Arc::new(Mutex::new(Vec::new())), Arc::new(()));
        let control = Fake { told: told.clone(), ended, _alive: alive.clone() };
        let output_stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
            Some((receiver.recv().await?, receiver))
        });
        let session = ExecSession {
            input: Box::pin(near),
            output: Box::pin(output_stream),
            control: Box::new(control),
        };
        let session = tokio::spawn(run(session, server));
        Played { client, input, output, end, told, alive, session }
    }

    #[tokio::test]
    async fn everything_is_carried_both_ways_and_the_end_comes_last() {
        let mut played = play();
        for frame in [
            ToCommand::Resize(24, 80),
            ToCommand::Signal(2),
            ToCommand::Input(b"hello".to_vec()),
            ToCommand::InputEnd,
        ] {
            frames::write(&mut played.client, frame).await.unwrap();
        }
        let mut given = Vec::new();
        played.input.read_to_end(&mut given).await.unwrap();
        assert_eq!(given, b"hello");
        assert_eq!(*played.told.lock().unwrap(), ["24x80", "signal 2"]);
        assert_eq!(frames::read(&mut played.client).await.unwrap(), Some(FromCommand::Taken(5)));
        played.output.send(ExecOutput::Stdout(b"a".to_vec())).await.unwrap();
        played.output.send(ExecOutput::Stderr(b"b".to_vec())).await.unwrap();
        drop(played.output);
        played.end.send(true).unwrap();
        for frame in [
            FromCommand::Output(b"a".to_vec()),
            FromCommand::ErrorOutput(b"b".to_vec()),
            FromCommand::Ended(Exit::Code { code: 3 }),
        ] {
            assert_eq!(frames::read(&mut played.client).await.unwrap(), Some(frame));
        }
        assert_eq!(played.session.await.unwrap(), "ended: exit status 3");
    }

    #[tokio::test]
    async fn a_client_that_goes_away_ends_the_command() {
        let played = play();
        drop(played.client);
        let end = played.session.await.unwrap();
        assert!(end.contains("its client is gone"), "{end}");
        assert_eq!(Arc::strong_count(&played.alive), 1, "the command is still there");
    }

    #[tokio::test]
    async fn a_signal_is_heard_though_the_input_is_full() {
        let mut played = play();
        frames::write(&mut played.client, ToCommand::Input(vec![0; WINDOW])).await.unwrap();
        frames::write(&mut played.client, ToCommand::Signal(15)).await.unwrap();
        while played.told.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        frames::write(&mut played.client, ToCommand::Input(vec![0; 1])).await.unwrap();
        let end = played.session.await.unwrap();
        assert!(end.contains("more input than it has credit for"), "{end}");
    }
}
