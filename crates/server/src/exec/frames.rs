//! The frames of `POST /v1/exec`, after the connection was upgraded: one byte that says what it is, four bytes of length (big
//! endian), then so many bytes.
//!
//! Standard input has credit: no more than [`WINDOW`] bytes are under way that the command has not taken yet. So whoever reads
//! frames never waits for the command, and a signal or the end of the client is always heard.

use std::io;

use bascule_model::evidence::Exit;
use bascule_model::problem::Problem;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The most bytes of a frame.
pub const LARGEST: usize = 64 << 10;
/// The most bytes of standard input under way.
pub const WINDOW: usize = 256 << 10;

/// From the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToCommand {
    /// For its standard input.
    Input(Vec<u8>),
    /// Its standard input has ended.
    InputEnd,
    /// Its terminal has another size: rows, columns.
    Resize(u16, u16),
    /// A signal, by number.
    Signal(i32),
}

/// To the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromCommand {
    /// From its standard output.
    Output(Vec<u8>),
    /// From its standard error.
    ErrorOutput(Vec<u8>),
    /// So many bytes of standard input were taken.
    Taken(u32),
    /// It has ended; nothing follows.
    Ended(Exit),
    /// It could not be followed to its end; nothing follows.
    Failed(Problem),
}

/// A frame as it goes over the connection.
pub trait Frame: Sized {
    /// Kind and contents.
    ///
    /// # Errors
    /// When it cannot be written down.
    fn parts(self) -> io::Result<(u8, Vec<u8>)>;

    /// From kind and contents; none: no such frame.
    fn from_parts(kind: u8, contents: Vec<u8>) -> Option<Self>;
}

impl Frame for ToCommand {
    fn parts(self) -> io::Result<(u8, Vec<u8>)> {
        Ok(match self {
            Self::Input(bytes) => (0, bytes),
            Self::InputEnd => (1, Vec::new()),
            Self::Resize(rows, columns) => (2, [rows.to_be_bytes(), columns.to_be_bytes()].concat()),
            Self::Signal(signal) => (3, signal.to_be_bytes().to_vec()),
        })
    }

    fn from_parts(kind: u8, contents: Vec<u8>) -> Option<Self> {
        match (kind, contents.as_slice()) {
            (0, _) => Some(Self::Input(contents)),
            (1, []) => Some(Self::InputEnd),
            (2, [a, b, c, d]) => {
                Some(Self::Resize(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
            }
            (3, bytes) => Some(Self::Signal(i32::from_be_bytes(bytes.try_into().ok()?))),
            _ => None,
        }
    }
}

impl Frame for FromCommand {
    fn parts(self) -> io::Result<(u8, Vec<u8>)> {
        Ok(match self {
            Self::Output(bytes) => (16, bytes),
            Self::ErrorOutput(bytes) => (17, bytes),
            Self::Taken(count) => (18, count.to_be_bytes().to_vec()),
            Self::Ended(exit) => (19, serde_json::to_vec(&exit)?),
            Self::Failed(problem) => (20, serde_json::to_vec(&problem)?),
        })
    }

    fn from_parts(kind: u8, contents: Vec<u8>) -> Option<Self> {
        match kind {
            16 => Some(Self::Output(contents)),
            17 => Some(Self::ErrorOutput(contents)),
            18 => Some(Self::Taken(u32::from_be_bytes(contents.try_into().ok()?))),
            19 => serde_json::from_slice(&contents).ok().map(Self::Ended),
            20 => serde_json::from_slice(&contents).ok().map(Self::Failed),
            _ => None,
        }
    }
}

/// Writes one frame; contents that are too long go as several of the kind.
///
/// # Errors
/// Those of the connection.
pub async fn write(to: &mut (impl AsyncWrite + Unpin), frame: impl Frame) -> io::Result<()> {
    let (kind, contents) = frame.parts()?;
    let mut pieces = contents.chunks(LARGEST);
    // A frame without contents is one frame all the same.
    let mut piece = pieces.next().unwrap_or_default();
    loop {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let mut head = [kind, 0, 0, 0, 0];
        head[1..].copy_from_slice(&length.to_be_bytes());
        to.write_all(&head).await?;
        to.write_all(piece).await?;
        match pieces.next() {
            Some(next) => piece = next,
            None => return to.flush().await,
        }
    }
}

/// Reads one frame; none at the end of the connection.
///
/// # Errors
/// Those of the connection, and `InvalidData` for what is no frame.
pub async fn read<F: Frame>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<F>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [kind, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame that is too long"));
    }
    let mut contents = vec![0; length];
    from.read_exact(&mut contents).await?;
    let frame = F::from_parts(kind, contents);
    frame.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an unknown frame"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_as_they_went() {
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        let there = [
            ToCommand::Input(b"a\0b".to_vec()),
            ToCommand::InputEnd,
            ToCommand::Resize(24, 80),
            ToCommand::Signal(15),
        ];
        for frame in there.clone() {
            write(&mut near, frame).await.unwrap();
        }
        for frame in there {
            assert_eq!(read::<ToCommand>(&mut far).await.unwrap(), Some(frame));
        }
        let problem = Problem::new(bascule_model::problem::Code::Internal, "m", "r");
        let back = [
            FromCommand::Output(Vec::new()),
            FromCommand::Taken(7),
            FromCommand::Ended(Exit::Code { code: 3 }),
            FromCommand::Failed(problem),
        ];
        for frame in back.clone() {
            write(&mut far, frame).await.unwrap();
        }
        for frame in back {
            assert_eq!(read::<FromCommand>(&mut near).await.unwrap(), Some(frame));
        }
        write(&mut near, ToCommand::Input(vec![7; LARGEST + 1])).await.unwrap();
        for length in [LARGEST, 1] {
            assert_eq!(read(&mut far).await.unwrap(), Some(ToCommand::Input(vec![7; length])));
        }
        drop(near);
        assert_eq!(read::<ToCommand>(&mut far).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_frame_is_an_error() {
        for bytes in [&[0, 255, 0, 0, 0][..], &[9, 0, 0, 0, 0], &[2, 0, 0, 0, 1, 5], &[0, 0, 0, 0, 9, 1]] {
            assert!(read::<ToCommand>(&mut &*bytes).await.is_err(), "{bytes:?}");
        }
    }
}
