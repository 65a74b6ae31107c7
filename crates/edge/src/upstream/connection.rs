//! One HTTP/1.1 connection to an instance, driven by the task of the request that is on it.
//!
//! No task and no buffer of its own: while it is in the pool nobody polls it, and whether it is still open is found out when
//! it is taken. What arrives is read into the worker's memory; only what cannot be used at once is kept.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::body::{Body, Piece};
use super::claim::Claim;
use super::response::{HEAD_AT_MOST, Persistence, ResponseHead, Room, read};
use super::sending::{Sending, SendingError};
use crate::registry::Registered;
use crate::release::Instance;
use crate::worker::clock::Millis;
use crate::worker::thread::Worker;
use crate::worker::watch::{Cut, Exchange, Phase};

/// A connection, between or within exchanges.
pub(crate) struct UpstreamConnection {
    stream: TcpStream,
    pub(crate) exchange: Registered<Exchange>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) reused: Option<()>,
    sending: Sending,
    /// Read, and not used yet.
    input: BytesMut,
    body: Body,
    persistence: Persistence,
}

/// Makes of a head what the caller wants. It may take data off the front of the body as well, of which some bytes are here,
/// and says how many of these it used.
pub(crate) trait TakeHead<T>: FnMut(&ResponseHead<'_, '_>, &mut Body, &[u8]) -> (T, usize) {}
impl<T, F: FnMut(&ResponseHead<'_, '_>, &mut Body, &[u8]) -> (T, usize)> TakeHead<T> for F {}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendError {
    /// The tick ended the exchange.
    Cut(Cut),
    /// The connection broke, or brought what is no response.
    Broken,
}

/// Why a response's body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The tick ended it.
    #[error("the exchange was ended")]
    Cut(Cut),
    /// The instance broke off.
    #[error("the instance broke off")]
    Upstream,
    /// The client broke off.
    #[error("the client broke off")]
    Client(#[source] hyper::Error),
}

/// What reading a body brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Some data; more follows.
    More,
    /// The last of it, perhaps none, and the trailer section.
    Ended(Bytes),
}

impl fmt::Debug for UpstreamConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamConnection").field("instance", &self.instance.id).finish_non_exhaustive()
    }
}

impl UpstreamConnection {
    /// Takes over a connected socket.
    pub(crate) fn new(stream: TcpStream, instance: Arc<Instance>, exchange: Registered<Exchange>) -> Self {
        Self {
            stream,
            exchange,
            instance,
            reused: None,
            sending: Sending::Done,
            input: BytesMut::new(),
            body: Body::Ended,
            persistence: Persistence::Keep,
        }
    }

    /// Whether the peer has neither closed nor sent something unasked, as far as the runtime knows.
    pub(crate) fn is_likely_open(&self) -> bool {
        // Nobody waits for it now: whoever sends next polls again.
        let news = self.stream.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_ready();
        !news || self.is_surely_open()
    }

    /// Whether it can take a request whose loss could not be made good: asks the system.
    pub(crate) fn is_surely_open(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        matches!(rustix::net::recv(&self.stream, &mut [0_u8; 1], flags), Err(rustix::io::Errno::AGAIN))
    }

    /// Begins an exchange with the claim's request. [`Self::wait`] or [`Self::poll_response`] has to follow at once.
    pub(crate) fn begin(&mut self, claim: &Rc<Claim>, now: Millis) {
        let exchange = &*self.exchange;
        exchange.cut.set(None);
        exchange.written.set(0);
        exchange.sent.set(now);
        exchange.answered.set(None);
        exchange.client_since.set(None);
        *exchange.claim.borrow_mut() = Some(Rc::clone(claim));
        exchange.phase.set(Phase::AwaitingHead);
        self.sending = Sending::Head(0);
    }

    /// Waits for the head of the response.
    pub(crate) async fn wait<T>(
        &mut self,
        worker: &Worker,
        mut take: impl TakeHead<T>,
    ) -> Result<(StatusCode, T), SendError> {
        poll_fn(|context| self.poll_response(worker, context, &mut take)).await
    }

    /// The head of the response; those of informational ones are passed over (RFC 9110, 15.2).
    pub(crate) fn poll_response<T>(
        &mut self,
        worker: &Worker,
        context: &mut Context<'_>,
        take: &mut impl TakeHead<T>,
    ) -> Poll<Result<(StatusCode, T), SendError>> {
        let outcome = ready!(self.poll_head(worker, context, take));
        self.exchange.phase.set(if outcome.is_ok() { Phase::Responding } else { Phase::Idle });
        Poll::Ready(outcome)
    }

    fn poll_head<T>(
        &mut self,
        worker: &Worker,
        context: &mut Context<'_>,
        take: &mut impl TakeHead<T>,
    ) -> Poll<Result<(StatusCode, T), SendError>> {
        self.exchange.bell.listen(context);
        if let Some(cut) = self.exchange.cut.get() {
            return Poll::Ready(Err(SendError::Cut(cut)));
        }
        if let Poll::Ready(Err(_)) = self.poll_send(worker, context) {
            return Poll::Ready(Err(SendError::Broken));
        }
        let mut scratch = worker.scratch.borrow_mut();
        loop {
            let count = match ready!(poll_read(&mut self.stream, context, &mut scratch)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(SendError::Broken)),
                Ok(count) => count,
            };
            self.exchange.answered.set(Some(()));
            let arrived = &scratch[..count];
            let taken = if self.input.is_empty() {
                self.take_head(arrived, take)
            } else {
                let mut joined = std::mem::take(&mut self.input);
                joined.extend_from_slice(arrived);
                // Without the end of a line, there is no end of a head.
                if !arrived.contains(&b'\n') && joined.len() < HEAD_AT_MOST {
                    self.input = joined;
                    continue;
                }
                self.take_head(&joined, take)
            };
            if let Some(outcome) = taken.transpose() {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Takes the head of the response off these bytes, and keeps what is not used. `None`: its end is missing.
    fn take_head<T>(
        &mut self,
        bytes: &[u8],
        take: &mut impl TakeHead<T>,
    ) -> Result<Option<(StatusCode, T)>, SendError> {
        let asked = self.exchange.claim.borrow().as_ref().map(|claim| claim.notes.asked);
        let asked = asked.ok_or(SendError::Broken)?;
        let mut rest = bytes;
        loop {
            let mut room: Room<'_> = [const { MaybeUninit::uninit() }; _];
            let Some((head, body, length)) = read(rest, &mut room, asked).map_err(|_| SendError::Broken)?
            else {
                self.input = BytesMut::from(rest);
                return Ok(None);
            };
            rest = &rest[length..];
            if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
                continue;
            }
            self.body = body;
            self.persistence = head.persistence;
            let (taken, used) = take(&head, &mut self.body, rest);
            if used < rest.len() {
                self.input = BytesMut::from(&rest[used..]);
            }
            return Ok(Some((head.status, taken)));
        }
    }

    /// Reads on in the response's body and gives its data to `sink`; ready when there was some, or when the body has ended.
    pub(crate) fn poll_body(
        &mut self,
        worker: &Worker,
        context: &mut Context<'_>,
        sink: &mut impl FnMut(&[u8]),
    ) -> Poll<Result<Progress, BodyError>> {
        self.exchange.bell.listen(context);
        self.exchange.client_since.set(None);
        if let Some(cut) = self.exchange.cut.get() {
            return Poll::Ready(Err(BodyError::Cut(cut)));
        }
        if let Poll::Ready(Err(SendingError::Client(error))) = self.poll_send(worker, context) {
            return Poll::Ready(Err(BodyError::Client(error)));
        }
        if self.body == Body::Broken {
            return Poll::Ready(Err(BodyError::Upstream));
        }
        let mut scratch = worker.scratch.borrow_mut();
        loop {
            let kept = std::mem::take(&mut self.input);
            let bytes = if kept.is_empty() && !self.body.is_ended() {
                let count = ready!(poll_read(&mut self.stream, context, &mut scratch))
                    .map_err(|_| BodyError::Upstream)?;
                if count == 0 {
                    let closed = self.body.close();
                    return Poll::Ready(
                        closed.map(|()| Progress::Ended(Bytes::new())).map_err(|_| BodyError::Upstream),
                    );
                }
                &scratch[..count]
            } else {
                &kept[..]
            };
            if let Some(progress) = self.take_data(bytes, sink)? {
                return Poll::Ready(Ok(progress));
            }
        }
    }

    /// `None`: there was no data in these bytes, only framing.
    fn take_data(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Option<Progress>, BodyError> {
        let mut progress = None;
        loop {
            match self.body.take(bytes).map_err(|_| BodyError::Upstream)? {
                Piece::More => return Ok(progress),
                Piece::Data(data, used) => {
                    sink(data);
                    bytes = &bytes[used..];
                    progress = Some(Progress::More);
                }
                Piece::End(trailers, used) => {
                    if used < bytes.len() {
                        self.input = BytesMut::from(&bytes[used..]);
                    }
                    return Ok(Some(Progress::Ended(trailers)));
                }
            }
        }
    }

    fn poll_send(&mut self, worker: &Worker, context: &mut Context<'_>) -> Poll<Result<(), SendingError>> {
        self.sending.poll(&mut self.stream, &self.exchange, &worker.clock, context)
    }

    /// The body of the response, as far as it has not been read.
    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    /// Whether all of the request has gone out.
    pub(crate) fn is_sent(&self) -> bool {
        self.sending == Sending::Done
    }

    /// Ends the exchange. True when the connection can be used again: everything that belongs to the exchange has gone over
    /// it, and nothing else has.
    pub(crate) fn finish(&mut self) -> bool {
        self.exchange.phase.set(Phase::Idle);
        self.exchange.claim.borrow_mut().take();
        self.body.is_ended()
            && self.input.is_empty()
            && self.is_sent()
            && self.persistence == Persistence::Keep
    }

    /// After a 101: the bare stream, and what was already read of the new protocol.
    pub(crate) fn into_stream(self) -> (TcpStream, Bytes) {
        (self.stream, self.input.freeze())
    }
}

fn poll_read(
    stream: &mut TcpStream,
    context: &mut Context<'_>,
    memory: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(memory);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}
