//! Bodies of requests: none, a few bytes, or long content at a pace, with its length or in chunks.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{content, pace};

/// What a request carries. A plan: the body is made anew each time the request is sent.
#[derive(Clone)]
pub(crate) enum Plan {
    Nothing,
    Text(&'static str),
    Long { length: u64, rate: Option<u64>, framing: Framing },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// With `Content-Length`.
    Length,
    /// Without: chunked in HTTP/1.1.
    Chunks,
}

pub(crate) enum Payload {
    Once(Option<Bytes>),
    Long(Long),
}

pub(crate) struct Long {
    length: u64,
    offset: u64,
    rate: Option<u64>,
    framing: Framing,
    start: Instant,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Plan {
    pub(crate) fn payload(&self) -> Payload {
        match *self {
            Self::Nothing => Payload::Once(None),
            Self::Text(text) => Payload::Once(Some(Bytes::from_static(text.as_bytes()))),
            Self::Long { length, rate, framing } => {
                let start = Instant::now();
                Payload::Long(Long { length, offset: 0, rate, framing, start, wait: None })
            }
        }
    }
}

impl Long {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.offset == self.length {
            return Poll::Ready(None);
        }
        if self.wait.is_none() {
            let due = pace::body_due(self.start, self.offset, self.rate);
            self.wait = due.map(|due| Box::pin(sleep_until(due)));
        }
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        let piece = content::piece(self.offset, self.length - self.offset);
        self.offset += piece.len() as u64;
        Poll::Ready(Some(piece))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Once(bytes) => bytes.take(),
            Self::Long(long) => ready!(long.poll_piece(context)),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Once(bytes) => bytes.is_none(),
            Self::Long(long) => long.offset == long.length,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Once(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Long(long) if long.framing == Framing::Length => {
                SizeHint::with_exact(long.length - long.offset)
            }
            Self::Long(_) => SizeHint::default(),
        }
    }
}
