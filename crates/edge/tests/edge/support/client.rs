//! HTTP clients: one that says exactly what it is told, and one per protocol that does not retry.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;
use super::instance::{Body, full};

/// Sends bytes and reads until the other side closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_to_end(&mut stream).await
}

pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until a text was there.
pub async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut answer = String::new();
    let reading = async {
        while !answer.contains(text) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.unwrap();
            assert_ne!(count, 0, "ended before {text:?}: {answer}");
            answer.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    timeout(Duration::from_secs(20), reading).await.unwrap_or_else(|_| panic!("no {text:?}"));
    answer
}

/// A response with its whole body.
pub type Whole = Response<Bytes>;

pub async fn whole(response: Response<Incoming>) -> Result<Whole, hyper::Error> {
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}

/// One GET on a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Whole {
    let request = Request::get(path).header("host", "localhost").body(full("")).unwrap();
    let mut client = Http1::connect(address).await.unwrap();
    client.send(request).await.unwrap()
}

pub fn text(response: &Whole) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

/// A keep-alive connection.
pub struct Http1(http1::SendRequest<Body>);

impl Http1 {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(Self(sender))
    }

    /// Whether another request may go over this connection.
    pub async fn is_open(&mut self) -> bool {
        self.0.ready().await.is_ok()
    }

    pub async fn open(&mut self, request: Request<Body>) -> Result<Response<Incoming>, hyper::Error> {
        self.0.ready().await?;
        self.0.send_request(request).await
    }

    pub async fn send(&mut self, request: Request<Body>) -> Result<Whole, hyper::Error> {
        whole(self.open(request).await?).await
    }

    pub async fn get(&mut self, path: &str) -> Result<Whole, hyper::Error> {
        self.send(Request::get(path).header("host", "localhost").body(full("")).unwrap()).await
    }
}

/// An HTTP/2 connection with prior knowledge.
#[derive(Clone)]
pub struct Http2(http2::SendRequest<Body>);

impl Http2 {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub async fn open(&mut self, request: Request<Body>) -> Result<Response<Incoming>, hyper::Error> {
        self.0.ready().await?;
        self.0.send_request(request).await
    }

    pub async fn send(&mut self, request: Request<Body>) -> Result<Whole, hyper::Error> {
        whole(self.open(request).await?).await
    }

    /// As [`Self::send`]; `None` when the connection was announced to end before the request was sent (RFC 9113, 6.8).
    pub async fn send_unless_leaving(
        &mut self,
        request: Request<Body>,
    ) -> Option<Result<Whole, hyper::Error>> {
        self.0.ready().await.ok()?;
        match self.0.try_send_request(request).await {
            Ok(response) => Some(whole(response).await),
            Err(mut error) => match error.take_message() {
                Some(_unsent) => None,
                None => Some(Err(error.into_error())),
            },
        }
    }
}
