//! Judging an answer: success, an error made on purpose, or a failure; and reading its body to the end.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::cause::Lost;
use crate::client::{Call, Client, broke_off};
use crate::{Cause, Kind};

/// What an answer's head says.
pub(crate) enum Verdict {
    Good,
    /// A fault of the application was asked for this.
    Injected,
    Bad(Cause),
}

pub(crate) fn verdict<B>(response: &Response<B>) -> Verdict {
    let status = response.status();
    if status.is_success() {
        Verdict::Good
    } else if status.is_server_error() {
        if response.headers().contains_key("x-shop-fault") {
            Verdict::Injected
        } else {
            Verdict::Bad(Cause::Status5xx)
        }
    } else {
        Verdict::Bad(Cause::StatusOther)
    }
}

/// How an exchange ended, with its body read.
pub(crate) enum Ended {
    Good(Vec<u8>),
    Injected,
    Failed(Cause, String),
}

/// How much of a body is kept.
const KEPT: usize = 512;

/// Sends a request and reads the answer to its end; bodies are kept up to a few hundred bytes.
pub(crate) async fn exchange(client: &Client, kind: Kind, call: &Call) -> Ended {
    let response = match client.send(kind, call).await {
        Ok(response) => response,
        Err(Lost { cause, detail, .. }) => return Ended::Failed(cause, detail),
    };
    let verdict = verdict(&response);
    let status = response.status();
    let mut body = response.into_body();
    let mut kept = Vec::new();
    let mut length = 0;
    loop {
        match next_piece(&mut body, client.target().patience).await {
            Ok(Some(piece)) => {
                length += piece.len() as u64;
                let room = KEPT.saturating_sub(kept.len()).min(piece.len());
                kept.extend_from_slice(&piece[..room]);
            }
            Ok(None) => break,
            Err(broken) => {
                client.forget();
                return broken.failed(length);
            }
        }
    }
    match verdict {
        Verdict::Good => Ended::Good(kept),
        Verdict::Injected => Ended::Injected,
        Verdict::Bad(cause) => Ended::Failed(cause, status_detail(status, &kept)),
    }
}

/// The status and the beginning of what came with it, in one line.
pub(crate) fn status_detail(status: http::StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let first: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
    format!("{status}: {first}")
}

/// Why the next piece of a body did not come.
pub(crate) enum Broken {
    Off(hyper::Error),
    Stalled,
}

impl Broken {
    pub(crate) fn failed(self, after: u64) -> Ended {
        match self {
            Self::Off(error) => Ended::Failed(Cause::Truncated, broke_off(&error, after)),
            Self::Stalled => {
                Ended::Failed(Cause::Timeout, format!("the body stood still after {after} bytes"))
            }
        }
    }
}

/// The next bytes of a body; `None` at its end. Trailers are passed over.
pub(crate) async fn next_piece(body: &mut Incoming, patience: Duration) -> Result<Option<Bytes>, Broken> {
    loop {
        match timeout(patience, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Ok(Some(Err(error))) => return Err(Broken::Off(error)),
            Ok(None) => return Ok(None),
            Err(_) => return Err(Broken::Stalled),
        }
    }
}
