//! Builds with BuildKit: files, secrets and credentials go over a session, so that none of them is in the request.

mod file_sync;
mod grpc;
mod progress;
mod protobuf;
mod session;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde::Deserialize;

use super::build::{Failure, Order, Outcome};
use super::error::ImageError;
use super::output::Output;
use super::wire;
use crate::connection::Connection;
use progress::Progress;
use session::Offer;

/// One line of the engine's answer.
#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    aux: Option<serde_json::Value>,
    error: Option<String>,
}

/// Builds; none where the engine has no BuildKit.
pub(super) async fn build(
    connection: &Connection,
    order: &Order<'_>,
    output: &mut Output<'_>,
) -> Result<Option<Outcome>, ImageError> {
    let offer = Offer {
        recipe: Arc::clone(order.recipe),
        secrets: order.secrets.clone(),
        keychain: order.keychain.clone(),
    };
    let Some(session) = session::open(connection, order.fingerprint, offer).await? else { return Ok(None) };
    let mut query = order.query();
    query.push(("version", "2".to_owned()));
    query.push(("remote", "client-session".to_owned()));
    query.push(("session", session.id.clone()));
    query.push(("buildid", session.id.clone()));
    query.push(("dockerfile", order.recipe.dockerfile_entry.path.clone()));
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = wire::request(connection, Method::POST, "/build", &query).await?;
    let answer = wire::send(connection, "build the image", request, wire::nothing()).await?;
    let mut answer = match answer.accepted().await {
        Ok(answer) => answer,
        Err(error) => return Ok(Some(Outcome::Failed(Failure::of_request(error, output)?))),
    };
    let mut progress = Progress::default();
    let mut image = None;
    while let Some(line) = answer.next::<Line>().await? {
        if let Some(error) = line.error {
            let error = output.hide(&error);
            output.line(&format!("ERROR: {error}"))?;
            let (step, error, tail) = match progress.failure(output) {
                // The step's own words are shorter, and name nothing but the step.
                Some((step, words, tail)) => (Some(step), words, tail),
                None => (None, error, Vec::new()),
            };
            return Ok(Some(Outcome::Failed(Failure { step, error, tail })));
        }
        match (line.id.as_deref(), line.aux) {
            (Some("moby.buildkit.trace"), Some(serde_json::Value::String(text))) => {
                if let Ok(message) = STANDARD.decode(text) {
                    progress.take(&message, output)?;
                }
            }
            (Some("moby.image.id"), Some(aux)) => {
                image = aux.get("ID").and_then(|id| id.as_str()).map(str::to_owned);
            }
            _ => {}
        }
    }
    Ok(Some(image.map_or(Outcome::BrokeOff, Outcome::Built)))
}
