//! Long bodies to the server, with a length and in chunks by turns; the server says what it got.

use std::rc::Rc;
use std::time::Duration;

use http::Method;
use http::uri::PathAndQuery;

use super::Worker;
use crate::answer::{Ended, exchange};
use crate::client::Call;
use crate::payload::{Framing, Plan};
use crate::{Cause, Kind, content};

/// What the server must say it got.
pub(super) struct Receipt {
    length: u64,
    text: String,
}

impl Receipt {
    pub(super) fn expected(length: u64) -> Self {
        Self { length, text: format!(r#"{{"bytes":{length},"sha256":"{}"}}"#, content::sha256(length)) }
    }
}

pub(super) async fn run(mut worker: Worker, receipt: Rc<Receipt>, rate: Option<u64>, number: usize) {
    let length = receipt.length;
    // Workers alternate between the protocols; in pairs of them, so that each protocol meets both framings.
    let framing = if (number / 2).is_multiple_of(2) { Framing::Length } else { Framing::Chunks };
    let seconds = rate.filter(|rate| *rate > 0).map_or(0.0, |rate| length as f64 / rate as f64);
    let call = Call {
        method: Method::POST,
        plan: Plan::Long { length, rate, framing },
        takes: Duration::from_secs_f64(seconds),
        ..Call::get(PathAndQuery::from_static("/upload"))
    };
    let client = worker.client;
    let recorder = &client.target().recorder;
    while !worker.stop.told() {
        recorder.started(Kind::Upload);
        let (cause, detail) = match exchange(&client, Kind::Upload, &call).await {
            Ended::Good(body) if body == receipt.text.as_bytes() => {
                recorder.ok(Kind::Upload);
                continue;
            }
            Ended::Good(body) => {
                let text = String::from_utf8_lossy(&body);
                let expected = &receipt.text;
                (Cause::Corrupt, format!("the server got something else: {text} instead of {expected}"))
            }
            Ended::Injected => {
                recorder.injected(Kind::Upload);
                continue;
            }
            Ended::Failed(cause, detail) => (cause, detail),
        };
        client.forget();
        recorder.failed(Kind::Upload, cause, detail);
        worker.stop.breath().await;
    }
}
