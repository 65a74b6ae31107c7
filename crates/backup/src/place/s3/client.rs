//! One signed request over one connection. A request that a server may not have seen, or could not answer now, is asked again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::sign::{Credentials, Endpoint, Scheme, Signed, authorization, encode, query, time};
use super::{Clock, sha256, xml};
use crate::error::{BackupError, file};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take, and so much longer for what has to be carried.
const ANSWER: Duration = Duration::from_secs(60);
/// Bytes a second that a way carries at least.
const SLOWEST: u64 = 64 * 1024;
const ATTEMPTS: u32 = 3;
/// How much of a file is read at once.
const STEP: usize = 128 * 1024;

/// What a request carries.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    None,
    Text(&'a [u8]),
    File { path: &'a Path, bytes: u64, sha256: &'a str },
}

type Sent = UnsyncBoxBody<Bytes, std::io::Error>;

/// To one place.
pub(super) struct Client {
    endpoint: Endpoint,
    credentials: Credentials,
    clock: Clock,
}

/// An answer that is none of an error.
pub(super) struct Answer {
    response: Response<Incoming>,
    place: String,
}

/// Why one attempt came to nothing.
enum Failed {
    /// It may go better.
    Now(String),
    /// It will not.
    Ever(BackupError),
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, credentials: Credentials, clock: Clock) -> Self {
        Self { endpoint, credentials, clock }
    }

    /// Its host.
    pub(super) fn place(&self) -> &str {
        &self.endpoint.authority
    }

    pub(super) fn refused(&self, doing: &'static str, code: &str, message: &str) -> BackupError {
        BackupError::Refused {
            place: self.place().to_owned(),
            doing,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    /// Asks; whatever is not there is an error.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Body<'_>,
        doing: &'static str,
    ) -> Result<Answer, BackupError> {
        self.answer(method, path, query, body, doing).await?
    }

    /// Asks for something that may not be there.
    pub(super) async fn ask_if_there(
        &self,
        method: Method,
        path: &str,
        doing: &'static str,
    ) -> Result<Option<Answer>, BackupError> {
        match self.answer(method, path, &[], Body::None, doing).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(BackupError::Refused { code, .. }) if code == "NoSuchKey" || code == "404" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn answer(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Body<'_>,
        doing: &'static str,
    ) -> Result<Result<Answer, BackupError>, BackupError> {
        let mut attempt = 1;
        loop {
            let bytes = if let Body::File { bytes, .. } = body { bytes } else { 0 };
            let most = ANSWER + Duration::from_secs(bytes / SLOWEST);
            let once = tokio::time::timeout(most, self.once(&method, path, query, body, doing)).await;
            let why = match once {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(Failed::Ever(error))) => return Ok(Err(error)),
                Ok(Err(Failed::Now(why))) => why,
                Err(_) => "no answer in time".to_owned(),
            };
            if attempt == ATTEMPTS {
                return Err(BackupError::Unreachable { place: self.place().to_owned(), doing, why });
            }
            tokio::time::sleep(Duration::from_millis(200) * 4_u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        pairs: &[(&str, &str)],
        body: Body<'_>,
        doing: &'static str,
    ) -> Result<Answer, Failed> {
        let request = self.request(method, path, pairs, body).await.map_err(Failed::Ever)?;
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(self.address())).await;
        let stream = stream.map_err(|_| Failed::Now("no answer".to_owned()))?.map_err(now)?;
        let response = match self.endpoint.scheme {
            Scheme::Http => exchange(stream, request).await?,
            Scheme::Https => exchange(self.encrypted(stream).await?, request).await?,
        };
        let status = response.status();
        if status.is_success() {
            return Ok(Answer { response, place: self.place().to_owned() });
        }
        let text =
            response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let first = |name: &str| xml::values(&text, name).into_iter().next();
        let code = first("Code").unwrap_or_else(|| status.as_u16().to_string());
        let message =
            first("Message").unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned());
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failed::Now(format!("{code} ({message})")));
        }
        Err(Failed::Ever(self.refused(doing, &code, &message)))
    }

    async fn request(
        &self,
        method: &Method,
        path: &str,
        pairs: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Request<Sent>, BackupError> {
        let path = encode(path, "/");
        let at = (self.clock)();
        let (hash, length) = match body {
            Body::None => (sha256(b""), 0),
            Body::Text(text) => (sha256(text), text.len() as u64),
            Body::File { bytes, sha256, .. } => (sha256.to_owned(), bytes),
        };
        let date = time(at);
        let headers = [
            ("host", self.endpoint.authority.as_str()),
            ("x-amz-content-sha256", hash.as_str()),
            ("x-amz-date", date.as_str()),
        ];
        let signed = Signed {
            method: method.as_str(),
            path: &path,
            query: pairs,
            headers: &headers,
            body_sha256: &hash,
        };
        let authorization = authorization(&signed, &self.credentials, &self.endpoint.region, at);
        let target = if pairs.is_empty() { path } else { format!("{path}?{}", query(pairs)) };
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request = request.header("authorization", authorization).header("content-length", length);
        let body = match body {
            Body::None => Full::default().map_err(|never| match never {}).boxed_unsync(),
            Body::Text(text) => {
                Full::new(Bytes::copy_from_slice(text)).map_err(|never| match never {}).boxed_unsync()
            }
            Body::File { path, .. } => of_file(path).await?,
        };
        request.body(body).map_err(|error| BackupError::Place(error.to_string()))
    }

    /// Host and port.
    fn address(&self) -> String {
        let authority = &self.endpoint.authority;
        let port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let usual = if self.endpoint.scheme == Scheme::Https { 443 } else { 80 };
        if port { authority.clone() } else { format!("{authority}:{usual}") }
    }

    async fn encrypted(
        &self,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failed> {
        let place = |error: String| Failed::Ever(BackupError::Place(error));
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| place(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = self.address();
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| place(error.to_string()))?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(now)
    }
}

impl Answer {
    /// All of it. Only for what is small.
    pub(super) async fn bytes(self) -> Result<Vec<u8>, BackupError> {
        let place = self.place;
        let collected = self.response.into_body().collect().await;
        let body = collected.map_err(|error| cut(&place, &error))?;
        Ok(body.to_bytes().to_vec())
    }

    /// The same as text.
    pub(super) async fn text(self) -> Result<String, BackupError> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// Into a file.
    pub(super) async fn save(self, to: &Path) -> Result<(), BackupError> {
        let saving = "writing what was fetched";
        let mut file = tokio::fs::File::create(to).await.map_err(crate::error::written(saving, to))?;
        let mut body = self.response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| cut(&self.place, &error))?;
            if let Some(data) = frame.data_ref() {
                file.write_all(data).await.map_err(crate::error::written(saving, to))?;
            }
        }
        file.flush().await.map_err(crate::error::written(saving, to))
    }
}

fn cut(place: &str, error: &hyper::Error) -> BackupError {
    BackupError::Unreachable { place: place.to_owned(), doing: "reading its answer", why: error.to_string() }
}

fn now(error: impl std::fmt::Display) -> Failed {
    Failed::Now(error.to_string())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Sent>,
) -> Result<Response<Incoming>, Failed> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(now)?;
    // Ends when its answer is read, or nobody wants that any more.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(now)
}

async fn of_file(path: &Path) -> Result<Sent, BackupError> {
    let opened = tokio::fs::File::open(path).await.map_err(file("reading the backup"))?;
    let frames = futures_util::stream::try_unfold(opened, |mut from| async move {
        let mut step = vec![0; STEP];
        let count = from.read(&mut step).await?;
        step.truncate(count);
        Ok::<_, std::io::Error>((count > 0).then(|| (Frame::data(Bytes::from(step)), from)))
    });
    Ok(StreamBody::new(frames.into_stream()).boxed_unsync())
}
