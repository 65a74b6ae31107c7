//! The socket to an instance, with notes of what went through it. The edge's own lines of a request's head are put in here.
//!
//! A write that fails because the instance closed is not reported as such: the instance may have answered before it closed
//! (a 413, say), and only reading tells. So the rest of the request goes nowhere, and the response or the end of the stream
//! decides.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::{Buf, Bytes};
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::waker::HeldWaker;
use crate::worker::clock::Clock;
use crate::worker::watch::Exchange;
use crate::write::with_buffer;

/// The longest request that is noted so that it can be sent again.
const RECORD_AT_MOST: usize = 128 * 1024;

/// So much of a first write is put together with the lines of the edge's own; of a long body the rest goes by itself.
const TOGETHER_AT_MOST: usize = 4096;

/// A connection to an instance.
#[derive(Debug)]
pub(crate) struct UpstreamIo {
    stream: TcpStream,
    exchange: Rc<Exchange>,
    clock: Rc<Clock>,
    /// The instance has closed: what is written goes nowhere.
    write_closed: Option<()>,
    /// Lines of the edge's own that the system did not take at once. They go before anything else.
    unsent: Bytes,
    readable: Arc<Readable>,
    /// Wakes by way of `readable`.
    reader: Waker,
    /// Reading said that there is nothing, and has not been woken since.
    waits: Option<()>,
}

/// Notes that the system has news, so that asking again in vain costs next to nothing.
#[derive(Debug)]
struct Readable {
    news: AtomicBool,
    task: Arc<HeldWaker>,
}

impl Wake for Readable {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.news.store(true, Ordering::Release);
        self.task.ring();
    }
}

impl UpstreamIo {
    pub(crate) fn new(stream: TcpStream, exchange: Rc<Exchange>, clock: Rc<Clock>) -> Self {
        let readable = Arc::new(Readable { news: AtomicBool::new(false), task: Arc::clone(&exchange.waker) });
        let reader = Waker::from(Arc::clone(&readable));
        Self {
            stream,
            exchange,
            clock,
            write_closed: None,
            unsent: Bytes::new(),
            readable,
            reader,
            waits: None,
        }
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn note(&self, bytes: &[u8]) {
        let mut record = self.exchange.record.borrow_mut();
        let Some(noted) = &mut *record else { return };
        if noted.len() + bytes.len() > RECORD_AT_MOST {
            *record = None;
            return;
        }
        noted.extend_from_slice(bytes);
    }

    /// Writes a request's beginning with our own lines behind its first. Gives how many bytes of `bytes` have gone.
    fn poll_write_head(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let claim = self.exchange.claim.borrow();
        let (Some(claim), Some(end)) = (&*claim, bytes.iter().position(|byte| *byte == b'\n')) else {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        };
        let stream = Pin::new(&mut self.stream);
        let (line, rest) = bytes.split_at(end + 1);
        let rest = &rest[..rest.len().min(TOGETHER_AT_MOST)];
        with_buffer(|together| {
            together.extend_from_slice(line);
            together.extend_from_slice(&claim.notes.provenance);
            if claim.notes.own_id.is_some() {
                together.extend_from_slice(b"x-request-id: ");
                together.extend_from_slice(claim.notes.id.as_bytes());
                together.extend_from_slice(b"\r\n");
            }
            let own_end = together.len();
            together.extend_from_slice(rest);
            let count = ready!(stream.poll_write(context, together))?;
            Poll::Ready(Ok(if count >= own_end {
                line.len() + (count - own_end)
            } else {
                self.unsent = Bytes::copy_from_slice(&together[count..own_end]);
                line.len()
            }))
        })
    }

    fn poll_write_unsent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.unsent))?;
            self.unsent.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_open(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_unsent(context))?;
        if self.exchange.head_next.get().is_none() {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        let count = ready!(self.poll_write_head(context, bytes))?;
        self.exchange.head_next.set(None);
        Poll::Ready(Ok(count))
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
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let looks = this.exchange.look.get().is_some();
        if this.waits.is_some() && !looks && !this.readable.news.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        this.readable.news.store(false, Ordering::Release);
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(&mut Context::from_waker(&this.reader), buffer);
        this.waits = result.is_pending().then_some(());
        if buffer.filled().len() > before {
            this.exchange.answered.set(Some(()));
        }
        if looks && result.is_pending() && has_news(&this.stream) {
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
        let count = match ready!(self.poll_write_open(context, bytes)) {
            Ok(count) => {
                self.exchange.written.set(self.exchange.written.get() + count as u64);
                self.exchange.sent.set(self.clock.now());
                count
            }
            Err(error) if is_closed(&error) => {
                self.write_closed = Some(());
                bytes.len()
            }
            Err(error) => return Poll::Ready(Err(error)),
        };
        self.note(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_write_unsent(context)) {
            Err(error) if !is_closed(&error) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            other => other,
        }
    }
}
