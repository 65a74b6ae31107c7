//! One `[[verify]]` entry, with its retries.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bascule_model::evidence::{CheckResult, Status};
use bascule_model::release::{Action, Check, Expect};
use tokio::time::{Instant, sleep_until};

use crate::command::Program;
use crate::excerpt::excerpt;
use crate::expectation::unmet;
use crate::mask::{Mask, body_values, pair_values};
use crate::request::{Answer, Question};

/// The longest answer to a check that is read, in bytes.
const BODY: usize = 1024 * 1024;
/// How long a request may take when the check does not say.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a command may take when the check does not say.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// Where a check is run.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where to connect.
    pub address: SocketAddr,
    /// The `Host` header; none: the address.
    pub host: Option<String>,
    /// For commands: all the variables they get; where there is no `PATH` among them, a plain one.
    pub env: BTreeMap<String, String>,
    /// For commands: the folder they run in; none: this process's.
    pub folder: Option<PathBuf>,
}

/// Runs a check until it passes or its retries are used up; they begin at even distances over the check's time, a late one at once.
/// Always answers: what could not be done is a failure with its reason.
pub async fn check(check: &Check, place: &Place) -> CheckResult {
    let began = Instant::now();
    let mut attempts = 0;
    loop {
        let attempt_began = Instant::now();
        let outcome = attempt(check, place).await;
        let took_ms = u64::try_from(attempt_began.elapsed().as_millis()).unwrap_or(u64::MAX);
        attempts += 1;
        let (status, detail) = match outcome {
            Ok(detail) => (Status::Pass, detail),
            Err(_) if attempts <= check.retries => {
                sleep_until(began + check.over.mul_f64(f64::from(attempts) / f64::from(check.retries))).await;
                continue;
            }
            Err(detail) => (Status::Fail, detail),
        };
        return CheckResult { name: check.name.clone(), status, attempts, detail, took_ms };
    }
}

/// What came back, in words; the error says why it is not good.
async fn attempt(check: &Check, place: &Place) -> Result<String, String> {
    let within = |default| check.expect.within_ms.map_or(default, Duration::from_millis);
    match &check.action {
        Action::Request { method, path, headers, body } => {
            let question = Question {
                address: place.address,
                host: place.host.as_deref(),
                method,
                path,
                headers,
                body: body.as_deref(),
                timeout: within(REQUEST_TIME),
                limit: BODY,
            };
            let query = path.split_once('?').map(|(_, query)| pair_values(query)).unwrap_or_default();
            let sent = headers.iter().map(|(_, value)| value.clone());
            let mask = Mask::new(sent.chain(query).chain(body.iter().flat_map(|body| body_values(body))));
            let answer = question.ask().await.map_err(|failure| mask.apply(&failure.to_string()))?;
            judge(&check.expect, &answer, &mask)
        }
        Action::Command { command } => {
            let lookup = |name: &str| place.env.get(name).cloned();
            let program = Program {
                arguments: command.iter().map(|argument| argument.render(lookup)).collect(),
                env: &place.env,
                folder: place.folder.as_deref(),
                timeout: within(COMMAND_TIME),
            };
            program.run(&check.expect).await
        }
    }
}

fn judge(expect: &Expect, answer: &Answer, mask: &Mask) -> Result<String, String> {
    let mut wrong = Vec::new();
    match expect.status {
        Some(status) if answer.status.as_u16() != status => wrong.push(format!("expected {status}")),
        None if !answer.status.is_success() => wrong.push("expected 2xx".to_owned()),
        _ => {}
    }
    wrong.extend(unmet(expect, "the answer", &answer.body, answer.rest));
    if wrong.is_empty() {
        return Ok(answer.status.to_string());
    }
    // Masked before it is cut: no part of a value is left at the edge.
    let said = excerpt(&mask.apply(&String::from_utf8_lossy(&answer.body)));
    let said = if said.is_empty() { String::new() } else { format!(": \"{said}\"") };
    Err(format!("{} ({}){said}", answer.status, mask.apply(&wrong.join("; "))))
}
