//! The bodies that pass through: the request's on its way to the instance, the response's on its way to the client.
//!
//! Nothing is collected: a piece is asked for when the other side can take it.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::upstream::balance::Load;
use crate::upstream::claim::Claim;
use crate::upstream::connection::{BodyError, UpstreamConnection};
use crate::worker::thread::Worker;

/// A request's body. It stays in the claim, so that it is not lost with an attempt that did not get to it.
pub(crate) struct RequestBody {
    /// `None`: there is none.
    claim: Option<(Rc<Claim>, Rc<Worker>)>,
}

impl RequestBody {
    pub(crate) fn empty() -> Self {
        Self { claim: None }
    }

    /// The body of a claimed request.
    pub(crate) fn of(claim: &Rc<Claim>, worker: &Rc<Worker>) -> Self {
        Self { claim: Some((Rc::clone(claim), Rc::clone(worker))) }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some((claim, worker)) = &self.claim else { return Poll::Ready(None) };
        match Pin::new(&mut *claim.body.borrow_mut()).poll_frame(context) {
            Poll::Pending => {
                if claim.body_since.get().is_none() {
                    claim.body_since.set(Some(worker.clock.now()));
                }
                Poll::Pending
            }
            Poll::Ready(frame) => {
                claim.body_since.set(None);
                claim.body_started.set(Some(()));
                Poll::Ready(frame.map(|frame| {
                    frame.map_err(|error| {
                        claim.body_failed.set(Some(()));
                        BodyError::Client(error)
                    })
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.claim.as_ref().is_none_or(|(claim, _)| claim.body.borrow().is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.claim
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), |(claim, _)| claim.body.borrow().size_hint())
    }
}

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
    body: Incoming,
    connection: Option<Box<UpstreamConnection>>,
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
        body: Incoming,
        connection: Box<UpstreamConnection>,
        claim: Rc<Claim>,
        worker: Rc<Worker>,
        load: Load,
    ) -> Self {
        let mut passed = Passed { body, connection: Some(connection), claim, worker, _load: load };
        if passed.body.is_end_stream() {
            passed.finish();
        }
        Self::Passed(passed)
    }
}

impl Passed {
    /// Gives the connection back, if nothing is left of the exchange.
    fn finish(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.finish()
        {
            self.worker.pool.keep(connection, self.worker.clock.now());
        }
    }

    fn failed(&self, error: &BodyError) {
        let (counters, service) = (self.claim.counters(), self.claim.service());
        if let (BodyError::Upstream(_), None, Some(connection)) =
            (error, self.claim.body_failed.get(), &self.connection)
        {
            counters.upstream_failures.increase();
            counters.cut_responses.increase();
            self.worker.doctor.leave_out(&connection.instance, service.health_path.as_ref());
        }
    }
}

impl Drop for Passed {
    fn drop(&mut self) {
        // Dropped before its end (the client went away): the connection cannot be used again and closes.
        if self.body.is_end_stream() {
            self.finish();
        }
    }
}

impl Body for EdgeBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let passed = match &mut *self {
            Self::Empty => return Poll::Ready(None),
            Self::Text(text) => {
                let text = std::mem::take(text);
                return Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text))));
            }
            Self::Passed(passed) => passed,
        };
        let Some(connection) = &mut passed.connection else { return Poll::Ready(None) };
        match connection.poll_body(&mut passed.body, context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                passed.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                connection.exchange.client_since.set(Some(passed.worker.clock.now()));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                passed.failed(&error);
                passed.connection = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.is_empty(),
            Self::Passed(passed) => passed.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Text(text) => SizeHint::with_exact(text.len() as u64),
            Self::Passed(passed) => passed.body.size_hint(),
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
