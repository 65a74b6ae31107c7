//! The socket to an instance, with notes of what went through it.
//!
//! A write that fails because the instance closed is not reported as such: the instance may have answered before it closed
//! (a 413, say), and only reading tells. So the rest of the request goes nowhere, and the response or the end of the stream
//! decides.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::worker::clock::Clock;
use crate::worker::watch::Exchange;
use crate::write::poll_write_pieces;

/// The longest request that is noted so that it can be sent again.
const RECORD_AT_MOST: usize = 128 * 1024;

/// A connection to an instance.
#[derive(Debug)]
pub(crate) struct UpstreamIo {
    stream: TcpStream,
    exchange: Rc<Exchange>,
    clock: Rc<Clock>,
    write_closed: Option<()>,
}

impl UpstreamIo {
    pub(crate) fn new(stream: TcpStream, exchange: Rc<Exchange>, clock: Rc<Clock>) -> Self {
        Self { stream, exchange, clock, write_closed: None }
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn note(&self, slices: &[io::IoSlice<'_>], count: usize) {
        let mut record = self.exchange.record.borrow_mut();
        let Some(noted) = &mut *record else { return };
        if noted.len() + count > RECORD_AT_MOST {
            *record = None;
            return;
        }
        let mut left = count;
        for slice in slices {
            let take = left.min(slice.len());
            noted.extend_from_slice(&slice[..take]);
            left -= take;
        }
    }

    fn wrote(
        &mut self,
        slices: &[io::IoSlice<'_>],
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(count)) => {
                self.exchange.written.set(self.exchange.written.get() + count as u64);
                self.exchange.sent.set(self.clock.now());
                self.note(slices, count);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) if is_closed(&error) => {
                self.write_closed = Some(());
                let count = slices.iter().map(|slice| slice.len()).sum();
                self.note(slices, count);
                Poll::Ready(Ok(count))
            }
            other => other,
        }
    }
}

/// Whether the peer has closed, or sent something unasked, that the runtime has not heard of yet.
fn has_news(stream: &TcpStream) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    !matches!(rustix::net::recv(stream, &mut [0_u8; 1], flags), Err(rustix::io::Errno::AGAIN))
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

impl AsyncRead for UpstreamIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.exchange.answered.set(Some(()));
        }
        if result.is_pending() && self.exchange.look.get().is_some() && has_news(&self.stream) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        result
    }
}

impl AsyncWrite for UpstreamIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_closed.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&[io::IoSlice::new(bytes)], result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.write_closed.is_some() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let result = poll_write_pieces(&mut self.stream, context, slices);
        self.wrote(slices, result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            other => other,
        }
    }
}
