//! A response for the HTTP library: the head in its form, the body as it comes, or the tunnel that a 101 leads to.

use std::rc::Rc;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, UPGRADE};
use http::response::Parts;
use http::{Response, StatusCode};
use hyper::ext::ReasonPhrase;

use super::body::EdgeBody;
use super::errors::Own;
use super::exchange::{Answered, Attempt, broke_off};
use super::headers::{Wish, strip_response};
use crate::tunnel::{Kind, PendingTunnel};
use crate::upstream::body::Body;
use crate::upstream::claim::Claim;
use crate::upstream::response::ResponseHead;
use crate::worker::thread::Worker;

/// Takes a head in the library's form. Nothing of the body is used.
pub(crate) fn take(head: &ResponseHead<'_, '_>, _: &mut Body, _: &[u8]) -> (Parts, usize) {
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = head.status;
    parts.headers.reserve(head.fields.len());
    for field in head.fields {
        // Both were read by the same rules as these follow; what differs all the same is left out.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(field.name.as_bytes()), HeaderValue::from_bytes(field.value))
        {
            if name == CONTENT_LENGTH {
                parts.headers.insert(name, value);
            } else {
                parts.headers.append(name, value);
            }
        }
    }
    if !head.reason.is_empty()
        && head.status.canonical_reason() != Some(head.reason)
        && let Ok(reason) = ReasonPhrase::try_from(head.reason.as_bytes())
    {
        parts.extensions.insert(reason);
    }
    (parts, 0)
}

/// A response as it goes to the client.
pub(crate) fn passed(
    worker: &Rc<Worker>,
    claim: &Rc<Claim>,
    answered: Answered<Parts>,
) -> Result<Response<EdgeBody>, Own> {
    if answered.status == StatusCode::SWITCHING_PROTOCOLS {
        return switched(worker, claim, answered);
    }
    let Answered { attempt: Attempt { connection, load }, taken: mut parts, .. } = answered;
    strip_response(&mut parts.headers);
    if parts.status == StatusCode::NO_CONTENT {
        // It must not have one (RFC 9110, 8.6).
        parts.headers.remove(CONTENT_LENGTH);
    }
    let body = EdgeBody::passed(connection, Rc::clone(claim), Rc::clone(worker), load);
    Ok(Response::from_parts(parts, body))
}

/// The instance speaks another protocol from here.
fn switched(
    worker: &Worker,
    claim: &Rc<Claim>,
    answered: Answered<Parts>,
) -> Result<Response<EdgeBody>, Own> {
    let Answered { attempt: Attempt { connection, load }, taken: mut parts, .. } = answered;
    let protocol = parts.headers.get(UPGRADE).cloned();
    let (Wish::Upgrade(asked), Some(protocol)) = (&claim.notes.wish, protocol) else {
        // A switch that nobody asked for: there is no telling what follows.
        return Err(broke_off(worker, claim, &connection));
    };
    if !connection.is_sent() {
        // What is left of the request would be taken for the new protocol (RFC 9110, 7.8).
        return Err(broke_off(worker, claim, &connection));
    }
    strip_response(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, protocol);
    let kind = Kind::of(asked);
    let (upstream, early) = connection.into_stream();
    let tunnel = PendingTunnel { upstream, early, claim: Rc::clone(claim), load, kind };
    *claim.client.tunnel.borrow_mut() = Some(tunnel);
    Ok(Response::from_parts(parts, EdgeBody::Empty))
}
