//! `GET /health`: whether this instance can serve, and why not. 200 or 503, never touched by faults of other answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::app::Application;

#[derive(Serialize)]
pub(crate) struct Report {
    status: &'static str,
    version: String,
    checks: BTreeMap<&'static str, String>,
}

pub(crate) async fn report(State(application): State<Arc<Application>>) -> (StatusCode, Json<Report>) {
    let stock = application.faults.never_healthy.stock();
    let status = if stock.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if stock.is_ok() { "ok" } else { "failing" };
    let stock = stock.map_or_else(|why| format!("failing: {why}"), |()| "ok".to_owned());
    let orders = format!("ok: {} in the book", application.orders.len());
    let checks = BTreeMap::from([("orders", orders), ("stock", stock)]);
    (status, Json(Report { status: word, version: application.identity.version.clone(), checks }))
}
