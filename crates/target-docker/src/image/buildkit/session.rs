//! The session of a build: the engine calls back over the connection that it was given, and we answer.
//!
//! It asks for files, for the values of secrets and for credentials of registries. A secret that the build did not name is not
//! told, whatever is asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bollard::errors::Error;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioExecutor;
use tokio_util::task::AbortOnDropHandle;

use super::file_sync;
use super::grpc::{self, Messages, Status};
use super::protobuf::{field, put_bytes, put_number};
use crate::connection::Connection;
use crate::image::credentials::{Keychain, Login};
use crate::image::error::ImageError;
use crate::image::recipe::Recipe;
use crate::image::wire::{self, Body};

const FILES: &str = "/moby.filesync.v1.FileSync/DiffCopy";
const CREDENTIALS: &str = "/moby.filesync.v1.Auth/Credentials";
const SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// What the engine may ask for.
pub(super) struct Offer {
    pub(super) recipe: Arc<Recipe>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) keychain: Keychain,
}

/// An open session. It ends when this is dropped.
pub(super) struct Session {
    pub(super) id: String,
    _server: AbortOnDropHandle<()>,
}

/// Opens a session; none where the engine has no BuildKit. `key` names the files: equal keys, equal files.
pub(super) async fn open(
    connection: &Connection,
    key: &str,
    offer: Offer,
) -> Result<Option<Session>, ImageError> {
    let id = random_id()?;
    let mut request = wire::request(connection, Method::POST, "/session", &[])
        .await?
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", &id)
        .header("X-Docker-Expose-Session-Name", "bascule")
        .header("X-Docker-Expose-Session-Sharedkey", key);
    for method in [FILES, CREDENTIALS, SECRET, HEALTH] {
        request = request.header("X-Docker-Expose-Session-Grpc-Method", method);
    }
    let doing = "open a session for the build";
    let mut answer = wire::send(connection, doing, request, wire::nothing()).await?;
    if answer.response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return match answer.response.status() {
            StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED | StatusCode::BAD_REQUEST => Ok(None),
            _ => answer.accepted().await.map(|_| None).map_err(Into::into),
        };
    }
    let upgraded = hyper::upgrade::on(&mut answer.response)
        .await
        .map_err(|err| connection.error(doing, Error::HyperResponseError { err }))?;
    let offer = Arc::new(offer);
    let server = tokio::spawn(async move {
        // The connection lives as long as what serves it.
        let _answer = answer;
        let service = service_fn(move |request| {
            let offer = Arc::clone(&offer);
            async move { Ok::<_, Infallible>(offer.serve(request).await) }
        });
        let connection = http2::Builder::new(TokioExecutor::new());
        // It ends with the build.
        let _ = connection.serve_connection(upgraded, service).await;
    });
    Ok(Some(Session { id, _server: AbortOnDropHandle::new(server) }))
}

impl Offer {
    async fn serve(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        match head.uri.path() {
            FILES => file_sync::diff_copy(&self.recipe, &head.headers, body),
            HEALTH => {
                let mut serving = Vec::new();
                put_number(&mut serving, 1, 1);
                grpc::answer(&serving)
            }
            SECRET => match first_message(body).await {
                Some(message) => self.secret(&text(&message, 1)),
                None => grpc::refusal(Status::Internal, "no message"),
            },
            CREDENTIALS => match first_message(body).await {
                Some(message) => self.credentials(&text(&message, 1)).await,
                None => grpc::refusal(Status::Internal, "no message"),
            },
            _ => grpc::refusal(Status::Unimplemented, "not offered"),
        }
    }

    fn secret(&self, name: &str) -> Response<Body> {
        let named = self.recipe.build.secrets.iter().any(|known| known == name);
        match self.secrets.get(name).filter(|_| named) {
            Some(value) => {
                let mut message = Vec::new();
                put_bytes(&mut message, 1, value.as_bytes());
                grpc::answer(&message)
            }
            None => grpc::refusal(Status::NotFound, "`secrets` of [build] names no such secret"),
        }
    }

    async fn credentials(&self, host: &str) -> Response<Body> {
        let mut message = Vec::new();
        match self.keychain.login(host).await {
            Ok(Some(Login::Password { username, password })) => {
                put_bytes(&mut message, 1, username.as_bytes());
                put_bytes(&mut message, 2, password.as_bytes());
            }
            Ok(Some(Login::Token(token))) => put_bytes(&mut message, 2, token.as_bytes()),
            Ok(None) => {}
            Err(error) => return grpc::refusal(Status::Internal, &error.to_string()),
        }
        grpc::answer(&message)
    }
}

async fn first_message(body: Incoming) -> Option<Bytes> {
    Messages::of(body).next().await.ok().flatten()
}

fn text(message: &[u8], number: u64) -> String {
    field(message, number).map(super::protobuf::Value::text).unwrap_or_default()
}

fn random_id() -> Result<String, ImageError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| ImageError::Random)?;
    Ok(bascule_model::plan::hex(&bytes))
}
