//! `GET /version`: who answers, as JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::Identity;
use crate::app::Application;

pub(crate) async fn show(State(application): State<Arc<Application>>) -> Json<Identity> {
    Json(application.identity.clone())
}
