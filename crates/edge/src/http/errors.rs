//! The edge's own answers: plain text, with a request id, never kept by a cache.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::body::EdgeBody;
use super::direct::ConnectionEnd;
use super::framing::Refused;
use super::headers::X_REQUEST_ID;
use super::host::BadTarget;
use crate::upstream::response::Asked;

/// Why the edge answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// The bytes were not acceptable as HTTP.
    Refused(Refused),
    /// The target or the host was not.
    BadTarget(BadTarget),
    /// The client's body broke off or broke the rules.
    BadBody,
    /// The client was too slow.
    ClientTooSlow,
    /// No route.
    NotFound,
    /// A route, but no live release.
    Nobody,
    /// The live release has no instance for this service.
    NoInstance,
    /// No instance could be reached, or the one that was broke off.
    Unreachable,
    /// The instance took too long.
    UpstreamTimeout,
    /// The drain deadline came while the request waited.
    Drained,
}

impl Own {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Refused(Refused::HeadTooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Refused(Refused::UnknownCoding) | Self::BadTarget(BadTarget::Connect) => {
                StatusCode::NOT_IMPLEMENTED
            }
            Self::Refused(Refused::UnknownVersion) => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Refused(Refused::HeadTooSlow) | Self::ClientTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(Refused::Malformed(_)) | Self::BadTarget(_) | Self::BadBody => {
                StatusCode::BAD_REQUEST
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Nobody | Self::NoInstance | Self::Drained => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Refused(Refused::HeadTooLarge) => "The request's header fields are too large.",
            Self::Refused(Refused::UnknownCoding) => "The only transfer coding served here is chunked.",
            Self::Refused(Refused::UnknownVersion) => "Only HTTP/1.0, HTTP/1.1 and HTTP/2 are served here.",
            Self::Refused(Refused::HeadTooSlow) => "The request's header fields took too long to arrive.",
            Self::Refused(Refused::Malformed(why)) => why,
            Self::BadTarget(bad) => bad.why(),
            Self::BadBody => "The request's body broke off or is not well-formed.",
            Self::ClientTooSlow => "The request's body took too long to arrive.",
            Self::NotFound => "Nothing is served at this host and path.",
            Self::Nobody => "Nobody serves this at the moment. Try again shortly.",
            Self::NoInstance => {
                "The release that serves this has no instance at the moment. Try again shortly."
            }
            Self::Unreachable => "The application could not be reached, or broke off before it answered.",
            Self::UpstreamTimeout => "The application did not answer in time.",
            Self::Drained => "The request was still waiting when its release had to stop. Try again.",
        }
    }

    /// The answer.
    pub(crate) fn response(self, request_id: HeaderValue) -> Response<EdgeBody> {
        let status = self.status();
        let text = format!(
            "{} {}\n{}\nRequest id: {}\n",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            self.text(),
            request_id.to_str().unwrap_or_default(),
        );
        let mut response = Response::new(EdgeBody::text(Bytes::from(text)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(&X_REQUEST_ID, request_id);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(self, Self::Refused(_) | Self::BadTarget(_) | Self::BadBody | Self::ClientTooSlow) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An answer of the edge's own as bytes.
pub(super) fn write(
    own: Own,
    request_id: HeaderValue,
    asked: Asked,
    end: ConnectionEnd,
    date: &str,
) -> Vec<u8> {
    let (parts, body) = own.response(request_id).into_parts();
    let EdgeBody::Text(text) = body else { return Vec::new() };
    let status = parts.status;
    let mut bytes =
        format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default())
            .into_bytes();
    let length = text.len().to_string();
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let more = [("content-length", length.as_bytes()), ("date", date.as_bytes())];
    let close = (end == ConnectionEnd::Close).then_some(("connection", &b"close"[..]));
    for (name, value) in fields.chain(more).chain(close) {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    if asked == Asked::Whole {
        bytes.extend_from_slice(&text);
    }
    bytes
}

/// What a client above the connection limit gets, as bytes.
pub(crate) const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Cache-Control: no-store\r\n\
    Retry-After: 1\r\n\
    Content-Length: 75\r\n\
    Connection: close\r\n\r\n\
    503 Service Unavailable\nToo many connections are open. Try again shortly.\n\n";
