//! One HTTP/1.1 connection to an instance, driven by the task of the request that is on it.
//!
//! No task of its own: while it is in the pool nobody polls it, and whether it is still open is found out when it is taken.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::claim::Claim;
use super::io::UpstreamIo;
use super::waker::Poller;
use crate::http::body::RequestBody;
use crate::registry::Registered;
use crate::release::Instance;
use crate::worker::clock::{Clock, Millis};
use crate::worker::watch::{Cut, Exchange, Phase};

/// The most bytes that one connection holds of what an instance sent, a response's head included.
const BUFFER_AT_MOST: usize = 128 * 1024;

/// A connection, between or within exchanges.
pub(crate) struct UpstreamConnection {
    sender: SendRequest<RequestBody>,
    connection: Driven,
    pub(crate) exchange: Registered<Exchange>,
    pub(crate) instance: Arc<Instance>,
    pub(crate) reused: Option<()>,
    poller: Poller,
}

/// The library's half of the connection, and whether it has come to its end (it must not be polled then).
struct Driven {
    connection: Option<Connection<TokioIo<UpstreamIo>, RequestBody>>,
    ended: Option<()>,
}

impl Driven {
    fn drive(&mut self, context: &mut Context<'_>) {
        if self.ended.is_none()
            && let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(context).is_ready()
        {
            self.ended = Some(());
        }
    }

    /// Polls a promise of it. A connection that the instance closed just before the request came ends without a word about the
    /// request: the library keeps its promise only when the connection is dropped.
    fn ask(
        &mut self,
        promise: &mut Pin<&mut impl Future<Output = Promised>>,
        context: &mut Context<'_>,
    ) -> Poll<Promised> {
        let polled = promise.as_mut().poll(context);
        if polled.is_ready() || self.ended.is_none() {
            return polled;
        }
        self.connection = None;
        promise.as_mut().poll(context)
    }
}

/// What the library says of a request that was handed over.
pub(crate) type Promised = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// Why there is no response.
pub(crate) enum SendError {
    /// The tick ended the exchange.
    Cut(Cut),
    /// The connection had closed; nothing was sent, and here is the request.
    NotSent(Box<Request<RequestBody>>),
    /// The connection broke.
    Broken,
}

impl fmt::Debug for UpstreamConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamConnection").field("instance", &self.instance.id).finish_non_exhaustive()
    }
}

impl UpstreamConnection {
    /// Takes over a connected socket.
    pub(crate) async fn new(
        stream: TcpStream,
        instance: Arc<Instance>,
        exchange: Registered<Exchange>,
        clock: Rc<Clock>,
    ) -> Result<Self, hyper::Error> {
        let io = TokioIo::new(UpstreamIo::new(stream, exchange.share(), clock));
        let (sender, connection) = Builder::new().max_buf_size(BUFFER_AT_MOST).handshake(io).await?;
        let poller = Poller::new(Arc::clone(&exchange.waker));
        let connection = Driven { connection: Some(connection), ended: None };
        Ok(Self { sender, connection, exchange, instance, reused: None, poller })
    }

    /// Whether it could take a request when it was polled last.
    pub(crate) fn is_ready(&self) -> bool {
        self.connection.ended.is_none() && self.sender.is_ready()
    }

    /// Whether it can take a request whose loss could not be made good: asks the system whether the peer has closed.
    pub(crate) fn settle_surely(&mut self) -> bool {
        self.exchange.look.set(Some(()));
        let settled = self.settle();
        self.exchange.look.set(None);
        settled
    }

    /// Whether it can take a request, as far as the runtime knows.
    fn settle(&mut self) -> bool {
        let Self { sender, connection, poller, .. } = self;
        // Nobody waits for it now: whoever sends next polls again.
        let context = Context::from_waker(Waker::noop());
        let polled = poller.poll(&context, |context| {
            connection.drive(context);
            if connection.ended.is_some() || sender.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        });
        polled.is_ready() && self.connection.ended.is_none()
    }

    /// Hands a request over. What comes back has to be given to [`Self::wait`] at once.
    pub(crate) fn begin(
        &mut self,
        request: Request<RequestBody>,
        claim: &Rc<Claim>,
        now: Millis,
    ) -> impl Future<Output = Promised> + use<> {
        let exchange = &*self.exchange;
        exchange.cut.set(None);
        exchange.written.set(0);
        exchange.sent.set(now);
        exchange.answered.set(None);
        exchange.head_next.set(Some(()));
        exchange.client_since.set(None);
        *exchange.claim.borrow_mut() = Some(Rc::clone(claim));
        exchange.phase.set(Phase::AwaitingHead);
        // Handing it over wakes the connection, which is about to be polled anyway.
        self.poller.hold();
        self.sender.try_send_request(request)
    }

    /// Waits for the head of the response.
    pub(crate) async fn wait(
        &mut self,
        mut promise: Pin<&mut impl Future<Output = Promised>>,
    ) -> Result<Response<Incoming>, SendError> {
        let Self { connection, exchange, poller, .. } = self;
        let outcome = poll_fn(|context| {
            poller.poll(context, |context| {
                if let Some(cut) = exchange.cut.get() {
                    return Poll::Ready(Err(SendError::Cut(cut)));
                }
                connection.drive(context);
                connection.ask(&mut promise, context).map(|result| {
                    result.map_err(|mut error| {
                        let unsent = error.take_message();
                        unsent.map_or(SendError::Broken, |request| SendError::NotSent(Box::new(request)))
                    })
                })
            })
        })
        .await;
        exchange.phase.set(if outcome.is_ok() { Phase::Responding } else { Phase::Idle });
        outcome
    }

    /// The next piece of the response's body.
    pub(crate) fn poll_body(
        &mut self,
        body: &mut Incoming,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { connection, exchange, poller, .. } = self;
        exchange.client_since.set(None);
        poller.poll(context, |context| {
            if let Some(cut) = exchange.cut.get() {
                return Poll::Ready(Some(Err(BodyError::Cut(cut))));
            }
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
                return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Upstream)));
            }
            connection.drive(context);
            Pin::new(&mut *body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(BodyError::Upstream)))
        })
    }

    /// Ends the exchange. True when the connection can be used again.
    pub(crate) fn finish(&mut self) -> bool {
        self.exchange.phase.set(Phase::Idle);
        let ready = self.is_ready() || self.settle();
        self.exchange.claim.borrow_mut().take();
        ready
    }

    /// After a 101: the bare stream, and what was already read of the new protocol.
    pub(crate) async fn into_stream(self: Box<Self>) -> Option<(TcpStream, Bytes)> {
        let Self { connection, mut poller, exchange: _exchange, .. } = *self;
        let mut library = connection.connection?;
        if connection.ended.is_none() {
            poll_fn(|context| poller.poll(context, |context| library.poll_without_shutdown(context)))
                .await
                .ok()?;
        }
        let parts = library.into_parts();
        Some((parts.io.into_inner().into_stream(), parts.read_buf))
    }
}

/// Why a response's body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The tick ended it.
    #[error("the exchange was ended")]
    Cut(Cut),
    /// The instance broke off.
    #[error("the instance broke off")]
    Upstream(#[source] hyper::Error),
    /// The client broke off.
    #[error("the client broke off")]
    Client(#[source] hyper::Error),
}
