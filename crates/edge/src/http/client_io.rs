//! The client's socket below the HTTP library: only bytes that were found good pass, and of a head only the whole.
//!
//! In place of a message that is refused the library gets a request of our own making, which is then answered with the
//! reason: so the answer comes in its turn, behind those to the requests before it. When the connection ends with bytes
//! unread, it lingers until the client has read the answer: closing at once would destroy it on the way.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::framing::{After, Refused, Step};
use crate::worker::clock::Clock;
use crate::worker::watch::{Client, Speaks};
use crate::write::poll_write_pieces;

/// Stands for a message that is not let through. Only its being there counts; it is never forwarded.
const IN_PLACE_OF_REFUSED: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";

/// A client's socket.
#[derive(Debug)]
pub(crate) struct ClientIo {
    stream: TcpStream,
    client: Rc<Client>,
    clock: Rc<Clock>,
    /// Came in while the protocol was found out, and has not been looked at.
    early: Bytes,
    /// Looked at and held back: a head whose end is missing.
    held: Vec<u8>,
    /// Came in behind a request to upgrade, and has not been looked at.
    later: Vec<u8>,
    /// Found good, and waiting for the library to take it.
    good: BytesMut,
    shut: Option<()>,
}

impl ClientIo {
    pub(crate) fn new(stream: TcpStream, client: Rc<Client>, clock: Rc<Clock>, early: Bytes) -> Self {
        Self {
            stream,
            client,
            clock,
            early,
            held: Vec::new(),
            later: Vec::new(),
            good: BytesMut::new(),
            shut: None,
        }
    }

    /// The bare socket, and what came in that nobody has taken.
    pub(crate) fn into_parts(self) -> (TcpStream, Bytes) {
        let mut rest = self.good;
        rest.extend_from_slice(&self.held);
        rest.extend_from_slice(&self.later);
        rest.extend_from_slice(&self.early);
        (self.stream, rest.freeze())
    }

    /// Looks at the bytes that were read into `buffer` behind `before`, and leaves there what may pass.
    fn sift(&mut self, buffer: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let step = self.client.framing.borrow_mut().read(&buffer.filled()[before..]);
        let read = buffer.filled().len() - before;
        if step == (Step { passed: read, after: After::More }) && self.held.is_empty() {
            self.client.head_since.set(None);
            return Ok(());
        }
        let (passed, kept) = buffer.filled()[before..].split_at(step.passed);
        if step.passed > 0 {
            self.good.extend_from_slice(&self.held);
            self.good.extend_from_slice(passed);
            self.held.clear();
        }
        self.keep(kept);
        buffer.set_filled(before);
        self.act(step.after)?;
        self.note_head();
        self.hand_out(buffer);
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let unseen = self.client.framing.borrow().is_undecided();
        if unseen { &mut self.later } else { &mut self.held }.extend_from_slice(bytes);
    }

    fn act(&mut self, after: After) -> io::Result<()> {
        match after {
            After::More => Ok(()),
            After::Refuse(why) => {
                self.refuse(why);
                Ok(())
            }
            After::Abort(why) => Err(io::Error::new(io::ErrorKind::InvalidData, why)),
        }
    }

    fn refuse(&mut self, why: Refused) {
        self.client.refused.set(Some(why));
        self.held = Vec::new();
        self.good.extend_from_slice(IN_PLACE_OF_REFUSED);
    }

    fn note_head(&self) {
        let incomplete = !self.held.is_empty() && self.client.framing.borrow().is_in_head();
        match (incomplete, self.client.head_since.get()) {
            (true, None) => self.client.head_since.set(Some(self.clock.now())),
            (false, Some(_)) => self.client.head_since.set(None),
            _ => {}
        }
    }

    fn hand_out(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.good.len().min(buffer.remaining());
        buffer.put_slice(&self.good[..count]);
        self.good.advance(count);
        if self.good.is_empty() {
            self.good = BytesMut::new();
        }
    }

    /// Looks at what came behind a request to upgrade that was not granted.
    fn look_at_later(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.later);
        let step = self.client.framing.borrow_mut().read(&bytes);
        self.good.extend_from_slice(&bytes[..step.passed]);
        self.keep(&bytes[step.passed..]);
        self.act(step.after)?;
        self.note_head();
        Ok(())
    }

    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Whether the client has closed its side or the connection has broken, also when bytes wait to be read before that.
pub(super) fn has_gone(stream: &TcpStream) -> bool {
    let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut asked = [PollFd::new(stream, PollFlags::RDHUP)];
    // If it cannot be asked now, it is asked again.
    let answered = rustix::event::poll(&mut asked, Some(&Timespec::default()));
    answered.is_ok() && asked[0].revents().intersects(gone)
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        loop {
            if !this.good.is_empty() {
                this.hand_out(buffer);
                return Poll::Ready(Ok(()));
            }
            {
                let mut framing = this.client.framing.borrow_mut();
                if framing.is_undecided() {
                    drop(framing);
                    this.client.reader.listen(context);
                    return Poll::Pending;
                }
                if framing.is_refused() {
                    return Poll::Pending;
                }
                if this.client.head_too_slow.take().is_some()
                    && let After::Refuse(why) = framing.give_up().after
                {
                    drop(framing);
                    this.client.head_since.set(None);
                    this.refuse(why);
                    continue;
                }
                if !this.later.is_empty() {
                    drop(framing);
                    this.look_at_later()?;
                    continue;
                }
            }
            if this.early.is_empty() {
                ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
                if buffer.filled().len() == before {
                    return Poll::Ready(Ok(()));
                }
            } else {
                let count = this.early.len().min(buffer.remaining());
                buffer.put_slice(&this.early[..count]);
                this.early.advance(count);
            }
            this.client.progress.set(this.clock.now());
            this.sift(buffer, before)?;
            if buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = poll_write_pieces(&mut self.stream, context, slices);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library comes here each time it is woken, whatever it waits for.
        if self.client.look.take().is_some() && has_gone(&self.stream) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.shut.is_none() {
            match ready!(Pin::new(&mut this.stream).poll_shutdown(context)) {
                Err(error) if error.kind() != io::ErrorKind::NotConnected => return Poll::Ready(Err(error)),
                _ => this.shut = Some(()),
            }
            let unread = {
                let framing = this.client.framing.borrow();
                framing.is_in_body() || framing.is_refused()
            };
            if unread && this.client.speaks.get() == Speaks::Http1 {
                this.client.linger_since.set(Some(this.clock.now()));
            }
        }
        if this.client.linger_since.get().is_some() {
            return this.poll_linger(context);
        }
        Poll::Ready(Ok(()))
    }
}

impl ClientIo {
    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let now = self.clock.now();
        if result.is_pending() {
            if self.client.write_since.get().is_none() {
                self.client.write_since.set(Some(now));
            }
        } else {
            self.client.write_since.set(None);
            self.client.progress.set(now);
        }
        result
    }
}
