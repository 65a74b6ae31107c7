//! The cluster as a `tower` service, for a client in the same process.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONTENT_TYPE, USER_AGENT};
use http_body_util::BodyExt as _;

use crate::answer::{Answer, Body};
use crate::handle::handle;
use crate::request::{Query, Request};
use crate::shared::Shared;

/// Answers requests in process: `kube::Client::new(cluster.service(), "namespace")`.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) shared: Shared,
}

impl<B> tower_service::Service<http::Request<B>> for Service
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Display,
{
    type Response = http::Response<Body>;
    /// The connection broke; there is no answer.
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(answer(self.shared.clone(), request))
    }
}

pub(crate) async fn answer<B>(
    shared: Shared,
    request: http::Request<B>,
) -> Result<http::Response<Body>, Error>
where
    B: hyper::body::Body,
    B::Error: std::fmt::Display,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| Error::other(error.to_string()))?;
    let header = |name| {
        let value = head.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let request = Request {
        method: head.method.clone(),
        path: head.uri.path().to_owned(),
        query: Query::parse(head.uri.query().unwrap_or_default()),
        content_type: header(CONTENT_TYPE),
        user_agent: header(USER_AGENT),
        body: body.to_bytes().to_vec(),
    };
    match handle(shared, request).await {
        Answer::Hang => std::future::pending().await,
        other => {
            let broken = || Error::new(ErrorKind::ConnectionReset, "the connection broke");
            other.into_response().ok_or_else(broken)
        }
    }
}
