//! One HTTP/1.1 request on a connection of its own, and exactly what became of it. Redirects are answers like any other.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What is sent, and how much and how long is waited for the answer.
pub(crate) struct Question<'a> {
    pub address: SocketAddr,
    /// The `Host` header; none: the address.
    pub host: Option<&'a str>,
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    pub headers: &'a [(String, String)],
    pub body: Option<&'a str>,
    /// For connection, head and body together.
    pub timeout: Duration,
    /// The longest body that is read, in bytes.
    pub limit: usize,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    /// Whether there was more than the limit.
    pub rest: Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    LeftUnread,
}

/// Why nothing, or not all, came back. Never says what was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the {0} of the check cannot be sent: it is not valid HTTP")]
    NotSendable(String),
    #[error("{0}")]
    Connect(String),
    #[error("timed out after {0}")]
    TimedOut(Seconds),
    #[error("{0}")]
    NoAnswer(String),
    #[error("{status}, and then the answer broke off after {length} bytes: {why}")]
    BrokeOff { status: StatusCode, length: usize, why: String },
}

/// `3 s`, `500 ms`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 && !self.0.is_zero() {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} ms", self.0.as_millis())
        }
    }
}

/// An I/O error in the words that people look for.
pub(crate) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        io::ErrorKind::TimedOut => "the connection timed out".to_owned(),
        _ => error.to_string(),
    }
}

fn hyper_words(error: &hyper::Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return io_words(error);
        }
        source = cause.source();
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "the connection was closed before an answer came".to_owned()
    } else if error.is_parse() {
        "the answer is not HTTP/1.1".to_owned()
    } else {
        error.to_string()
    }
}

/// Ends the task that carries a connection, however its user ends.
struct Carried(tokio::task::JoinHandle<()>);

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Question<'_> {
    /// Sends it and reads the answer, in no more than the timeout.
    pub(crate) async fn ask(&self) -> Result<Answer, Failure> {
        let request = self.request()?;
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::TimedOut(Seconds(self.timeout))),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let stream =
            TcpStream::connect(self.address).await.map_err(|error| Failure::Connect(io_words(&error)))?;
        let no_answer = |error: hyper::Error| Failure::NoAnswer(hyper_words(&error));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(no_answer)?;
        let _carried = Carried(tokio::spawn(async move {
            // Its errors come out of the request.
            let _ = connection.await;
        }));
        let (head, mut incoming) = sender.send_request(request).await.map_err(no_answer)?.into_parts();
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| Failure::BrokeOff {
                status: head.status,
                length: body.len(),
                why: hyper_words(&error),
            })?;
            let Ok(data) = frame.into_data() else { continue };
            let room = self.limit - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                return Ok(Answer { status: head.status, body, rest: Rest::LeftUnread });
            }
        }
        Ok(Answer { status: head.status, body, rest: Rest::Nothing })
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let unsendable = |what: &str| Failure::NotSendable(what.to_owned());
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            let what = || Failure::NotSendable(format!("header {name:?}"));
            let field = HeaderName::try_from(name.as_str()).map_err(|_| what())?;
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| what())?;
            value.set_sensitive(true);
            headers.append(field, value);
        }
        if !headers.contains_key(HOST) {
            let host = self.host.map_or_else(|| self.address.to_string(), str::to_owned);
            headers.insert(HOST, HeaderValue::try_from(host).map_err(|_| unsendable("host"))?);
        }
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("bascule"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let method = Method::try_from(self.method).map_err(|_| unsendable("method"))?;
        let body = Full::new(Bytes::from(self.body.unwrap_or_default().to_owned()));
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self
            .path
            .parse::<http::uri::PathAndQuery>()
            .ok()
            .filter(|path| path.as_str().starts_with('/'))
            .ok_or_else(|| unsendable("path"))?
            .into();
        *request.headers_mut() = headers;
        Ok(request)
    }
}
