//! The body of a request, as the client brings it and the instance gets it: framed anew, piece by piece.
//!
//! A piece stays here until it is out, so that an attempt that came to nothing before it has lost nothing.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use hyper::body::{Body, Incoming};

use crate::worker::clock::Millis;

/// How the end of a body is told to the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none, or it was sent with the head.
    None,
    /// By its length.
    Fixed(u64),
    /// In chunks.
    Chunked,
}

impl Framing {
    /// What suits a body that has not been read.
    pub(crate) fn of(body: &Incoming) -> Self {
        match body.size_hint().exact() {
            _ if body.is_end_stream() => Self::None,
            Some(length) => Self::Fixed(length),
            None => Self::Chunked,
        }
    }
}

/// A body.
#[derive(Debug)]
pub(crate) struct RequestBody {
    framing: Framing,
    /// `None`: it has ended.
    left: RefCell<Option<Incoming>>,
    /// The piece that is being sent, in its framing.
    pub(crate) piece: RefCell<Option<Bytes>>,
    /// Since when it waits for the client.
    pub(crate) since: Cell<Option<Millis>>,
    /// Whether a part of it went out.
    pub(crate) started: Cell<Option<()>>,
    /// Whether the client broke it off.
    pub(crate) failed: Cell<Option<()>>,
}

impl RequestBody {
    /// Nothing follows the head.
    pub(crate) fn none() -> Self {
        Self::with(None, Framing::None)
    }

    pub(crate) fn of(body: Incoming) -> Self {
        let framing = Framing::of(&body);
        Self::with(Some(body), framing)
    }

    fn with(left: Option<Incoming>, framing: Framing) -> Self {
        Self {
            framing,
            left: RefCell::new(left),
            piece: RefCell::new(None),
            since: Cell::new(None),
            started: Cell::new(None),
            failed: Cell::new(None),
        }
    }

    /// Whether something follows the head.
    pub(crate) fn is_there(&self) -> bool {
        self.framing != Framing::None
    }

    /// Whether nothing follows the piece that is being sent.
    pub(crate) fn is_over(&self) -> bool {
        self.framing == Framing::None || self.left.borrow().is_none()
    }

    /// The next piece in its framing; `None`: the body is over. Trailers of requests are not passed on.
    pub(crate) fn poll(
        &self,
        now: Millis,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, hyper::Error>> {
        if self.is_over() {
            return Poll::Ready(Ok(None));
        }
        let mut left = self.left.borrow_mut();
        let Some(body) = &mut *left else { return Poll::Ready(Ok(None)) };
        let polled = Pin::new(&mut *body).poll_frame(context);
        if polled.is_pending() && self.since.get().is_none() {
            self.since.set(Some(now));
        }
        let frame = ready!(polled);
        self.since.set(None);
        match frame {
            Some(Err(error)) => {
                self.failed.set(Some(()));
                Poll::Ready(Err(error))
            }
            Some(Ok(frame)) => Poll::Ready(Ok(Some(match frame.into_data() {
                Ok(data) if self.framing == Framing::Chunked => chunk(&data),
                Ok(data) => {
                    if body.is_end_stream() {
                        *left = None;
                    }
                    data
                }
                Err(_trailers) => Bytes::new(),
            }))),
            None => {
                *left = None;
                let last = (self.framing == Framing::Chunked).then(|| Bytes::from_static(b"0\r\n\r\n"));
                Poll::Ready(Ok(last))
            }
        }
    }
}

/// A chunk with this data; without data there is none, since an empty one would be the last.
fn chunk(data: &[u8]) -> Bytes {
    if data.is_empty() {
        return Bytes::new();
    }
    let mut chunk = BytesMut::with_capacity(data.len() + 20);
    // Writing to memory does not fail.
    let _ = write!(chunk, "{:x}\r\n", data.len());
    chunk.put_slice(data);
    chunk.put_slice(b"\r\n");
    chunk.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_chunk_is_empty() {
        assert_eq!(chunk(b"0123456789abcdef"), "10\r\n0123456789abcdef\r\n");
        assert_eq!(chunk(b""), "");
    }
}
