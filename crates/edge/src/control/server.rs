//! The edge's end of the control socket: takes calls, has them done side by side, sends the answers.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::frames::{DESCRIPTORS_AT_MOST, Frame, FrameReader, send};
use super::process::{ConnectionNumber, Process};
use super::protocol::{Answer, Call, Envelope};
use crate::error::Refusal;

/// How long to wait when the system is out of descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// An answer with the descriptors that go with it.
struct Reply {
    answer: Answer,
    descriptors: Vec<OwnedFd>,
}

impl From<Result<Answer, Refusal>> for Reply {
    fn from(outcome: Result<Answer, Refusal>) -> Self {
        Self { answer: outcome.unwrap_or_else(Answer::Refused), descriptors: Vec::new() }
    }
}

/// Serves the control socket until the task is ended.
pub(crate) async fn serve(process: Rc<Process>, listener: UnixListener) {
    let mut number = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                number += 1;
                tokio::task::spawn_local(serve_connection(Rc::clone(&process), stream, number));
            }
            Err(_) => sleep(EXHAUSTED_PAUSE).await,
        }
    }
}

async fn serve_connection(process: Rc<Process>, stream: UnixStream, number: ConnectionNumber) {
    let stream = Rc::new(stream);
    let (replies, mut to_send) = mpsc::unbounded_channel::<(u64, Reply, Rc<()>)>();
    let writer = tokio::task::spawn_local({
        let stream = Rc::clone(&stream);
        async move {
            while let Some((id, reply, _until_sent)) = to_send.recv().await {
                let Ok(body) = serde_json::to_vec(&Envelope { id, body: &reply.answer }) else { return };
                let descriptors: Vec<_> = reply.descriptors.iter().map(AsFd::as_fd).collect();
                if send(&stream, &body, &descriptors).await.is_err() {
                    return;
                }
            }
        }
    });
    let mut frames = FrameReader::new(stream);
    let mut calls = JoinSet::new();
    loop {
        let next = tokio::select! {
            biased;
            () = process.let_go.cancelled(), if process.successor.get() != Some(number) => break,
            next = frames.next() => next,
            Some(_) = calls.join_next() => continue,
        };
        let Ok(Some(frame)) = next else { break };
        let Some((id, call, descriptors)) = parse(frame) else { break };
        let (process, replies) = (Rc::clone(&process), replies.clone());
        let until_sent = Rc::clone(&process.calls);
        calls.spawn_local(async move {
            let reply = perform(&process, number, call, descriptors).await;
            // The caller may be gone; what was asked is done all the same.
            let _ = replies.send((id, reply, until_sent));
        });
    }
    // A drain goes on without its caller: it asks again when it is back.
    calls.detach_all();
    drop(replies);
    if process.successor.get() == Some(number) && process.leaving.get().is_none() {
        // It went before it took over: this edge stays.
        process.successor.set(None);
    }
    if process.let_go.is_cancelled() {
        // Answers that are ready still go out; then the connection closes, which is what tells the caller.
        let _ = writer.await;
    }
}

fn parse(frame: Frame) -> Option<(u64, Result<Call, Refusal>, VecDeque<OwnedFd>)> {
    match serde_json::from_slice::<Envelope<Call>>(&frame.body) {
        Ok(envelope) => Some((envelope.id, Ok(envelope.body), frame.descriptors)),
        Err(error) => {
            // A newer control plane may know calls that this edge does not; its number still gets an answer.
            let envelope = serde_json::from_slice::<Envelope<serde_json::Value>>(&frame.body).ok()?;
            Some((envelope.id, Err(Refusal::BadCall { why: error.to_string() }), frame.descriptors))
        }
    }
}

async fn perform(
    process: &Rc<Process>,
    number: ConnectionNumber,
    call: Result<Call, Refusal>,
    mut descriptors: VecDeque<OwnedFd>,
) -> Reply {
    let done = |outcome: Result<(), Refusal>| outcome.map(|()| Answer::Done);
    let call = match call {
        Ok(call) => call,
        Err(refusal) => return Err(refusal).into(),
    };
    let outcome = match call {
        Call::Hello => {
            Ok(Answer::Hello { version: process.options.version.clone(), pid: std::process::id() })
        }
        Call::GiveListener { address } => done(match descriptors.pop_front() {
            Some(socket) => process.take_listener(address, socket),
            None => Err(Refusal::BadCall { why: "no socket came with it".to_owned() }),
        }),
        Call::TakeListeners { from } => {
            let listeners = process.listeners.borrow();
            let total = listeners.addresses().len();
            let (addresses, descriptors) = listeners.copies(from, DESCRIPTORS_AT_MOST).into_iter().unzip();
            return Reply { answer: Answer::Listeners { addresses, total }, descriptors };
        }
        Call::CloseListener { address } => done(process.listeners.borrow_mut().close(address)),
        Call::PutSlot { fence, route } => done(process.put_slot(fence, route).await),
        Call::Switch { fence, key, expect, to } => {
            process.switch(fence, key, expect, to).await.map(Answer::Switched)
        }
        Call::RemoveSlot { fence, key, slot } => done(process.remove_slot(fence, key, slot).await),
        Call::RemoveEnvironment { fence, key } => done(process.remove_environment(fence, key).await),
        Call::Drain { fence, key, slot, deadline_ms } => {
            process.drain(fence, key, slot, Duration::from_millis(deadline_ms)).await.map(Answer::Drained)
        }
        Call::SetHealth { key, instance, health } => {
            process.world.borrow().set_health(&key, &instance, health);
            Ok(Answer::Done)
        }
        Call::State => Ok(Answer::State(Box::new(process.state()))),
        Call::Metrics { key } => Ok(Answer::Metrics(process.world.borrow().metrics(&key))),
        Call::Leave { drain_ms } => {
            process.leave(Duration::from_millis(drain_ms));
            Ok(Answer::Done)
        }
        Call::BeginHandOver => done(begin_hand_over(process, number).await),
        Call::Mirror { record } => done(if process.successor.get() == Some(number) {
            process.mirror(record);
            Ok(())
        } else {
            Err(Refusal::BadCall { why: "only the successor may say so".to_owned() })
        }),
        Call::DrainLeft { key, slot, release, deadline_ms } => process
            .drain_left(key, slot, release, Duration::from_millis(deadline_ms))
            .await
            .map(Answer::Drained),
    };
    outcome.into()
}

async fn begin_hand_over(process: &Process, number: ConnectionNumber) -> Result<(), Refusal> {
    // A change that is on its way to the disk is finished first: the successor reads it there.
    let _turn = process.changing.lock().await;
    if process.successor.get().is_some_and(|successor| successor != number) || process.leaving.get().is_some()
    {
        return Err(Refusal::HandingOver);
    }
    process.successor.set(Some(number));
    Ok(())
}
