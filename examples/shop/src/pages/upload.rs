//! `POST /upload`: reads the body as it comes, keeps none of it, and answers how long it was and its checksum.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;

use crate::checksum::Checksum;

#[derive(Serialize)]
struct Receipt {
    bytes: u64,
    checksum: String,
}

pub(crate) async fn receive(request: Request) -> Response {
    let mut body = request.into_body().into_data_stream();
    let mut checksum = Checksum::default();
    let mut bytes = 0;
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => {
                bytes += piece.len() as u64;
                checksum.update(&piece);
            }
            Err(error) => {
                let text = format!("reading the upload: it broke off after {bytes} bytes: {error}\n");
                return (StatusCode::BAD_REQUEST, text).into_response();
            }
        }
    }
    Json(Receipt { bytes, checksum: checksum.hex() }).into_response()
}
