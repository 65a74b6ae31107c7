//! What happens to a request between the library's parser and the claimed release.

use std::convert::Infallible;
use std::rc::Rc;

use http::header::{CONNECTION, COOKIE, HOST, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::EdgeBody;
use super::errors::Own;
use super::exchange::{Answered, Attempt, Tried, first_attempt, go_on, perform};
use super::headers::{Once, Seen, Wish, X_REQUEST_ID, is_sane_request_id};
use super::host::{host_of, route_name};
use super::passed::{passed, take};
use super::request_head;
use super::retry::is_idempotent;
use crate::upstream::claim::{Claim, Claimed, Hold, Notes, Repeatable, claim};
use crate::upstream::request_body::{Framing, RequestBody};
use crate::upstream::response::Asked;
use crate::worker::thread::Worker;
use crate::worker::watch::Client;

/// What is known of a request when its head has been looked at.
enum Begun {
    /// The edge answers itself.
    Own(Own, HeaderValue, Version),
    /// It is on its way, or has to wait for a connection.
    Claimed(Rc<Claim>, Option<Attempt>),
}

/// Answers one request. All that needs no waiting is done at once: the library copies what is returned.
pub(crate) fn serve(
    worker: Rc<Worker>,
    client: Rc<Client>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<EdgeBody>, Infallible>> {
    let begun = begin(&worker, &client, request);
    async move {
        Ok(match begun {
            Begun::Own(own, id, version) => respond(&worker, &client, version, own.response(id)),
            Begun::Claimed(claim, attempt) => {
                let answer = answer(&worker, &claim, attempt).await;
                let notes = &claim.notes;
                let status = answer.as_ref().map_or_else(|own| own.status(), Response::status);
                claim.responded(status);
                let response = answer.unwrap_or_else(|own| own.response(notes.id.clone()));
                respond(&worker, &client, notes.version, response)
            }
        })
    }
}

async fn answer(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    attempt: Option<Attempt>,
) -> Result<Response<EdgeBody>, Own> {
    // What is rare is boxed: it is large, and not a part of every request's future.
    let answered = match attempt {
        None => Box::pin(perform(worker, claim, take, Tried::default())).await,
        Some(mut attempt) => match attempt.connection.wait(worker, take).await {
            Ok((status, taken)) => Ok(Answered { attempt, status, taken }),
            Err(error) => Box::pin(go_on(Rc::clone(worker), Rc::clone(claim), attempt, error, take)).await,
        },
    };
    passed(worker, claim, answered?)
}

/// The last touch.
fn respond(
    worker: &Worker,
    client: &Client,
    version: Version,
    mut response: Response<EdgeBody>,
) -> Response<EdgeBody> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        client.not_upgraded();
        if worker.is_leaving() && version != Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// Checks, routes, claims and sends.
fn begin(worker: &Rc<Worker>, client: &Rc<Client>, request: Request<Incoming>) -> Begun {
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    let version = parts.version;
    let seen = Seen::of(&parts.headers);
    let (id, own_id) = match &seen.request_id {
        Once::Yes(given) if is_sane_request_id(given.as_bytes()) => (given.clone(), None),
        _ => (worker.ids.next(), Some(())),
    };
    let (hold, host) = match route(worker, client, &parts, &seen) {
        Ok(routed) => routed,
        Err(own) => return Begun::Own(own, id, version),
    };
    let repeatable =
        if is_idempotent(parts.method.as_str().as_bytes()) { Repeatable::Yes } else { Repeatable::No };
    let wish = prepare(client, &mut parts, &seen, host.as_ref());
    if own_id.is_some() && seen.request_id != Once::No {
        parts.headers.remove(&X_REQUEST_ID);
    }
    let provenance = client.provenance.borrow_mut().lines(host.as_ref().map(HeaderValue::as_bytes));
    let framing = Framing::of(&body);
    let head = request_head::write(&parts, &provenance, own_id.map(|()| &id), framing);
    let asked = if parts.method == Method::HEAD { Asked::Head } else { Asked::Whole };
    let notes = Notes { started, id, asked, version, wish, repeatable };
    let claim = Rc::new(Claim::new(hold, Rc::clone(client), notes, head, RequestBody::of(body)));
    let attempt = first_attempt(worker, &claim);
    Begun::Claimed(claim, attempt)
}

/// Checks the request, and claims the release that its host and path lead to.
fn route(
    worker: &Worker,
    client: &Client,
    parts: &Parts,
    seen: &Seen,
) -> Result<(Hold, Option<HeaderValue>), Own> {
    let served = client.served.get() + 1;
    client.served.set(served);
    if let Some(why) = client.refused.get()
        && client.framing.borrow().messages() == served
    {
        return Err(Own::Refused(why));
    }
    let host = host_of(&parts.method, &parts.uri, parts.version, &seen.host).map_err(Own::BadTarget)?;
    let has_hosts = worker.table.load().has_hosts(client.listener);
    let name = if has_hosts { host.as_ref().and_then(|host| route_name(host.as_bytes())) } else { None };
    match claim(&worker.table, worker.index, client.listener, name.as_deref(), parts.uri.path()) {
        Claimed::Held(hold) => Ok((hold, host)),
        Claimed::Nobody => Err(Own::Nobody),
        Claimed::NotFound => Err(Own::NotFound),
    }
}

/// Makes the head what the instance gets. Gives what the client wants the connection to become.
fn prepare(client: &Client, parts: &mut Parts, seen: &Seen, host: Option<&HeaderValue>) -> Wish {
    let wish = seen.strip(&mut parts.headers, parts.version);
    if wish == Wish::Stay {
        client.not_upgraded();
    }
    if parts.version == Version::HTTP_2 {
        join_cookies(parts);
    }
    if parts.uri.authority().is_some() {
        parts.uri = origin_form(&parts.uri);
    }
    if seen.host == Once::No {
        // HTTP/1.0 may do without; HTTP/1.1, as the instance gets it, says that there is none (RFC 9112, 3.2).
        let host = host.cloned().unwrap_or_else(|| HeaderValue::from_static(""));
        parts.headers.insert(HOST, host);
    }
    if let Wish::Upgrade(protocol) = &wish {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, protocol.clone());
    }
    wish
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()))
}

/// HTTP/2 may send cookies in several fields, HTTP/1.1 may not (RFC 9113, 8.2.3).
fn join_cookies(parts: &mut Parts) {
    let mut cookies = parts.headers.get_all(COOKIE).iter();
    if let (Some(first), Some(second)) = (cookies.next(), cookies.next()) {
        let mut joined = first.as_bytes().to_vec();
        for cookie in std::iter::once(second).chain(cookies) {
            joined.extend_from_slice(b"; ");
            joined.extend_from_slice(cookie.as_bytes());
        }
        if let Ok(joined) = HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)) {
            parts.headers.insert(COOKIE, joined);
        }
    }
}
