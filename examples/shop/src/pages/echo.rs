//! Any method on `/echo`: what arrived here, for whoever wants to see what a proxy made of a request.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

const BODY_LIMIT: usize = 64 * 1024;

#[derive(Serialize)]
struct Echo {
    method: String,
    target: String,
    http: String,
    /// Each header's values in the order they came.
    headers: BTreeMap<String, Vec<String>>,
    body: String,
}

pub(crate) async fn show(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let text = "reading the body to echo: it broke off, or is longer than 64 KiB\n";
        return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
    };
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.to_string()).or_default().push(value);
    }
    Json(Echo {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        http: format!("{:?}", head.version),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
    .into_response()
}
