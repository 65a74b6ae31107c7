//! What happens to a request between the library's parser and the claimed release.

use std::convert::Infallible;
use std::rc::Rc;

use http::header::{CONNECTION, COOKIE, HOST, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::EdgeBody;
use super::errors::Own;
use super::exchange::perform;
use super::headers::{Once, Seen, Wish, X_REQUEST_ID, is_sane_request_id};
use super::host::{host_of, route_name};
use crate::upstream::claim::{Claim, Claimed, claim};
use crate::worker::thread::Worker;
use crate::worker::watch::Client;

/// Answers one request.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Response<EdgeBody>, Infallible> {
    let (parts, body) = request.into_parts();
    let version = parts.version;
    let seen = Seen::of(&parts.headers);
    let request_id = match &seen.request_id {
        Once::Yes(given) if is_sane_request_id(given) => given.clone(),
        _ => worker.ids.next(),
    };
    let mut response = match route(&worker, &client, parts, body, &seen, &request_id).await {
        Ok(response) => response,
        Err(own) => own.response(request_id),
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        client.not_upgraded();
        if worker.is_leaving() && version != Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    Ok(response)
}

async fn route(
    worker: &Rc<Worker>,
    client: &Rc<Client>,
    mut parts: Parts,
    body: Incoming,
    seen: &Seen,
    request_id: &HeaderValue,
) -> Result<Response<EdgeBody>, Own> {
    let started = Instant::now();
    let served = client.served.get() + 1;
    client.served.set(served);
    if let Some(why) = client.refused.get()
        && client.framing.borrow().messages() == served
    {
        return Err(Own::Refused(why));
    }
    let host = host_of(&parts.method, &parts.uri, parts.version, &seen.host).map_err(Own::BadTarget)?;
    let claimed = {
        let has_hosts = worker.table.load().has_hosts(client.listener);
        let name = if has_hosts { host.as_ref().and_then(route_name) } else { None };
        claim(&worker.table, worker.index, client.listener, name.as_deref(), parts.uri.path())
    };
    let hold = match claimed {
        Claimed::Held(hold) => hold,
        Claimed::Nobody => return Err(Own::Nobody),
        Claimed::NotFound => return Err(Own::NotFound),
    };
    let wish = prepare(client, &mut parts, seen, host.as_ref());
    parts.headers.insert(&X_REQUEST_ID, request_id.clone());
    let claim = Rc::new(Claim::new(hold, Rc::clone(client), body));
    let outcome = perform(worker, &claim, Request::from_parts(parts, ()), &wish).await;
    let status = outcome.as_ref().map_or_else(|own| own.status(), Response::status);
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    claim.counters().responded(status, micros);
    outcome
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
    if let Some(host) = host
        && seen.host == Once::No
    {
        parts.headers.insert(HOST, host.clone());
    }
    parts.version = Version::HTTP_11;
    client.provenance.borrow_mut().write(&mut parts.headers, host);
    if let Wish::Upgrade(protocol) = &wish {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, protocol.clone());
    }
    // What the library noted for upgrades of its own is not used.
    parts.extensions.clear();
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
