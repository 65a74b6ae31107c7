//! Requests that go to the engine's socket as they are: those whose body or answer is a stream, and the session of a build.
//!
//! Each has a connection of its own, which ends when the answer is dropped: so the engine sees that nobody waits any more, and
//! ends a build, a push or a pull.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bollard::errors::Error;
use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

use crate::connection::Connection;
use crate::error::DockerError;

/// The body of a request.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An engine that has said nothing for so long is away. Builds and pushes may be silent for a while.
const SILENCE: Duration = Duration::from_secs(3600);
/// A line that is longer than this is no line.
const LONGEST_LINE: usize = 16 << 20;

/// A body without anything in it.
pub(super) fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A request of the version of the API that was agreed on.
pub(super) async fn request(
    connection: &Connection,
    method: Method,
    path: &str,
    query: &[(&str, &str)],
) -> Result<Builder, DockerError> {
    let version = connection.client().await?.client_version();
    let (major, minor) = (version.major_version, version.minor_version);
    let mut uri = format!("/v{major}.{minor}{path}");
    for (at, (name, value)) in query.iter().enumerate() {
        uri.push(if at == 0 { '?' } else { '&' });
        uri.push_str(name);
        uri.push('=');
        escape(&mut uri, value);
    }
    Ok(Request::builder().method(method).uri(uri).header(HOST, "docker"))
}

/// Writes a value of a query (RFC 3986).
fn escape(uri: &mut String, value: &str) {
    use std::fmt::Write as _;
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
}

/// An answer, and the connection that it comes over.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    doing: String,
    socket: String,
    rest: BytesMut,
    _connection: AbortOnDropHandle<()>,
}

/// Sends a request, and waits for the head of the answer, whatever its status. `doing` completes "could not …".
pub(super) async fn send(
    connection: &Connection,
    doing: &str,
    request: Builder,
    body: Body,
) -> Result<Answer, DockerError> {
    let failed = |error: Error| connection.error(doing, error);
    let stream =
        UnixStream::connect(connection.socket()).await.map_err(|err| failed(Error::IOError { err }))?;
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|err| failed(err.into()))?;
    let driver = tokio::spawn(async move {
        // How it ends is told to whoever reads the answer.
        let _ = driver.with_upgrades().await;
    });
    let request = request.body(body).map_err(|err| failed(err.into()))?;
    let response = sender.send_request(request).await.map_err(|err| failed(err.into()))?;
    Ok(Answer {
        response,
        doing: doing.to_owned(),
        socket: connection.socket().display().to_string(),
        rest: BytesMut::new(),
        _connection: AbortOnDropHandle::new(driver),
    })
}

impl Answer {
    /// The answer, where the engine did not refuse.
    pub(super) async fn accepted(mut self) -> Result<Self, DockerError> {
        let status = self.response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self);
        }
        let mut text = Vec::new();
        while let Some(line) = self.line().await? {
            text.extend_from_slice(&line);
        }
        let words = serde_json::from_slice::<serde_json::Value>(&text)
            .ok()
            .and_then(|json| Some(json.get("message")?.as_str()?.to_owned()))
            .unwrap_or_else(|| String::from_utf8_lossy(&text).trim().to_owned());
        Err(DockerError::Refused { doing: self.doing, status: status.as_u16(), words })
    }

    /// The next JSON object of a stream of them.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, DockerError> {
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return serde_json::from_slice(&line)
                .map(Some)
                .map_err(|err| self.broken(Error::JsonSerdeError { err }));
        }
    }

    async fn line(&mut self) -> Result<Option<BytesMut>, DockerError> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.rest[searched..].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.rest.split_to(searched + end + 1)));
            }
            searched = self.rest.len();
            if searched > LONGEST_LINE {
                return Err(self.broken(Error::IOError { err: io::ErrorKind::InvalidData.into() }));
            }
            let frame = tokio::time::timeout(SILENCE, Pin::new(self.response.body_mut()).frame()).await;
            match frame {
                Err(_) => return Err(self.broken(Error::RequestTimeoutError)),
                Ok(None) if self.rest.is_empty() => return Ok(None),
                Ok(None) => return Ok(Some(self.rest.split())),
                Ok(Some(Err(err))) => return Err(self.away(err.into())),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    fn broken(&self, source: Error) -> DockerError {
        DockerError::Answer { doing: self.doing.clone(), source }
    }

    fn away(&self, source: Error) -> DockerError {
        DockerError::Away { doing: self.doing.clone(), socket: self.socket.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_of_a_query_are_escaped() {
        let mut uri = String::new();
        super::escape(&mut uri, "a b&c={\"é\"}/~");
        assert_eq!(uri, "a%20b%26c%3D%7B%22%C3%A9%22%7D%2F~");
    }
}
