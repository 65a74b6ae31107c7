//! Frames over a Unix stream socket: a length of four bytes (big endian), then so many bytes; descriptors come with the first.

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
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&length);
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

/// A frame, with the descriptors that came until its end.
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
            if let Some(length) = self.buffer.first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if length > FRAME_AT_MOST {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if self.buffer.len() >= 4 + length {
                    let rest = self.buffer.split_off(4 + length);
                    let mut body = std::mem::replace(&mut self.buffer, rest);
                    body.drain(..4);
                    return Ok(Some(Frame { body, descriptors: std::mem::take(&mut self.descriptors) }));
                }
            }
            if self.receive().await? == 0 {
                return Ok(None);
            }
        }
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
