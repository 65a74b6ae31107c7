//! The front ends' way to the control plane: one connection to its unix socket for every call.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bascule_model::problem::{Code, Problem};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::api::{ExecRequest, Hello, INTERFACE};
use crate::exec::PROTOCOL;

/// The name of the socket in the state folder.
pub const SOCKET: &str = "bascule.sock";

/// Talks to the control plane of one state folder.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// For the control plane of that state folder; whether it is there shows with the first call.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { socket: state.join(SOCKET) }
    }

    /// For a socket that stands elsewhere.
    #[must_use]
    pub fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Whether a control plane of this interface answers; none when nobody does.
    pub async fn hello(&self) -> Option<Hello> {
        let hello: Hello =
            tokio::time::timeout(Duration::from_secs(2), self.get("/v1/hello")).await.ok()?.ok()?;
        (hello.interface == INTERFACE).then_some(hello)
    }

    /// GETs one object.
    ///
    /// # Errors
    /// The control plane's [`Problem`], or `CONTROL_PLANE_UNAVAILABLE`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        let body = self.send(Method::GET, path, Bytes::new()).await?;
        whole(body).await
    }

    /// POSTs one object and gets one back.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| broken(&error))?;
        let body = self.send(Method::POST, path, body.into()).await?;
        whole(body).await
    }

    /// GETs a stream of objects, one a line.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn lines(&self, path: &str) -> Result<Lines, Problem> {
        let body = self.send(Method::GET, path, Bytes::new()).await?;
        Ok(Lines { body, rest: Vec::new() })
    }

    /// Runs a command of the live release: the connection then carries the frames of [`crate::exec::frames`]. Closing it ends
    /// the command.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn exec(&self, request: &ExecRequest) -> Result<TokioIo<Upgraded>, Problem> {
        let body = serde_json::to_vec(request).map_err(|error| broken(&error))?;
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| broken(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        tokio::spawn(connection.with_upgrades());
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/exec")
            .header(http::header::HOST, "bascule")
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::CONNECTION, "upgrade")
            .header(http::header::UPGRADE, PROTOCOL)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| broken(&error))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status();
            return Err(refusal(status, response.into_body()).await);
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| broken(&error))?;
        Ok(TokioIo::new(upgraded))
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Incoming, Problem> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| broken(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, "bascule")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| broken(&error))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = response.into_body();
        if status.is_success() {
            return Ok(body);
        }
        Err(refusal(status, body).await)
    }
}

/// A stream of JSON lines.
pub struct Lines {
    body: Incoming,
    rest: Vec<u8>,
}

impl Lines {
    /// The next object; none at the end.
    ///
    /// # Errors
    /// `CONTROL_PLANE_UNAVAILABLE` when the connection broke.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Problem> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&line).map(Some).map_err(|error| broken(&error));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(broken(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

async fn whole<T: DeserializeOwned>(body: Incoming) -> Result<T, Problem> {
    let bytes = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
    serde_json::from_slice(&bytes).map_err(|error| broken(&error))
}

async fn refusal(status: StatusCode, body: Incoming) -> Problem {
    match whole(body).await {
        Ok(problem) => problem,
        Err(_) => broken(&format!("it answered {status}")),
    }
}

fn broken(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Code::ControlPlaneUnavailable,
        format!("the control plane does not answer as it should: {error}"),
        "try again; `bascule serve` in a terminal shows why it does not start",
    )
}
