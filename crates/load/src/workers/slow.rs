//! Requests whose answers take seconds: they are in flight at every switch.

use std::time::Duration;

use http::uri::PathAndQuery;

use super::Worker;
use crate::Kind;
use crate::answer::{Ended, exchange};
use crate::client::Call;

pub(super) async fn run(mut worker: Worker, takes: Duration) {
    let Ok(path) = format!("/slow?ms={}", takes.as_millis()).parse::<PathAndQuery>() else { return };
    let call = Call { takes, ..Call::get(path) };
    let client = worker.client;
    let recorder = &client.target().recorder;
    while !worker.stop.told() {
        recorder.started(Kind::Slow);
        match exchange(&client, Kind::Slow, &call).await {
            Ended::Good(_) => recorder.ok(Kind::Slow),
            Ended::Injected => recorder.injected(Kind::Slow),
            Ended::Failed(cause, detail) => {
                recorder.failed(Kind::Slow, cause, detail);
                worker.stop.breath().await;
            }
        }
    }
}
