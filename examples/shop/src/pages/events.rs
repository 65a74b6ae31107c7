//! `GET /events`: server-sent events. A stream that comes to its end says so (`end` after `count` ticks, `bye` when the
//! shop stops), so that a client can tell an end from a cut.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::Application;

#[derive(Deserialize)]
pub(crate) struct Wish {
    count: Option<u64>,
    interval_ms: Option<u64>,
}

enum Next {
    Tick(u64),
    Over,
}

pub(crate) async fn stream(
    State(application): State<Arc<Application>>,
    Query(wish): Query<Wish>,
) -> Response {
    let mut ticks = interval(Duration::from_millis(wish.interval_ms.unwrap_or(200).clamp(1, 60_000)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let count = wish.count.unwrap_or(u64::MAX);
    let version = serde_json::Value::from(application.identity.version.clone());
    let stopping = application.stopping.clone();

    let events = stream::unfold((Next::Tick(0), ticks), move |(next, mut ticks)| {
        let version = version.clone();
        let mut stopping = stopping.clone();
        async move {
            let Next::Tick(number) = next else { return None };
            let (text, next) = if number == count {
                ("event: end\ndata: {}\n\n".to_owned(), Next::Over)
            } else {
                tokio::select! {
                    biased;
                    () = stopping.wait() => ("event: bye\ndata: {}\n\n".to_owned(), Next::Over),
                    _ = ticks.tick() => {
                        let data = format!(r#"{{"n":{number},"version":{version}}}"#);
                        (format!("id: {number}\nevent: tick\ndata: {data}\n\n"), Next::Tick(number + 1))
                    }
                }
            };
            Some((Ok::<_, Infallible>(text), (next, ticks)))
        }
    });
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], Body::from_stream(events))
        .into_response()
}
