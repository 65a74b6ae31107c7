//! `POST /v1/exec`: a command of the live release, over an upgraded connection. It lives as long as the client does.

pub mod frames;
mod session;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bascule_engine::console::Errand;
use bascule_model::problem::{Code, Problem};
use hyper_util::rt::TokioIo;

use crate::api::ExecRequest;
use crate::control::Control;
use crate::routes::Refusal;

/// The protocol of the upgraded connection.
pub const PROTOCOL: &str = "bascule-exec";
/// More than any command line that the kernel takes, bytes.
const LARGEST_REQUEST: usize = 4 << 20;

/// The route.
pub(crate) async fn exec(
    State(control): State<Arc<Control>>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let upgrade = hyper::upgrade::on(&mut request);
    let body = axum::body::to_bytes(request.into_body(), LARGEST_REQUEST).await;
    let asked: ExecRequest = body
        .map_err(|error| error.to_string())
        .and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string()))
        .map_err(|error| {
            Problem::new(Code::Usage, format!("reading the request: {error}"), "use `bascule exec`")
        })?;
    let errand = Errand {
        key: asked.key,
        service: asked.service,
        command: asked.command,
        terminal: asked.terminal.map(|(rows, columns)| bascule_engine::exec::TerminalSize { rows, columns }),
        actor: asked.actor,
    };
    let (release, session) = control.engine.exec(&errand).await?;
    let said = format!("a command of {} in {release} ({})", errand.actor, errand.service);
    crate::log::line(&control.engine, &format!("{said} begins"));
    tokio::spawn(async move {
        let end = match upgrade.await {
            Ok(connection) => session::run(session, TokioIo::new(connection)).await,
            Err(error) => format!("was never attended: {error}"),
        };
        crate::log::line(&control.engine, &format!("{said} {end}"));
    });
    let upgraded = [(header::CONNECTION, "upgrade"), (header::UPGRADE, PROTOCOL)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, upgraded, Body::empty()).into_response())
}
