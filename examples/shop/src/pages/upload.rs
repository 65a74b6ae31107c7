//! `POST /upload`: reads the body as it comes, keeps none of it, and answers how long it was and its SHA-256.

use std::fmt::Write;

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;
use sha2::{Digest, Sha256};

#[derive(Serialize)]
struct Receipt {
    bytes: u64,
    sha256: String,
}

pub(crate) async fn receive(request: Request) -> Response {
    let mut body = request.into_body().into_data_stream();
    let mut digest = Sha256::new();
    let mut bytes = 0;
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => {
                bytes += piece.len() as u64;
                digest.update(&piece);
            }
            Err(error) => {
                let text = format!("reading the upload: it broke off after {bytes} bytes: {error}\n");
                return (StatusCode::BAD_REQUEST, text).into_response();
            }
        }
    }
    let sha256 = digest.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Json(Receipt { bytes, sha256 }).into_response()
}
