//! One request's way to an instance: choose, connect, send, and where it is allowed try again.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::body::{EdgeBody, RequestBody};
use super::errors::Own;
use super::headers::{Wish, strip_response};
use super::retry::{from_sent, is_idempotent};
use crate::release::Instance;
use crate::tunnel::{Kind, PendingTunnel};
use crate::upstream::balance::{Load, choose};
use crate::upstream::claim::Claim;
use crate::upstream::connection::{SendError, UpstreamConnection};
use crate::upstream::pool::Certainty;
use crate::worker::thread::Worker;
use crate::worker::watch::{Cut, Exchange};

/// Whether the request can be sent once more after it was, perhaps, received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeatable {
    Yes,
    No,
}

/// Gets the response of the claimed release to a request whose head is ready to be sent.
pub(crate) async fn perform(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    head: Request<()>,
    wish: &Wish,
) -> Result<Response<EdgeBody>, Own> {
    let has_body = !claim.body.borrow().is_end_stream();
    let repeatable = if is_idempotent(head.method()) { Repeatable::Yes } else { Repeatable::No };
    let service = claim.service();
    let mut tried = Vec::new();
    let mut head = Some(head);
    while let Some(next) = head.take() {
        let Some(load) = choose(&service.instances.load(), &tried, worker.ids.spread()) else {
            return Err(if tried.is_empty() { Own::NoInstance } else { Own::Unreachable });
        };
        let certainty =
            if repeatable == Repeatable::Yes && !has_body { Certainty::Likely } else { Certainty::Checked };
        let Some(mut connection) = connection_to(worker, claim, load.instance(), certainty).await else {
            tried.push(load.instance().serial);
            claim.counters().retries.increase();
            head = Some(next);
            continue;
        };
        let body = if has_body { RequestBody::of(claim, worker) } else { RequestBody::empty() };
        if !has_body || repeatable == Repeatable::Yes {
            connection.exchange.begin_record();
        }
        connection.exchange.sent.set(worker.clock.now());
        let outcome = connection.send(next.map(|()| body), claim).await;
        match outcome {
            Ok(response) => {
                connection.exchange.end_record();
                return answered(worker, claim, connection, load, response, wish).await;
            }
            Err(SendError::NotSent(request)) if connection.reused.is_some() => head = Some(request.map(drop)),
            Err(SendError::NotSent(_) | SendError::Broken) => {
                head = again(&connection, claim, repeatable);
                if head.is_none() {
                    return Err(broke_off(worker, claim, &connection));
                }
                claim.counters().retries.increase();
                if connection.reused.is_none() {
                    // It took the connection and closed it unread: nobody is at home there.
                    worker.doctor.leave_out(load.instance(), service.health_path.as_ref());
                    tried.push(load.instance().serial);
                }
            }
            Err(SendError::Cut(why)) => {
                return Err(match why {
                    Cut::Drained => Own::Drained,
                    Cut::BodyStalled => Own::ClientTooSlow,
                    Cut::UpstreamTimeout => {
                        claim.counters().upstream_failures.increase();
                        Own::UpstreamTimeout
                    }
                });
            }
        }
    }
    Err(Own::Unreachable)
}

/// A pooled connection, or a new one. `None`: the instance cannot be reached, and has been left out.
async fn connection_to(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    instance: &Arc<Instance>,
    certainty: Certainty,
) -> Option<Box<UpstreamConnection>> {
    let pooled = poll_fn(|context| Poll::Ready(worker.pool.take(instance.serial, certainty, context))).await;
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
fn again(connection: &UpstreamConnection, claim: &Claim, repeatable: Repeatable) -> Option<Request<()>> {
    let exchange = &connection.exchange;
    let unsent = exchange.written.get() == 0;
    let stale = connection.reused.is_some() && repeatable == Repeatable::Yes;
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

async fn answered(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    connection: Box<UpstreamConnection>,
    load: Load,
    response: Response<Incoming>,
    wish: &Wish,
) -> Result<Response<EdgeBody>, Own> {
    let (mut parts, body) = response.into_parts();
    parts.version = Version::HTTP_11;
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        let protocol = parts.headers.get(UPGRADE).cloned();
        let (Wish::Upgrade(asked), Some(protocol)) = (wish, protocol) else {
            // A switch that nobody asked for: there is no telling what follows.
            return Err(broke_off(worker, claim, &connection));
        };
        strip_response(&mut parts.headers);
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, protocol);
        // The library's own note of the upgrade is not used: the tunnel takes the bare streams.
        parts.extensions.clear();
        drop(body);
        let Some((stream, early)) = connection.into_stream().await else {
            claim.counters().upstream_failures.increase();
            return Err(Own::Unreachable);
        };
        let kind = Kind::of(asked);
        let tunnel = PendingTunnel { upstream: stream, early, claim: Rc::clone(claim), load, kind };
        *claim.client.tunnel.borrow_mut() = Some(tunnel);
        return Ok(Response::from_parts(parts, EdgeBody::Empty));
    }
    strip_response(&mut parts.headers);
    let body = EdgeBody::passed(body, connection, Rc::clone(claim), Rc::clone(worker), load);
    Ok(Response::from_parts(parts, body))
}
