//! `GET /slow?ms=N`: an answer that takes its time, for what a switch must not cut.

use std::time::Duration;

use axum::extract::Query;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Wish {
    ms: Option<u64>,
}

pub(crate) async fn answer(Query(wish): Query<Wish>) -> String {
    let ms = wish.ms.unwrap_or(2000).min(60_000);
    tokio::time::sleep(Duration::from_millis(ms)).await;
    format!("answered after {ms} ms\n")
}
