//! A pipeline's run as a stream of lines: what happened, what jobs write, at last how it ended.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bascule_model::problem::Problem;
use bascule_pipeline::event::Event;
use bascule_pipeline::folder::RunFolder;
use bascule_pipeline::plan::Plan;
use bascule_pipeline::state::State;
use bascule_pipeline::{Recorded, read_log};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::api::PipelineLine;
use crate::control::Control;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The most bytes of a log in one line of the stream.
const PIECE: u64 = 64 << 10;

/// Where a log has been read up to: stage, job and attempt, and bytes.
type Read = BTreeMap<(String, String, u32), u64>;

/// The stream of a run's lines after an event.
pub(super) fn stream_of(control: Arc<Control>, folder: RunFolder, plan: Plan, after: u64) -> Body {
    let (sender, receiver) = mpsc::channel::<Bytes>(64);
    tokio::spawn(async move {
        // An error ends the stream without an outcome: whoever follows asks again.
        let _ = follow(&control, &folder, &plan, after, &sender).await;
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async move {
        let line = receiver.recv().await?;
        Some((Ok::<Bytes, Infallible>(line), receiver))
    }))
}

async fn follow(
    control: &Control,
    folder: &RunFolder,
    plan: &Plan,
    after: u64,
    sender: &mpsc::Sender<Bytes>,
) -> Result<(), Problem> {
    let mut seen = 0;
    let mut state = State::default();
    let mut running = Read::new();
    let mut told = None;
    loop {
        let events: Vec<Recorded> =
            read_log(&folder.events()).map_err(Problem::from)?.into_iter().skip(seen).collect();
        for recorded in events {
            seen += 1;
            state.on(recorded.at, &recorded.event);
            let is_new = recorded.sequence > after;
            match &recorded.event {
                Event::JobBegan { stage, job, attempt, .. } => {
                    running.insert((stage.clone(), job.clone(), *attempt), 0);
                }
                Event::AttemptEnded { stage, job, .. } | Event::JobDone { stage, job, .. } => {
                    let mut ended: Read =
                        running.extract_if(.., |(s, j, _), _| s == stage && j == job).collect();
                    if is_new {
                        logs(folder, &mut ended, true, sender).await?;
                    }
                    // Its `finally` may still have something to say.
                    if matches!(recorded.event, Event::AttemptEnded { .. }) {
                        running.append(&mut ended);
                    }
                }
                _ => {}
            }
            if is_new {
                send(sender, &PipelineLine::Event(recorded)).await?;
            }
        }
        logs(folder, &mut running, false, sender).await?;
        if let Some((_, passed)) = state.finished {
            return send(sender, &outcome(plan, &state, passed)).await;
        }
        if sender.is_closed() {
            return Ok(());
        }
        let trouble = control.pipelines.trouble(folder);
        if let Some(error) = trouble.clone().filter(|_| trouble != told) {
            send(sender, &PipelineLine::Trouble { error }).await?;
            told = trouble;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How a run ended.
pub(super) fn outcome(plan: &Plan, state: &State, passed: bool) -> PipelineLine {
    let outcome = match (passed, &state.abort) {
        (true, _) => "passed",
        (false, Some(_)) => "aborted",
        (false, None) => "failed",
    };
    PipelineLine::Outcome {
        outcome: outcome.to_owned(),
        run: plan.run.clone(),
        app: plan.app.clone(),
        commit: plan.commit.clone(),
        dirty: plan.dirty,
        artifact: state.artifact.clone(),
        error: if passed { None } else { state.failure.clone() },
    }
}

/// What was written to the logs since. A last line without its end is told when there is no more to come.
async fn logs(
    folder: &RunFolder,
    running: &mut Read,
    to_the_end: bool,
    sender: &mpsc::Sender<Bytes>,
) -> Result<(), Problem> {
    for ((stage, job, attempt), at) in running {
        loop {
            let path = folder.job_log(stage, job, *attempt);
            let mut piece = Vec::new();
            let read = File::open(&path).and_then(|mut file| {
                file.seek(SeekFrom::Start(*at))?;
                file.take(PIECE).read_to_end(&mut piece)
            });
            let is_full = read.is_ok_and(|read| read as u64 == PIECE);
            let whole = piece.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let length = if to_the_end && !is_full || whole == 0 && is_full { piece.len() } else { whole };
            if length == 0 {
                break;
            }
            *at += length as u64;
            let text = String::from_utf8_lossy(&piece[..length]).into_owned();
            let lines = text.lines().map(str::to_owned).collect();
            let (stage, job) = (stage.clone(), job.clone());
            send(sender, &PipelineLine::Log { stage, job, attempt: *attempt, at: *at, lines }).await?;
        }
    }
    Ok(())
}

async fn send(sender: &mpsc::Sender<Bytes>, line: &PipelineLine) -> Result<(), Problem> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    // Whoever has gone is seen at the next look.
    let _ = sender.send(bytes.into()).await;
    Ok(())
}
