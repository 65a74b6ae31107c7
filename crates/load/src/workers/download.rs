//! Long bodies from the server, read at a pace and compared byte for byte.

use http::uri::PathAndQuery;
use tokio::time::{Instant, sleep_until};

use super::Worker;
use crate::answer::{Ended, Verdict, next_piece, status_detail, verdict};
use crate::cause::Lost;
use crate::client::{Call, Client};
use crate::{Cause, Kind, content, pace};

pub(super) async fn run(mut worker: Worker, length: u64, rate: Option<u64>) {
    let Ok(path) = format!("/download?bytes={length}").parse::<PathAndQuery>() else { return };
    let call = Call::get(path);
    let client = worker.client;
    let recorder = &client.target().recorder;
    while !worker.stop.told() {
        recorder.started(Kind::Download);
        match download(&client, &call, length, rate).await {
            Ended::Good(_) => recorder.ok(Kind::Download),
            Ended::Injected => recorder.injected(Kind::Download),
            Ended::Failed(cause, detail) => {
                // What is left of the body would be taken for the next answer.
                client.forget();
                recorder.failed(Kind::Download, cause, detail);
                worker.stop.breath().await;
            }
        }
    }
}

async fn download(client: &Client, call: &Call, length: u64, rate: Option<u64>) -> Ended {
    let response = match client.send(Kind::Download, call).await {
        Ok(response) => response,
        Err(Lost { cause, detail, .. }) => return Ended::Failed(cause, detail),
    };
    let verdict = verdict(&response);
    let status = response.status();
    let mut body = response.into_body();
    let patience = client.target().patience;
    match verdict {
        Verdict::Good => {}
        Verdict::Bad(cause) => {
            let text = next_piece(&mut body, patience).await.ok().flatten().unwrap_or_default();
            return Ended::Failed(cause, status_detail(status, &text));
        }
        Verdict::Injected => {
            while let Ok(Some(_)) = next_piece(&mut body, patience).await {}
            return Ended::Injected;
        }
    }
    let start = Instant::now();
    let mut offset = 0;
    loop {
        match next_piece(&mut body, patience).await {
            Ok(Some(piece)) if content::matches(offset, &piece) => offset += piece.len() as u64,
            Ok(Some(_)) => {
                return Ended::Failed(
                    Cause::Corrupt,
                    format!("the body is not the content after {offset} bytes"),
                );
            }
            Ok(None) if offset == length => return Ended::Good(Vec::new()),
            Ok(None) => {
                let detail = format!("the body ended after {offset} of {length} bytes");
                let cause = if offset < length { Cause::Truncated } else { Cause::Corrupt };
                return Ended::Failed(cause, detail);
            }
            Err(broken) => return broken.failed(offset),
        }
        if let Some(due) = pace::body_due(start, offset, rate) {
            sleep_until(due).await;
        }
    }
}
