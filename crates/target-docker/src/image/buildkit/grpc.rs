//! gRPC's frames over HTTP/2, as far as the answering side of a session needs them: each message has one byte (not compressed)
//! and its length in front, the status comes in the trailers.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::Response;
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::image::wire::Body;

/// A message that is longer than this is refused.
const LONGEST: usize = 64 << 20;
const HEAD: usize = 5;

/// How a call ends that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok = 0,
    NotFound = 5,
    Unimplemented = 12,
    Internal = 13,
}

/// A message with its head.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEAD + message.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    bytes.freeze()
}

/// The trailers of an answer.
pub(super) fn trailers(status: Status, message: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status as u16));
    if let Ok(message) = HeaderValue::from_str(message)
        && status != Status::Ok
    {
        trailers.insert("grpc-message", message);
    }
    trailers
}

/// An answer of one message.
pub(super) fn answer(message: &[u8]) -> Response<Body> {
    let frames = [Ok(Frame::data(framed(message))), Ok(Frame::trailers(trailers(Status::Ok, "")))];
    respond(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync())
}

/// An answer without one.
pub(super) fn refusal(status: Status, message: &str) -> Response<Body> {
    let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
    let mut response = respond(body);
    response.headers_mut().extend(trailers(status, message));
    response
}

/// An answer with this body.
pub(super) fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// The messages of a request.
pub(super) struct Messages {
    body: Incoming,
    rest: BytesMut,
}

impl Messages {
    pub(super) fn of(body: Incoming) -> Self {
        Self { body, rest: BytesMut::new() }
    }

    /// The next one; none at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if self.rest.len() >= HEAD {
                let length = (&self.rest[1..HEAD]).get_u32() as usize;
                if self.rest[0] != 0 || length > LONGEST {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                if self.rest.len() >= HEAD + length {
                    self.rest.advance(HEAD);
                    return Ok(Some(self.rest.split_to(length).freeze()));
                }
            }
            match self.body.frame().await {
                None if self.rest.is_empty() => return Ok(None),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(Err(error)) => return Err(io::Error::other(error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}
