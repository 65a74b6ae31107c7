//! `GET /download?bytes=N`: a long body, streamed piece by piece at the pace the client reads it.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::Query;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::content;

#[derive(Deserialize)]
pub(crate) struct Size {
    bytes: Option<u64>,
}

pub(crate) async fn send(Query(size): Query<Size>) -> Response {
    let total = size.bytes.unwrap_or(20_000_000);
    let mut offset = 0;
    let pieces = std::iter::from_fn(move || {
        let left = total - offset;
        (left > 0).then(|| {
            let piece = content::piece(offset, left);
            offset += piece.len() as u64;
            Ok::<_, Infallible>(piece)
        })
    });
    let headers = [
        (CONTENT_LENGTH, total.to_string()),
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(futures_util::stream::iter(pieces))).into_response()
}
