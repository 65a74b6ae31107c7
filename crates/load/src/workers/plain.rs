//! Plain requests: one after the other, at once or at a pace.

use std::rc::Rc;

use http::Method;
use http::uri::PathAndQuery;

use super::Worker;
use crate::Kind;
use crate::answer::{Ended, exchange};
use crate::client::Call;
use crate::pace::Pace;
use crate::payload::Plan;

const ORDER: &str = r#"{"item":"counterweight","quantity":1}"#;

/// What is asked in turn: one path, or what a visitor of the shop does, an order among ten requests.
pub(super) fn mix(path: Option<&str>) -> Rc<[Call]> {
    if let Some(path) = path.and_then(|path| path.parse::<PathAndQuery>().ok()) {
        return Rc::new([Call::get(path)]);
    }
    let users = Call::get(PathAndQuery::from_static("/api/users"));
    let page = Call::get(PathAndQuery::from_static("/"));
    let path = PathAndQuery::from_static("/api/orders");
    let order = Call { method: Method::POST, plan: Plan::Text(ORDER), ..Call::get(path) };
    let mut calls = vec![page];
    calls.resize(9, users);
    calls.push(order);
    calls.into()
}

pub(super) async fn run(mut worker: Worker, kind: Kind, calls: Rc<[Call]>, number: usize, mut pace: Pace) {
    let client = worker.client;
    let recorder = &client.target().recorder;
    // Workers begin at different places, so that they do not all order at once.
    for call in calls.iter().cycle().skip(number % calls.len()) {
        let since = tokio::select! {
            biased;
            () = worker.stop.wait() => return,
            since = pace.due() => since,
        };
        recorder.started(kind);
        match exchange(&client, kind, call).await {
            Ended::Good(_) => recorder.plain_ok(kind, since),
            Ended::Injected => recorder.injected(kind),
            Ended::Failed(cause, detail) => {
                recorder.failed(kind, cause, format!("{} {}: {detail}", call.method, call.path));
                worker.stop.breath().await;
            }
        }
    }
}
