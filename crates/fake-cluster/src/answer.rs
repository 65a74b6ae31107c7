//! What the server answers: a document, text, lines that come as time goes by, or nothing at all.

use std::convert::Infallible;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt as _};
use http::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use crate::failure::Failure;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Lines of a watch or a log.
pub(crate) type Lines = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

pub(crate) enum Answer {
    Document {
        code: u16,
        body: Value,
        retry_after: Option<u64>,
    },
    Text(String),
    Stream {
        content_type: &'static str,
        lines: Lines,
    },
    /// No answer, and the connection stays open.
    Hang,
    /// The connection breaks.
    Broken,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::Document { code: 200, body, retry_after: None }
    }

    pub(crate) fn created(body: Value) -> Self {
        Self::Document { code: 201, body, retry_after: None }
    }

    pub(crate) fn refused(failure: &Failure) -> Self {
        Self::Document { code: failure.code, body: failure.status(), retry_after: failure.retry_after }
    }

    /// The HTTP response; none when there is to be none.
    pub(crate) fn into_response(self) -> Option<Response<Body>> {
        let (code, content_type, retry_after, body) = match self {
            Self::Document { code, body, retry_after } => (
                code,
                "application/json",
                retry_after,
                Full::new(Bytes::from(body.to_string())).boxed_unsync(),
            ),
            Self::Text(text) => (200, "text/plain", None, Full::new(Bytes::from(text)).boxed_unsync()),
            Self::Stream { content_type, lines } => {
                let frames = lines.map(|line| Ok::<_, Infallible>(Frame::data(line)));
                (200, content_type, None, StreamBody::new(frames).boxed_unsync())
            }
            Self::Hang | Self::Broken => return None,
        };
        let mut response = Response::builder().status(code).header(CONTENT_TYPE, content_type);
        if let Some(seconds) = retry_after {
            response = response.header(RETRY_AFTER, seconds);
        }
        response.body(body).ok()
    }
}
