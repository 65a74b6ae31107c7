//! One request's way to an instance: choose, connect, send, and where it is allowed try again.
//!
//! What becomes of the head of the response is the caller's: he gives a function that takes it.

use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::errors::Own;
use crate::release::Instance;
use crate::upstream::balance::{Load, choose};
use crate::upstream::claim::{Claim, Repeatable};
use crate::upstream::connection::{SendError, TakeHead, UpstreamConnection};
use crate::upstream::pool::Certainty;
use crate::worker::thread::Worker;
use crate::worker::watch::{Cut, Exchange};

/// A connection that a request is on, counted on its instance.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) connection: Box<UpstreamConnection>,
    pub(crate) load: Load,
}

/// A response whose head has come, and what was made of it.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    pub(crate) attempt: Attempt,
    pub(crate) status: StatusCode,
    pub(crate) taken: T,
}

/// What was tried for a request in vain.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// Serial numbers of instances.
    instances: Vec<u64>,
    /// A connection that had been used before broke. From there on only new ones: what is repeated is not repeated again
    /// (RFC 9110, 9.2.2), or one request could break all connections that there are.
    reused: Option<()>,
}

/// What follows an attempt.
enum Next<T> {
    Answer(Result<Answered<T>, Own>),
    Again,
}

/// Puts a request on a pooled connection, if there is one: what happens to nearly every request, without waiting.
pub(crate) fn first_attempt(worker: &Rc<Worker>, claim: &Rc<Claim>) -> Option<Attempt> {
    let load = choose(&claim.service().instances.load(), &[], worker.ids.spread())?;
    let mut connection = worker.pool.take(load.instance().serial, certainty(claim))?;
    connection.begin(claim, worker.clock.now());
    Some(Attempt { connection, load })
}

/// Goes on after a first attempt that brought no response.
pub(crate) async fn go_on<T>(
    worker: Rc<Worker>,
    claim: Rc<Claim>,
    attempt: Attempt,
    error: SendError,
    take: impl TakeHead<T>,
) -> Result<Answered<T>, Own> {
    let mut tried = Tried::default();
    match conclude(&worker, &claim, attempt, Err(error), &mut tried) {
        Next::Answer(answer) => answer,
        Next::Again => perform(&worker, &claim, take, tried).await,
    }
}

/// Gets the response of the claimed release from one of its instances that were not tried in vain.
pub(crate) async fn perform<T>(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    mut take: impl TakeHead<T>,
    mut tried: Tried,
) -> Result<Answered<T>, Own> {
    loop {
        let Some(load) = choose(&claim.service().instances.load(), &tried.instances, worker.ids.spread())
        else {
            return Err(if tried.instances.is_empty() { Own::NoInstance } else { Own::Unreachable });
        };
        let pooled = if tried.reused.is_some() {
            None
        } else {
            worker.pool.take(load.instance().serial, certainty(claim))
        };
        let connection = match pooled {
            None => connect(worker, claim, load.instance()).await,
            pooled => pooled,
        };
        let Some(mut connection) = connection else {
            tried.instances.push(load.instance().serial);
            claim.counters().retries.increase();
            continue;
        };
        connection.begin(claim, worker.clock.now());
        let outcome = connection.wait(worker, &mut take).await;
        match conclude(worker, claim, Attempt { connection, load }, outcome, &mut tried) {
            Next::Answer(answer) => return answer,
            Next::Again => {}
        }
    }
}

/// What an attempt's outcome means.
fn conclude<T>(
    worker: &Worker,
    claim: &Claim,
    attempt: Attempt,
    outcome: Result<(StatusCode, T), SendError>,
    tried: &mut Tried,
) -> Next<T> {
    Next::Answer(match outcome {
        Ok((status, taken)) => Ok(Answered { attempt, status, taken }),
        Err(SendError::Broken) if may_repeat(&attempt.connection, claim) => {
            claim.counters().retries.increase();
            if attempt.connection.reused.is_some() {
                tried.reused = Some(());
            } else {
                // It took the connection and closed it unread: nobody is at home there.
                leave_out(worker, claim, &attempt.connection);
                tried.instances.push(attempt.load.instance().serial);
            }
            return Next::Again;
        }
        Err(SendError::Broken) => Err(broke_off(worker, claim, &attempt.connection)),
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
    if claim.notes.repeatable == Repeatable::Yes && !claim.body.is_there() {
        Certainty::Likely
    } else {
        Certainty::Checked
    }
}

/// A new connection. `None`: the instance cannot be reached, and has been left out.
async fn connect(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    instance: &Arc<Instance>,
) -> Option<Box<UpstreamConnection>> {
    let connected = timeout(worker.limits.connect_timeout, TcpStream::connect(instance.address)).await;
    if let Ok(Ok(stream)) = connected
        && stream.set_nodelay(true).is_ok()
    {
        let exchange = worker.exchanges.register(Exchange::new());
        return Some(Box::new(UpstreamConnection::new(stream, Arc::clone(instance), exchange)));
    }
    claim.counters().connect_failures.increase();
    worker.doctor.leave_out(instance, claim.service().health_path.as_ref());
    None
}

/// Whether it is certain that nobody acted on the request, or that acting twice does no harm.
fn may_repeat(connection: &UpstreamConnection, claim: &Claim) -> bool {
    let exchange = &connection.exchange;
    let unsent = exchange.written.get() == 0;
    let stale = connection.reused.is_some() && claim.notes.repeatable == Repeatable::Yes;
    exchange.answered.get().is_none()
        && claim.body.started.get().is_none()
        && claim.body.failed.get().is_none()
        && (unsent || stale)
}

/// Whose fault it was that the exchange broke.
pub(crate) fn broke_off(worker: &Worker, claim: &Claim, connection: &UpstreamConnection) -> Own {
    if claim.body.failed.get().is_some() {
        return Own::BadBody;
    }
    claim.counters().upstream_failures.increase();
    leave_out(worker, claim, connection);
    Own::Unreachable
}

fn leave_out(worker: &Worker, claim: &Claim, connection: &UpstreamConnection) {
    worker.doctor.leave_out(&connection.instance, claim.service().health_path.as_ref());
}

/// Notes that a response broke off within its body, if it was the instance's fault.
pub(crate) fn cut_response(worker: &Worker, claim: &Claim, connection: &UpstreamConnection) {
    claim.counters().upstream_failures.increase();
    claim.counters().cut_responses.increase();
    leave_out(worker, claim, connection);
}
