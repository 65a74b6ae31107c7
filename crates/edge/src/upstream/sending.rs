//! How far a request has gone out over a connection: its head, then the pieces of its body as the client brings them.
//!
//! A write that fails because the instance closed is not reported as such: the instance may have answered before it closed
//! (a 413, say), and only reading tells. So the rest of the request goes nowhere, and the response or the end of the stream
//! decides.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::claim::Claim;
use crate::worker::clock::Clock;
use crate::worker::watch::Exchange;
use crate::write::with_buffer;

/// So much of a body's first piece is sent together with the head; of a long one the rest goes by itself.
const TOGETHER_AT_MOST: usize = 4096;

/// Where sending stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// So many bytes of the head are out.
    Head(usize),
    /// The head is, and so many bytes of the body's next piece.
    Body(usize),
    /// Everything is.
    Done,
    /// The instance has closed: the rest goes nowhere.
    Closed,
}

/// Why a request cannot go on.
#[derive(Debug)]
pub(crate) enum SendingError {
    /// The client broke its body off.
    Client(hyper::Error),
    /// The connection is of no use.
    Instance,
}

impl Sending {
    /// Sends all that can be sent now. Ready: nothing is left to be sent.
    pub(crate) fn poll(
        &mut self,
        stream: &mut TcpStream,
        exchange: &Exchange,
        clock: &Clock,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendingError>> {
        if matches!(self, Self::Done | Self::Closed) {
            return Poll::Ready(Ok(()));
        }
        let claim = exchange.claim.borrow();
        let Some(claim) = &*claim else { return Poll::Ready(Err(SendingError::Instance)) };
        loop {
            let written = match *self {
                Self::Head(from) => {
                    // What the client has already sent of its body goes along with the head.
                    let _ = poll_piece(claim, clock, context)?;
                    let piece = claim.body.piece.borrow();
                    poll_write_head(stream, context, &claim.head[from..], piece.as_ref())
                }
                Self::Body(from) => match ready!(poll_piece(claim, clock, context)?) {
                    None => {
                        *self = Self::Done;
                        return Poll::Ready(Ok(()));
                    }
                    Some(piece) => Pin::new(&mut *stream).poll_write(context, &piece[from..]),
                },
                Self::Done | Self::Closed => return Poll::Ready(Ok(())),
            };
            match ready!(written) {
                Ok(count) => {
                    exchange.written.set(exchange.written.get() + count as u64);
                    exchange.sent.set(clock.now());
                    *self = self.after(count, claim);
                }
                Err(error) if is_closed(&error) => {
                    *self = Self::Closed;
                    // Nobody waits for the rest.
                    claim.body.since.set(None);
                    return Poll::Ready(Ok(()));
                }
                Err(_) => return Poll::Ready(Err(SendingError::Instance)),
            }
        }
    }

    /// Where it stands when `count` more bytes have gone.
    fn after(self, count: usize, claim: &Claim) -> Self {
        let out = match self {
            Self::Head(from) if from + count < claim.head.len() => return Self::Head(from + count),
            Self::Head(from) => from + count - claim.head.len(),
            Self::Body(from) => from + count,
            Self::Done | Self::Closed => return self,
        };
        if out > 0 {
            claim.body.started.set(Some(()));
        }
        let mut piece = claim.body.piece.borrow_mut();
        if piece.as_ref().is_some_and(|piece| out < piece.len()) {
            return Self::Body(out);
        }
        *piece = None;
        drop(piece);
        if claim.body.is_over() { Self::Done } else { Self::Body(0) }
    }
}

/// The piece of the body that is to be sent next; it stays in the claim until it is out. `None`: the body is over.
fn poll_piece(
    claim: &Claim,
    clock: &Clock,
    context: &mut Context<'_>,
) -> Result<Poll<Option<Bytes>>, SendingError> {
    if let Some(piece) = &*claim.body.piece.borrow() {
        return Ok(Poll::Ready(Some(piece.clone())));
    }
    match claim.body.poll(clock.now(), context) {
        Poll::Pending => Ok(Poll::Pending),
        Poll::Ready(Ok(piece)) => {
            claim.body.piece.borrow_mut().clone_from(&piece);
            Ok(Poll::Ready(piece))
        }
        Poll::Ready(Err(error)) => Err(SendingError::Client(error)),
    }
}

fn poll_write_head(
    stream: &mut TcpStream,
    context: &mut Context<'_>,
    head: &[u8],
    piece: Option<&Bytes>,
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    let Some(piece) = piece else { return stream.poll_write(context, head) };
    with_buffer(|together| {
        together.extend_from_slice(head);
        together.extend_from_slice(&piece[..piece.len().min(TOGETHER_AT_MOST)]);
        stream.poll_write(context, together)
    })
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}
