//! One request's way to an instance: choose, connect, send, and where it is allowed try again.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::body::{EdgeBody, RequestBody};
use super::errors::Own;
use super::headers::{Wish, strip_response};
use super::retry::from_sent;
use crate::release::Instance;
use crate::tunnel::{Kind, PendingTunnel};
use crate::upstream::balance::{Load, choose};
use crate::upstream::claim::{Claim, Repeatable};
use crate::upstream::connection::{Promised, SendError, UpstreamConnection};
use crate::upstream::pool::Certainty;
use crate::worker::thread::Worker;
use crate::worker::watch::{Cut, Exchange};

/// A request on its way, or one that has to wait for a connection.
pub(crate) enum FirstAttempt<P> {
    /// Over a pooled connection.
    Sent { connection: Box<UpstreamConnection>, load: Load, promise: P },
    /// There was none.
    NotYet(Box<Request<()>>),
}

/// What follows an attempt.
enum Next {
    Answer(Result<Response<EdgeBody>, Own>),
    /// Another attempt, with the same head.
    Again(Request<()>),
}

/// Sends a request over a pooled connection, if there is one: what happens to nearly every request, without waiting.
pub(crate) fn first_attempt(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    head: Request<()>,
) -> FirstAttempt<impl Future<Output = Promised> + use<>> {
    let chosen = choose(&claim.service().instances.load(), &[], worker.ids.spread());
    let pooled =
        chosen.and_then(|load| Some((worker.pool.take(load.instance().serial, certainty(claim))?, load)));
    match pooled {
        Some((mut connection, load)) => {
            let promise = send(worker, claim, &mut connection, head);
            FirstAttempt::Sent { connection, load, promise }
        }
        None => FirstAttempt::NotYet(Box::new(head)),
    }
}

/// Goes on after a first attempt that brought something else than a plain response.
pub(crate) async fn go_on(
    worker: Rc<Worker>,
    claim: Rc<Claim>,
    connection: Box<UpstreamConnection>,
    load: Load,
    outcome: Result<Response<Incoming>, SendError>,
) -> Result<Response<EdgeBody>, Own> {
    let mut tried = Vec::new();
    match conclude(&worker, &claim, connection, load, outcome, &mut tried).await {
        Next::Answer(answer) => answer,
        Next::Again(head) => attempt(&worker, &claim, head, tried).await,
    }
}

/// Gets the response of the claimed release to a request whose head is ready to be sent.
pub(crate) async fn perform(
    worker: Rc<Worker>,
    claim: Rc<Claim>,
    head: Request<()>,
) -> Result<Response<EdgeBody>, Own> {
    attempt(&worker, &claim, head, Vec::new()).await
}

async fn attempt(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    mut head: Request<()>,
    mut tried: Vec<u64>,
) -> Result<Response<EdgeBody>, Own> {
    loop {
        let Some(load) = choose(&claim.service().instances.load(), &tried, worker.ids.spread()) else {
            return Err(if tried.is_empty() { Own::NoInstance } else { Own::Unreachable });
        };
        let Some(mut connection) = connection_to(worker, claim, load.instance()).await else {
            tried.push(load.instance().serial);
            claim.counters().retries.increase();
            continue;
        };
        let promise = pin!(send(worker, claim, &mut connection, head));
        let outcome = connection.wait(promise).await;
        match conclude(worker, claim, connection, load, outcome, &mut tried).await {
            Next::Answer(answer) => return answer,
            Next::Again(again) => head = again,
        }
    }
}

fn send(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    connection: &mut UpstreamConnection,
    head: Request<()>,
) -> impl Future<Output = Promised> + use<> {
    let has_body = claim.has_body();
    if !has_body || claim.notes.repeatable == Repeatable::Yes {
        connection.exchange.begin_record();
    }
    let body = if has_body { RequestBody::of(claim, worker) } else { RequestBody::empty() };
    connection.begin(head.map(|()| body), claim, worker.clock.now())
}

/// What an attempt's outcome means.
async fn conclude(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    connection: Box<UpstreamConnection>,
    load: Load,
    outcome: Result<Response<Incoming>, SendError>,
    tried: &mut Vec<u64>,
) -> Next {
    Next::Answer(match outcome {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            switched(worker, claim, connection, load, response).await
        }
        Ok(response) => Ok(passed(worker, claim, connection, load, response)),
        // It had closed while it was in the pool.
        Err(SendError::NotSent(request)) if connection.reused.is_some() => {
            return Next::Again(request.map(drop));
        }
        Err(SendError::NotSent(_) | SendError::Broken) => match again(&connection, claim) {
            Some(head) => {
                claim.counters().retries.increase();
                if connection.reused.is_none() {
                    // It took the connection and closed it unread: nobody is at home there.
                    worker.doctor.leave_out(load.instance(), claim.service().health_path.as_ref());
                    tried.push(load.instance().serial);
                }
                return Next::Again(head);
            }
            None => Err(broke_off(worker, claim, &connection)),
        },
        Err(SendError::Cut(why)) => Err(match why {
            Cut::Drained => Own::Drained,
            Cut::BodyStalled => Own::ClientTooSlow,
            Cut::UpstreamTimeout => {
                claim.counters().upstream_failures.increase();
                Own::UpstreamTimeout
            }
        }),
    })
}

/// How sure one has to be of a pooled connection.
fn certainty(claim: &Claim) -> Certainty {
    if claim.notes.repeatable == Repeatable::Yes && !claim.has_body() {
        Certainty::Likely
    } else {
        Certainty::Checked
    }
}

/// A pooled connection, or a new one. `None`: the instance cannot be reached, and has been left out.
async fn connection_to(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    instance: &Arc<Instance>,
) -> Option<Box<UpstreamConnection>> {
    let pooled = worker.pool.take(instance.serial, certainty(claim));
    if pooled.is_some() {
        return pooled;
    }
    let connected = timeout(worker.limits.connect_timeout, TcpStream::connect(instance.address)).await;
    if let Ok(Ok(stream)) = connected
        && stream.set_nodelay(true).is_ok()
    {
        let exchange = worker.exchanges.register(Exchange::new());
        let connection =
            UpstreamConnection::new(stream, Arc::clone(instance), exchange, Rc::clone(&worker.clock)).await;
        if let Ok(connection) = connection {
            return Some(Box::new(connection));
        }
    }
    claim.counters().connect_failures.increase();
    worker.doctor.leave_out(instance, claim.service().health_path.as_ref());
    None
}

/// The request once more, when it is certain that nobody acted on it, or that acting twice does no harm.
fn again(connection: &UpstreamConnection, claim: &Claim) -> Option<Request<()>> {
    let exchange = &connection.exchange;
    let unsent = exchange.written.get() == 0;
    let stale = connection.reused.is_some() && claim.notes.repeatable == Repeatable::Yes;
    if exchange.answered.get().is_some() || claim.body_started.get().is_some() || !(unsent || stale) {
        return None;
    }
    from_sent(exchange.record.borrow().as_deref()?)
}

/// Whose fault it was that the exchange broke.
fn broke_off(worker: &Worker, claim: &Claim, connection: &UpstreamConnection) -> Own {
    if claim.body_failed.get().is_some() {
        return Own::BadBody;
    }
    claim.counters().upstream_failures.increase();
    worker.doctor.leave_out(&connection.instance, claim.service().health_path.as_ref());
    Own::Unreachable
}

/// A response as it goes to the client.
pub(crate) fn passed(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    connection: Box<UpstreamConnection>,
    load: Load,
    response: Response<Incoming>,
) -> Response<EdgeBody> {
    connection.exchange.end_record();
    let (mut parts, body) = response.into_parts();
    parts.version = Version::HTTP_11;
    strip_response(&mut parts.headers);
    Response::from_parts(parts, EdgeBody::passed(body, connection, Rc::clone(claim), Rc::clone(worker), load))
}

/// The instance speaks another protocol from here.
async fn switched(
    worker: &Worker,
    claim: &Rc<Claim>,
    connection: Box<UpstreamConnection>,
    load: Load,
    response: Response<Incoming>,
) -> Result<Response<EdgeBody>, Own> {
    let (mut parts, _) = response.into_parts();
    let protocol = parts.headers.get(UPGRADE).cloned();
    let (Wish::Upgrade(asked), Some(protocol)) = (&claim.notes.wish, protocol) else {
        // A switch that nobody asked for: there is no telling what follows.
        return Err(broke_off(worker, claim, &connection));
    };
    parts.version = Version::HTTP_11;
    strip_response(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, protocol);
    // The library's own note of the upgrade is not used: the tunnel takes the bare streams.
    parts.extensions.clear();
    let Some((stream, early)) = connection.into_stream().await else {
        claim.counters().upstream_failures.increase();
        return Err(Own::Unreachable);
    };
    let kind = Kind::of(asked);
    let tunnel = PendingTunnel { upstream: stream, early, claim: Rc::clone(claim), load, kind };
    *claim.client.tunnel.borrow_mut() = Some(tunnel);
    Ok(Response::from_parts(parts, EdgeBody::Empty))
}
