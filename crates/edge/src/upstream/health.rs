//! Passive health: an instance that refused or died is left out at once, and probed until it answers again.
//!
//! The workers tell; one task on the control thread probes. The pause between two probes grows from 100 ms to 2 s.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::release::Instance;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// An instance that was left out, and how it is probed.
#[derive(Debug)]
pub(crate) struct LeftOut {
    instance: Weak<Instance>,
    health_path: Option<String>,
}

/// How a worker tells of an instance that failed.
#[derive(Debug, Clone)]
pub(crate) struct Doctor(mpsc::UnboundedSender<LeftOut>);

/// Makes the two ends.
pub(crate) fn doctor() -> (Doctor, mpsc::UnboundedReceiver<LeftOut>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Doctor(sender), receiver)
}

impl Doctor {
    /// Leaves an instance out until a probe succeeds.
    pub(crate) fn leave_out(&self, instance: &Arc<Instance>, health_path: Option<&String>) {
        if instance.leave_out() {
            let left_out = LeftOut { instance: Arc::downgrade(instance), health_path: health_path.cloned() };
            // Without a prober the process is ending.
            let _ = self.0.send(left_out);
        }
    }
}

/// Probes what it is told of until the workers are gone.
pub(crate) async fn probe_all(mut told: mpsc::UnboundedReceiver<LeftOut>) {
    while let Some(left_out) = told.recv().await {
        tokio::task::spawn_local(probe_until_well(left_out));
    }
}

async fn probe_until_well(left_out: LeftOut) {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        // Replaced in the meantime: nobody asks any more.
        let Some(instance) = left_out.instance.upgrade() else { return };
        let probe = probe(&instance, left_out.health_path.as_deref());
        if timeout(PROBE_TIMEOUT, probe).await.is_ok_and(|answer| answer.is_ok()) {
            instance.let_in();
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error("connecting")]
    Connect(#[from] std::io::Error),
    #[error("asking")]
    Http(#[from] hyper::Error),
    #[error("the request")]
    Request(#[from] http::Error),
    #[error("status {0}")]
    Status(http::StatusCode),
}

async fn probe(instance: &Instance, health_path: Option<&str>) -> Result<(), ProbeError> {
    let stream = TcpStream::connect(instance.address).await?;
    let Some(path) = health_path else { return Ok(()) };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let host = HeaderValue::from_str(&instance.address.to_string()).map_err(http::Error::from)?;
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, "bascule-edge")
        .body(Empty::<Bytes>::new())?;
    // It ends with the sender at the latest.
    tokio::task::spawn_local(connection);
    let status = sender.send_request(request).await?.status();
    if status.is_success() { Ok(()) } else { Err(ProbeError::Status(status)) }
}
