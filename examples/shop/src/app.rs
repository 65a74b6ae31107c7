//! The router, what its handlers share, and the layer that every answer goes through: faults first, then the headers
//! that name who answered.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, Version};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use futures_util::StreamExt;
use tokio::sync::watch;

use crate::pages::{download, echo, events, health, home, orders, slow, upload, users, version, websocket};
use crate::stop::Stop;
use crate::{Faults, Identity, Options};

/// What the handlers share.
pub(crate) struct Application {
    pub(crate) identity: Identity,
    pub(crate) faults: Faults,
    pub(crate) orders: orders::Book,
    /// Told when each answer is to be the last one of its connection.
    last_call: Stop,
    /// Waits until the shop is told to stop.
    pub(crate) stopping: Stop,
    /// Each upgraded connection holds a receiver of it; its end is waited for.
    pub(crate) open: watch::Sender<()>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Application {
    pub(crate) fn new(
        options: Options,
        last_call: Stop,
        stopping: Stop,
        open: watch::Sender<()>,
    ) -> Arc<Self> {
        let headers = options.identity.headers();
        let Options { identity, faults, .. } = options;
        let orders = orders::Book::default();
        Arc::new(Self { identity, faults, orders, last_call, stopping, open, headers })
    }
}

pub(crate) fn router(application: Arc<Application>) -> Router {
    Router::new()
        .route("/", get(home::page))
        .route("/health", get(health::report))
        .route("/version", get(version::show))
        .route("/api/users", get(users::list))
        .route("/api/orders", get(orders::list).post(orders::create))
        .route("/slow", get(slow::answer))
        .route("/events", get(events::stream))
        .route("/ws", any(websocket::open))
        .route("/download", get(download::send))
        .route("/upload", post(upload::receive).put(upload::receive))
        .route("/echo", any(echo::show))
        .layer(middleware::from_fn_with_state(Arc::clone(&application), answer))
        .with_state(application)
}

async fn answer(State(application): State<Arc<Application>>, request: Request, next: Next) -> Response {
    // HTTP/2 has its own way to say it, and no such header.
    let has_header = request.version() <= Version::HTTP_11;
    let mut response = match application.faults.intercept(request.uri().path()).await {
        Some(fault) => {
            // Read to its end, or the connection would be reset under a client that is still sending.
            let mut body = request.into_body().into_data_stream();
            while let Some(Ok(_)) = body.next().await {}
            fault
        }
        None => next.run(request).await,
    };
    for (name, value) in &application.headers {
        response.headers_mut().insert(name, value.clone());
    }
    if has_header && application.last_call.is_told() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
