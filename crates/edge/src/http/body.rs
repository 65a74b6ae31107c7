//! The body of a response on its way to the client, as the HTTP library takes it.
//!
//! Nothing is collected: a piece is asked for when the client can take it.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};

use super::exchange::cut_response;
use crate::upstream::balance::Load;
use crate::upstream::body::trailer_fields;
use crate::upstream::claim::Claim;
use crate::upstream::connection::{BodyError, Progress, UpstreamConnection};
use crate::worker::thread::Worker;

/// What a client gets.
pub(crate) enum EdgeBody {
    Empty,
    /// One of the edge's own answers.
    Text(Bytes),
    /// An instance's response.
    Passed(Passed),
}

/// A response's body, with the connection that it comes over.
pub(crate) struct Passed {
    /// `None`: the body has ended.
    connection: Option<Box<UpstreamConnection>>,
    trailers: Option<HeaderMap>,
    claim: Rc<Claim>,
    worker: Rc<Worker>,
    /// Counts on the instance as long as the response passes.
    _load: Load,
}

impl EdgeBody {
    pub(crate) fn text(text: Bytes) -> Self {
        Self::Text(text)
    }

    /// The body of a response whose head came over `connection`.
    pub(crate) fn passed(
        connection: Box<UpstreamConnection>,
        claim: Rc<Claim>,
        worker: Rc<Worker>,
        load: Load,
    ) -> Self {
        let ended = connection.body().is_ended();
        let mut passed = Passed { connection: Some(connection), trailers: None, claim, worker, _load: load };
        if ended {
            passed.finish();
        }
        Self::Passed(passed)
    }
}

impl Passed {
    /// Gives the connection back, if nothing is left of the exchange. One that is dropped before (the client went away)
    /// closes with it: it cannot be used again.
    fn finish(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.finish()
        {
            self.worker.pool.keep(connection, self.worker.clock.now());
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        };
        let mut data = BytesMut::new();
        match ready!(connection.poll_body(&self.worker, context, &mut |piece| data.extend_from_slice(piece)))
        {
            Ok(Progress::More) => {
                if connection.body().is_ended() {
                    self.finish();
                } else {
                    connection.exchange.client_since.set(Some(self.worker.clock.now()));
                }
            }
            Ok(Progress::Ended(section)) => {
                self.trailers = Some(trailer_fields(&section)).filter(|trailers| !trailers.is_empty());
                self.finish();
                if data.is_empty() {
                    return self.poll(context);
                }
            }
            Err(error) => {
                if matches!(error, BodyError::Upstream) && self.claim.body.failed.get().is_none() {
                    cut_response(&self.worker, &self.claim, connection);
                }
                self.connection = None;
                return Poll::Ready(Some(Err(error)));
            }
        }
        Poll::Ready(Some(Ok(Frame::data(data.freeze()))))
    }

    fn is_ended(&self) -> bool {
        self.connection.is_none() && self.trailers.is_none()
    }
}

impl Body for EdgeBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Text(text) => {
                let text = std::mem::take(text);
                Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text))))
            }
            Self::Passed(passed) => passed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.is_empty(),
            Self::Passed(passed) => passed.is_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Text(text) => SizeHint::with_exact(text.len() as u64),
            Self::Passed(passed) => match &passed.connection {
                Some(connection) => {
                    connection.body().left().map_or_else(SizeHint::default, SizeHint::with_exact)
                }
                None => SizeHint::with_exact(0),
            },
        }
    }
}

impl fmt::Debug for EdgeBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Text(_) => "Text",
            Self::Passed(_) => "Passed",
        })
    }
}
