//! Waiting until a release has nothing in flight, and cutting what is left at the deadline.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::process::Process;
use super::protocol::DrainReport;
use crate::error::Refusal;
use crate::release::Release;
use crate::worker::thread::Command;

/// How long what was cut may take to notice.
const AFTER_CUT: Duration = Duration::from_secs(2);

impl Process {
    /// Drains what stands in a slot, here and at the edge that this one took over from.
    pub(crate) async fn drain(
        &self,
        fence: Generation,
        key: EnvironmentKey,
        slot: Slot,
        deadline: Duration,
    ) -> Result<DrainReport, Refusal> {
        let release = {
            let mut world = self.world.borrow_mut();
            let record =
                world.fenced(&key, fence)?.ok_or_else(|| Refusal::UnknownEnvironment { key: key.clone() })?;
            if record.live == Some(slot) {
                return Err(Refusal::SlotLive { key, slot });
            }
            // On disk it comes with the next change; until then a restart would forget only that this drain was asked for.
            world.records.insert(key.clone(), record);
            world.release(&key, slot).cloned().ok_or_else(|| Refusal::EmptySlot { key: key.clone(), slot })?
        };
        let predecessor = self.predecessor.borrow().clone();
        let elsewhere = async {
            match predecessor {
                Some(predecessor) => predecessor.drain_left(&key, slot, &release.id, deadline).await.ok(),
                None => None,
            }
        };
        let (here, elsewhere) = tokio::join!(self.drain_release(&release, deadline), elsewhere);
        let (mut report, elsewhere) =
            (here?, elsewhere.unwrap_or(DrainReport { completed: true, ..DrainReport::default() }));
        report.completed &= elsewhere.completed;
        report.cut_requests += elsewhere.cut_requests;
        report.cut_upgraded += elsewhere.cut_upgraded;
        report.waited_ms = report.waited_ms.max(elsewhere.waited_ms);
        Ok(report)
    }

    /// Drains what this edge, which is leaving, still has of a release.
    pub(crate) async fn drain_left(
        &self,
        key: EnvironmentKey,
        slot: Slot,
        id: ReleaseId,
        deadline: Duration,
    ) -> Result<DrainReport, Refusal> {
        let release = self.world.borrow().release(&key, slot).filter(|release| release.id == id).cloned();
        match release {
            Some(release) => self.drain_release(&release, deadline).await,
            None => Ok(DrainReport { completed: true, ..DrainReport::default() }),
        }
    }

    async fn drain_release(
        &self,
        release: &Arc<Release>,
        deadline: Duration,
    ) -> Result<DrainReport, Refusal> {
        let began = Instant::now();
        let until = began + deadline;
        release.take_cut_upgraded();
        release.set_drain_deadline(Some(until));
        self.distributor.tell_all(|| Command::DrainChanged { release: Arc::clone(release) });
        let mut report = DrainReport::default();
        let empty = self.wait_until_empty(release);
        let waited = tokio::select! {
            biased;
            empty = empty => Some(empty),
            () = sleep_until(until) => None,
        };
        match waited {
            Some(Ok(())) => {}
            Some(Err(refusal)) => {
                self.distributor.tell_all(|| Command::DrainChanged { release: Arc::clone(release) });
                return Err(refusal);
            }
            None => {
                report.cut_requests = self.cut(release).await;
                // What does not notice in time is a stream whose HTTP/2 client takes nothing: it has been told to end.
                let _ = timeout(AFTER_CUT, self.wait_until_empty(release)).await;
            }
        }
        report.cut_upgraded = release.take_cut_upgraded();
        report.completed = report.cut_requests == 0 && report.cut_upgraded == 0;
        report.waited_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }

    async fn wait_until_empty(&self, release: &Arc<Release>) -> Result<(), Refusal> {
        loop {
            let mut changed = pin!(release.changed.notified());
            changed.as_mut().enable();
            if !release.is_closed() {
                return Err(Refusal::DrainOvertaken { key: release.key.clone(), slot: release.slot });
            }
            if release.in_flight() == 0 {
                return Ok(());
            }
            changed.await;
        }
    }

    async fn cut(&self, release: &Arc<Release>) -> u64 {
        let (done, mut reports) = mpsc::unbounded_channel();
        self.distributor.tell_all(|| Command::Cut { release: Arc::clone(release), done: done.clone() });
        drop(done);
        let mut requests = 0;
        while let Some(cut) = reports.recv().await {
            requests += cut;
        }
        requests
    }
}

/// Forgets the former edge when it has gone.
pub(crate) async fn watch_predecessor(process: Rc<Process>) {
    let predecessor = process.predecessor.borrow().clone();
    if let Some(predecessor) = predecessor {
        predecessor.closed().await;
        process.predecessor.borrow_mut().take();
    }
}
