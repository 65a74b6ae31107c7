//! A run as a stream of lines: first what is in the journal, then what happens, at last how it ended.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bascule_engine::progress::Update;
use bascule_journal::RunRecord;
use bascule_model::ids::{ReleaseId, RunId};
use bascule_model::problem::Problem;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::api::{Line, OutcomeLine};
use crate::control::Control;
use crate::outcome;

/// How often the journal is asked when nothing is heard: an update that was missed is found there.
const LOOK: Duration = Duration::from_millis(500);

/// The stream of a run's lines after a position.
pub fn stream_of(control: Arc<Control>, run: RunId, after: u64) -> Body {
    let (sender, receiver) = mpsc::channel::<Bytes>(64);
    tokio::spawn(async move {
        // An error ends the stream without an outcome: whoever follows asks again.
        let _ = follow(&control, &run, after, &sender).await;
    });
    let lines = stream::unfold(receiver, |mut receiver| async move {
        let line = receiver.recv().await?;
        Some((Ok::<Bytes, Infallible>(line), receiver))
    });
    Body::from_stream(lines)
}

/// Why following ended early.
enum Gone {
    Listener,
    Trouble,
}

impl From<Problem> for Gone {
    fn from(_: Problem) -> Self {
        Self::Trouble
    }
}

async fn follow(
    control: &Control,
    run: &RunId,
    mut after: u64,
    sender: &mpsc::Sender<Bytes>,
) -> Result<(), Gone> {
    // Listened to first, read then: nothing can fall between.
    let mut updates = control.engine.progress().subscribe();
    loop {
        let journal = control.engine.journal();
        for recorded in journal.events(run, after).await.map_err(Problem::from)? {
            after = recorded.sequence;
            send(sender, &Line::Update(Update::Event { run: run.clone(), recorded })).await?;
        }
        let Some(record) = journal.run(run).await.map_err(Problem::from)? else { return Ok(()) };
        if let Some(line) = ended(control, &record).await? {
            return send(sender, &Line::Outcome(line)).await;
        }
        loop {
            match tokio::time::timeout(LOOK, updates.recv()).await {
                Ok(Ok(update @ Update::Note { .. })) if update.run() == run => {
                    send(sender, &Line::Update(update)).await?;
                }
                Ok(Ok(update)) if update.run() != run => {}
                Ok(Err(RecvError::Closed)) => return Ok(()),
                Ok(_) | Err(_) => break,
            }
        }
        if sender.is_closed() {
            return Err(Gone::Listener);
        }
    }
}

/// The outcome of a run, with who is live in truth.
pub(crate) async fn ended(control: &Control, record: &RunRecord) -> Result<Option<OutcomeLine>, Problem> {
    let events = control.engine.journal().events(&record.id, 0).await?;
    if outcome::of(record, &events, None).is_none() {
        // Whatever becomes of it is written elsewhere.
        return Ok(control
            .engine
            .left_elsewhere(record)
            .await?
            .map(|problem| outcome::elsewhere(record, problem)));
    }
    Ok(outcome::of(record, &events, live(control, record).await?))
}

async fn live(control: &Control, record: &RunRecord) -> Result<Option<ReleaseId>, Problem> {
    let key = &record.plan.key;
    if control.edge.now().is_some()
        && let Ok(routing) = control.engine.ports().traffic.routing(key).await
    {
        return Ok(routing.live.map(|(_, release)| release));
    }
    let environment = control.engine.journal().environment(key).await?;
    Ok(environment.and_then(|environment| environment.live).map(|live| live.release))
}

async fn send(sender: &mpsc::Sender<Bytes>, line: &impl Serialize) -> Result<(), Gone> {
    let mut bytes = serde_json::to_vec(line).map_err(|_| Gone::Trouble)?;
    bytes.push(b'\n');
    sender.send(bytes.into()).await.map_err(|_| Gone::Listener)
}
