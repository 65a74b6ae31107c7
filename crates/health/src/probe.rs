//! One question of a health check.

use std::net::SocketAddr;

use bascule_model::evidence::{ProbeResult, Status};
use bascule_model::release::{Health, Probe};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::excerpt::excerpt;
use crate::request::{Answer, Failure, Question, Seconds, io_words};

/// The longest body of a health answer that is read, in bytes.
const BODY: usize = 64 * 1024;

/// Asks one instance once how it is. Takes no longer than the health check's timeout, and never fails: what could not be asked is a
/// failing probe. A service that is judged by its uptime has nothing to ask: no data.
pub async fn probe(address: SocketAddr, health: &Health) -> ProbeResult {
    let began = Instant::now();
    let (status, detail) = match &health.probe {
        Probe::Uptime => {
            (Status::NoData, "nothing to ask: it counts as well when it keeps running".to_owned())
        }
        Probe::Connect => connect(address, health).await,
        Probe::Http { path } => http(address, path, health).await,
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    ProbeResult { status, detail, took_ms }
}

async fn connect(address: SocketAddr, health: &Health) -> (Status, String) {
    match timeout(health.timeout, TcpStream::connect(address)).await {
        Ok(Ok(_)) => (Status::Pass, "connected".to_owned()),
        Ok(Err(error)) => (Status::Fail, io_words(&error)),
        Err(_) => (Status::Fail, Failure::TimedOut(Seconds(health.timeout)).to_string()),
    }
}

async fn http(address: SocketAddr, path: &str, health: &Health) -> (Status, String) {
    let question = Question {
        address,
        host: None,
        method: "GET",
        path,
        headers: &[],
        body: None,
        timeout: health.timeout,
        limit: BODY,
    };
    match question.ask().await {
        Ok(answer) if answer.status.is_success() => (Status::Pass, answer.status.to_string()),
        Ok(answer) => (Status::Fail, in_words(&answer)),
        Err(failure) => (Status::Fail, failure.to_string()),
    }
}

/// `503 Service Unavailable: "database: down"`.
fn in_words(answer: &Answer) -> String {
    let status = answer.status;
    let said = excerpt(&String::from_utf8_lossy(&answer.body));
    if status.is_redirection() {
        format!("{status} (redirects are not followed)")
    } else if said.is_empty() {
        status.to_string()
    } else {
        format!("{status}: \"{said}\"")
    }
}
