//! Stops a slot: signal, grace, kill, until no process of any of its instances is left; then forgets it.
//!
//! All instances are asked at the same moment. The grace is for everything an instance made: a shell that ends at once does not
//! cut short the program that it started. A death in the middle leaves a mark, so that nobody starts the instances again.
//!
//! A look at all processes of the machine costs what many instances need to end: it is made when their leaders have ended, or
//! when it is time to show how far the stop is.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{PortError, SlotRef};
use bascule_model::evidence::InstanceState;
use bascule_model::ids::Generation;
use rustix::process::Signal;
use tokio::time::Instant;

use super::adopt::slot_record;
use crate::error::ProcessError;
use crate::shared::{Shared, blocking};
use crate::slot::{Instance, StandingSlot};
use crate::state::durable::{self, Access};
use crate::state::records;
use crate::supervise::leftovers::{KILL_PATIENCE, still_there};
use crate::sys::cgroup;
use crate::sys::members::{self, Member, Wanted};
use crate::sys::process::{self, Handle};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Stops and forgets. What is not there is stopped.
pub(super) async fn stop(shared: &Arc<Shared>, fence: Generation, slot: &SlotRef) -> Result<(), PortError> {
    let place = (slot.key.clone(), slot.release.clone());
    let _turn = shared.turn(&place, fence).await?;
    let Some(standing) = take(shared, slot).await? else { return Ok(()) };
    standing.unsupervised.cancel();
    standing.tasks.close();
    standing.tasks.wait().await;
    end_processes(shared, &standing).await?;
    let (shared, slot) = (Arc::clone(shared), Arc::clone(&standing));
    Ok(blocking("forgetting the slot", move || forget(&shared, &slot)).await?)
}

/// The slot, from memory or from its record, marked as being stopped.
async fn take(shared: &Arc<Shared>, slot: &SlotRef) -> Result<Option<Arc<StandingSlot>>, ProcessError> {
    let (shared, slot) = (Arc::clone(shared), slot.clone());
    blocking("marking the slot", move || {
        let folder = shared.layout.slot(&slot.key, &slot.release)?;
        let Some(record) = slot_record(&folder)?.filter(|record| record.slot == slot.slot) else {
            return Ok(None);
        };
        durable::atomic(&folder.stopping(), b"", Access::Shared)?;
        let standing = match shared.remove(&(slot.key, slot.release)) {
            Some(standing) => standing,
            None => Arc::new(StandingSlot::new(&shared, record.slot, record.release)?),
        };
        Ok(Some(standing))
    })
    .await
}

/// One instance on its way out.
struct Leaving {
    instance: Arc<Instance>,
    wanted: Wanted,
    /// Held until the end: asked only then, so that its session stays its own.
    leader: Option<Handle>,
    stage: Stage,
}

enum Stage {
    Told { kill_at: Instant },
    Killed { since: Instant },
    Gone,
}

async fn end_processes(shared: &Arc<Shared>, slot: &Arc<StandingSlot>) -> Result<(), ProcessError> {
    let mut leaving = first_signal(shared, slot).await?;
    let mut pause = FIRST_PAUSE;
    loop {
        let left = look(&leaving).await?;
        let mut kill = Vec::new();
        for (one, left) in leaving.iter_mut().zip(&left) {
            match one.stage {
                Stage::Gone => {}
                _ if left.is_empty() => {
                    one.leader.take().inspect(|leader| {
                        leader.reap();
                    });
                    one.stage = Stage::Gone;
                    slot.publish(shared, &one.instance, InstanceState::Gone, None);
                }
                Stage::Told { kill_at } if Instant::now() < kill_at => {}
                Stage::Told { .. } => {
                    one.stage = Stage::Killed { since: Instant::now() };
                    kill.extend_from_slice(left);
                }
                Stage::Killed { since } if since.elapsed() > KILL_PATIENCE => {
                    return Err(still_there(one.instance.id.as_str(), left));
                }
                Stage::Killed { .. } => kill.extend_from_slice(left),
            }
        }
        if leaving.iter().all(|one| matches!(one.stage, Stage::Gone)) {
            return Ok(());
        }
        if !kill.is_empty() {
            members::signal(&kill, Signal::KILL);
        }
        let leaders_ended = !leaving.iter().filter_map(|one| one.leader.as_ref()).any(|it| !it.has_ended());
        // Leaders that have ended leave children at most, whose end nobody tells.
        tokio::select! {
            () = tokio::time::sleep(if leaders_ended { pause } else { LONGEST_PAUSE }) => {}
            () = leaders_end(&leaving), if !leaders_ended => {}
        }
        if leaders_ended {
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Waits until no leader is left.
async fn leaders_end(leaving: &[Leaving]) {
    for leader in leaving.iter().filter_map(|one| one.leader.as_ref()) {
        if leader.ended().await.is_err() {
            // It cannot be watched: the next look tells.
            return std::future::pending().await;
        }
    }
}

/// Asks every instance to end: a signal to the process group that was made for it.
async fn first_signal(shared: &Arc<Shared>, slot: &Arc<StandingSlot>) -> Result<Vec<Leaving>, ProcessError> {
    let now = Instant::now();
    let mut leaving = Vec::new();
    for instance in &slot.instances {
        let wanted = instance.wanted(shared)?;
        let leader = instance.process().or_else(|| wanted.leader.and_then(Handle::open));
        if let Some(leader) = leader.as_ref().filter(|leader| !leader.has_ended()) {
            let pid = u32::try_from(leader.identity.pid).unwrap_or_default();
            let started_at = instance.status.borrow().started_at;
            slot.publish(shared, instance, InstanceState::Stopping { pid }, started_at);
        }
        let stage = Stage::Told { kill_at: now + instance.service.stop.grace };
        leaving.push(Leaving { instance: Arc::clone(instance), wanted, leader, stage });
    }
    let found = look(&leaving).await?;
    for (one, found) in leaving.iter().zip(found) {
        let group: Vec<Member> = found.into_iter().filter(|member| member.in_group).collect();
        members::signal(&group, process::signal(one.instance.service.stop.signal));
    }
    Ok(leaving)
}

/// The processes that are left of each.
async fn look(leaving: &[Leaving]) -> Result<Vec<Vec<Member>>, ProcessError> {
    let wanted: Vec<Wanted> = leaving.iter().map(|one| one.wanted.clone()).collect();
    blocking("looking for processes", move || Ok(members::find(&wanted))).await
}

/// Removes the records, the slot's own last. Logs stay.
fn forget(shared: &Shared, slot: &StandingSlot) -> Result<(), ProcessError> {
    for instance in &slot.instances {
        let record = instance.record();
        record.groups.iter().for_each(|group| cgroup::remove(group));
        if let Some(port) = record.port {
            shared.ports.release(port);
        }
        instance.hold(None);
        // Before the records: whoever goes on after a death finds them, and removes these.
        shared.secret_files.forget(instance.id.as_str());
        durable::remove_file(&instance.folder.process())?;
        durable::remove_file(&instance.folder.record())?;
    }
    shared.tidy_groups();
    Ok(records::forget_slot(&slot.folder)?)
}
