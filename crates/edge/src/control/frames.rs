//! Frames over a Unix stream socket: a length of four bytes (big endian), a byte that counts descriptors, then so many bytes as the
//! length says. The descriptors come with the first byte. They are counted because one reading may bring several frames and
//! does not tell whose its descriptors are.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The most descriptors that one frame carries.
pub(crate) const DESCRIPTORS_AT_MOST: usize = 32;
/// The longest frame, in bytes.
const FRAME_AT_MOST: usize = 64 * 1024 * 1024;
/// Length and count.
const HEAD: usize = 5;
const SPACE: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS_AT_MOST));

/// A stream that both halves share: counted for one thread at the edge, for many at its client.
pub(crate) trait Shared {
    fn stream(&self) -> &UnixStream;
}

impl Shared for Rc<UnixStream> {
    fn stream(&self) -> &UnixStream {
        self
    }
}

impl Shared for Arc<UnixStream> {
    fn stream(&self) -> &UnixStream {
        self
    }
}

/// Sends one frame. Frames must be sent one after the other.
pub(crate) async fn send(stream: &UnixStream, body: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?.to_be_bytes();
    let count = u8::try_from(descriptors.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut frame = Vec::with_capacity(HEAD + body.len());
    frame.extend_from_slice(&length);
    frame.push(count);
    frame.extend_from_slice(body);
    let mut sent = 0;
    while sent < frame.len() {
        let with = if sent == 0 { descriptors } else { &[] };
        sent += stream.async_io(Interest::WRITABLE, || send_part(stream, &frame[sent..], with)).await?;
    }
    Ok(())
}

fn send_part(stream: &UnixStream, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(sendmsg(stream, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
}

/// The reading half.
pub(crate) struct FrameReader<S> {
    stream: S,
    buffer: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

/// A frame with its descriptors.
pub(crate) struct Frame {
    pub(crate) body: Vec<u8>,
    pub(crate) descriptors: VecDeque<OwnedFd>,
}

impl<S: Shared> FrameReader<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new(), descriptors: VecDeque::new() }
    }

    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some([length @ .., count]) = self.buffer.first_chunk::<HEAD>() {
                let (length, count) = (u32::from_be_bytes(*length) as usize, usize::from(*count));
                if length > FRAME_AT_MOST || count > DESCRIPTORS_AT_MOST {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if self.buffer.len() >= HEAD + length {
                    return self.take(length, count).map(Some);
                }
            }
            if self.receive().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Takes a frame that is there in full off the buffer.
    fn take(&mut self, length: usize, count: usize) -> io::Result<Frame> {
        if count > self.descriptors.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let rest = self.buffer.split_off(HEAD + length);
        let mut body = std::mem::replace(&mut self.buffer, rest);
        body.drain(..HEAD);
        Ok(Frame { body, descriptors: self.descriptors.drain(..count).collect() })
    }

    async fn receive(&mut self) -> io::Result<usize> {
        let Self { stream, buffer, descriptors } = self;
        let stream = stream.stream();
        stream
            .async_io(Interest::READABLE, || {
                let mut bytes = [0; 16 * 1024];
                let mut space = [MaybeUninit::uninit(); SPACE];
                let mut ancillary = RecvAncillaryBuffer::new(&mut space);
                let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
                let received = recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags)?;
                for message in ancillary.drain() {
                    if let RecvAncillaryMessage::ScmRights(rights) = message {
                        descriptors.extend(rights);
                    }
                }
                buffer.extend_from_slice(&bytes[..received.bytes]);
                Ok(received.bytes)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[tokio::test]
    async fn descriptors_come_with_their_own_frame_however_many_are_read_at_once() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        send(&ours, b"first", &[]).await.unwrap();
        send(&ours, b"second", &[socket.as_fd()]).await.unwrap();
        send(&ours, b"", &[socket.as_fd(), socket.as_fd()]).await.unwrap();
        send(&ours, b"last", &[]).await.unwrap();
        drop(ours);
        let mut frames = FrameReader::new(Rc::new(theirs));
        let mut seen = Vec::new();
        while let Some(frame) = frames.next().await.unwrap() {
            seen.push((frame.body, frame.descriptors.len()));
        }
        let expected = [(&b"first"[..], 0), (b"second", 1), (b"", 2), (b"last", 0)];
        assert_eq!(seen, expected.map(|(body, count)| (body.to_vec(), count)));
    }

    #[tokio::test]
    async fn a_frame_that_lacks_its_descriptors_is_refused() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        send_part(&ours, &[0, 0, 0, 1, 1, b'x'], &[]).unwrap();
        assert!(FrameReader::new(Rc::new(theirs)).next().await.is_err());
    }
}
