//! Keeps one instance running: one task each, which looks at its container, takes over what runs, starts what does not, and
//! starts again what ended.
//!
//! The engine is asked when it told of something, when its stream of events began anew, and now and then; what is known is kept
//! in memory for everybody else. The task ends when the slot is stopped or the control plane goes; the container goes on then.

pub(crate) mod attempt;
pub(crate) mod decide;
pub(crate) mod explain;
pub(crate) mod mend;

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bascule_instances::records::Waits;
use bascule_instances::restart;
use bascule_model::evidence::{Exit, InstanceState};
use bascule_model::release::OnDrift;
use jiff::Timestamp;

use crate::drift::{self, Difference};
use crate::error::DockerError;
use crate::link::{self, Engine, accepts};
use crate::names;
use crate::record::Left;
use crate::seen::{self, Container, Phase, Seen};
use crate::shared::{Reach, Shared};
use crate::slot::{Instance, StandingSlot};
use attempt::Trouble;
use decide::{Step, decide};

/// How long one part of an attempt waits for an engine that is away; the supervisor itself waits for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// It is looked at so often also when nothing is told of it.
const LOOK: Duration = Duration::from_secs(30);
/// The pause before something that is passing is looked at again.
const MOMENT: Duration = Duration::from_millis(100);
/// So often a process is looked for while the engine is away.
const WHILE_AWAY: Duration = Duration::from_millis(250);
const ENGINE_AWAY: &str = "the Docker Engine does not answer; it is started again as soon as that does";
const ENGINE_WENT: &str = "it ended with the Docker Engine, and is started again";

/// Begins the supervision of every instance of a slot.
pub(crate) fn begin(shared: &Arc<Shared>, slot: &Arc<StandingSlot>) {
    for instance in &slot.instances {
        let supervisor =
            Supervisor { shared: Arc::clone(shared), slot: Arc::clone(slot), instance: Arc::clone(instance) };
        let end = slot.unsupervised.clone();
        slot.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = end.cancelled() => {}
                () = supervisor.run() => {}
            }
        });
    }
    slot.tasks.close();
}

struct Supervisor {
    shared: Arc<Shared>,
    slot: Arc<StandingSlot>,
    instance: Arc<Instance>,
}

impl Supervisor {
    async fn run(&self) {
        // One that was never made need not be looked for: a name that is taken shows when it is made.
        let record = self.instance.record();
        let mut is_new = record.spec.is_none() && record.waits == Waits::Nothing;
        // The epoch of the engine in which it was last seen to run, or was started.
        let mut ran_in = None;
        loop {
            let engine = self.shared.link.now();
            let seen = if std::mem::take(&mut is_new) {
                Seen::Missing
            } else {
                let Some(seen) = self.look().await else { continue };
                seen
            };
            let container = match &seen {
                Seen::Ours(container) => Some(&**container),
                Seen::Missing | Seen::Stranger => None,
            };
            let told = self.was_told_to_stop(container, ran_in).await;
            let step = decide(&seen, &self.instance.record(), self.slot.release.drift, told);
            if !matches!(step, Step::Refuse) {
                self.instance.refuse(None);
            }
            match (step, container) {
                (Step::Watch { pid }, Some(container)) => {
                    ran_in = Some(engine);
                    self.watch(container, pid).await;
                }
                (Step::Decide, Some(container)) => self.decide_end(container, ran_in.take()).await,
                (Step::Make, _) => ran_in = self.when_due(Attempt::Make).await,
                (Step::Begin, _) => ran_in = self.when_due(Attempt::Start).await,
                (Step::MakeAnew, _) => {
                    self.mended("had been removed by hand; it was made anew");
                    ran_in = self.attempt(Attempt::Make).await;
                }
                (Step::BeginAnew, Some(container)) => {
                    self.mended("had been stopped by hand; it was started again");
                    self.note_end(container);
                    ran_in = self.attempt(Attempt::Start).await;
                }
                (Step::Leave(left), container) => self.leave(left, container).await,
                (Step::Replace, _) => match attempt::take_away(&self.shared, &self.instance).await {
                    Ok(()) => ran_in = self.attempt(Attempt::Make).await,
                    Err(trouble) => self.bear(trouble).await,
                },
                (Step::Refuse, _) => {
                    let name = self.instance.id.to_string();
                    let taken = DockerError::NameTaken { what: "container", name }.problem();
                    self.bear(Trouble::Forbidden(Box::new(taken))).await;
                }
                _ => tokio::time::sleep(MOMENT).await,
            }
        }
    }

    /// Whether somebody told it to stop. An engine that is being ended tells its containers so too, and takes no calls any more.
    async fn was_told_to_stop(&self, container: Option<&Container>, ran_in: Option<Engine>) -> bool {
        let Some(container) = container.filter(|one| one.phase == Phase::Ended) else { return false };
        if ran_in.is_none() {
            // Nobody here has seen it run. What the engine remembers of its end it has seen itself, and so outlived.
            let is_new = container.finished != self.instance.record().ended;
            return is_new
                && link::told_before(&self.shared, container).await
                && accepts(&self.shared.connection).await;
        }
        if !self.instance.mailbox.was_told_to_stop(&container.id) {
            return false;
        }
        let by_engine = self.ended_with_engine(ran_in).await;
        if by_engine {
            self.instance.mailbox.forget_order();
        }
        !by_engine
    }

    async fn ended_with_engine(&self, ran_in: Option<Engine>) -> bool {
        ran_in.is_some_and(|epoch| epoch != self.shared.link.now()) || !accepts(&self.shared.connection).await
    }

    /// What is there now; none when the engine is away, after a wait for it.
    async fn look(&self) -> Option<Seen> {
        let name = self.instance.id.as_str();
        let network = names::network(&self.slot.reference.key, &self.shared.state_id);
        let doing = format!("look at the container {name}");
        let answer = self
            .shared
            .connection
            .call(&doing, |docker| async move { docker.inspect_container(name, None).await })
            .await;
        match answer {
            Ok(answer) => Some(seen::seen(&self.shared.state_id, &network, answer)),
            Err(error) if error.is_missing() => Some(Seen::Missing),
            Err(error) if error.is_passing() => {
                self.while_away().await;
                None
            }
            Err(error) => {
                self.show(InstanceState::Waiting { reason: error.problem().message }).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                None
            }
        }
    }

    /// Without the engine a process may run on, and the kernel says whether it does. Waits for the engine, or a moment.
    async fn while_away(&self) {
        let mut engine = self.shared.link.engine();
        let record = self.instance.record();
        let runs = record.pid.zip(record.container.as_deref()).filter(|(pid, id)| is_its_process(*pid, id));
        match runs {
            Some((pid, _)) => {
                let own_check = self.instance.status.borrow().own_check.clone();
                self.instance.show(self.reach(), InstanceState::Running { pid }, own_check);
            }
            None => self.show(InstanceState::Waiting { reason: ENGINE_AWAY.to_owned() }).await,
        }
        engine.mark_unchanged();
        let _ = tokio::time::timeout(WHILE_AWAY, engine.changed()).await;
    }

    /// It runs: shows it, sees to it that it is as it was made, and waits until there is something to look at.
    async fn watch(&self, container: &Container, pid: u32) {
        let _ = self.instance.change_record(|record| record.container = Some(container.id.clone()));
        self.instance.note_running(pid, container.started_at, container.host_port);
        // The reach decides which address is shown.
        let _ = self.shared.reach(PATIENCE).await;
        self.instance.show(self.reach(), InstanceState::Running { pid }, container.own_check.clone());
        self.mend(container).await;

        let mut engine = self.shared.link.engine();
        let up_in = self.until_up(container);
        tokio::select! {
            biased;
            () = self.instance.mailbox.wake.notified() => {}
            _ = engine.changed() => {}
            () = self.shared.clock.sleep(up_in.unwrap_or(LOOK)), if up_in.is_some() => {
                let _ = self.instance.change_record(|record| {
                    record.history.was_up = true;
                    record.history.quick_exits = 0;
                });
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }

    /// The time until it has run for its whole start period; none once that is noted.
    fn until_up(&self, container: &Container) -> Option<Duration> {
        if self.instance.record().history.was_up {
            return None;
        }
        let ran = container.started_at.map(|started| self.shared.clock.now().duration_since(started));
        let ran = ran.and_then(|ran| Duration::try_from(ran).ok()).unwrap_or_default();
        Some(self.instance.service.health.start_period.saturating_sub(ran))
    }

    async fn mend(&self, container: &Container) {
        let address = match self.reach() {
            Some(Reach::Address) => self.instance.record().address,
            _ => None,
        };
        let mut left = Vec::new();
        for difference in drift::differences(container, &self.instance.service.limits, address) {
            let may = self.slot.release.drift == OnDrift::Repair;
            if may && self.mend_one(&difference).await {
                self.mended(difference.mended());
            } else {
                left.push(difference.sentence());
            }
        }
        self.instance.drift.lock().unwrap_or_else(PoisonError::into_inner).now = left;
    }

    async fn mend_one(&self, difference: &Difference) -> bool {
        // A limit that nobody asked for cannot be lifted from a container that runs.
        let limits = &self.instance.service.limits;
        let cannot = matches!(difference, Difference::Limits(detail)
            if (limits.memory.is_none() && detail.contains("memory"))
                || (limits.cpu_millis.is_none() && detail.contains("cpu")));
        !cannot && mend::mend(&self.shared, &self.slot, &self.instance, difference).await.is_ok()
    }

    fn mended(&self, what: impl Into<String>) {
        let now = self.shared.clock.now();
        self.instance.drift.lock().unwrap_or_else(PoisonError::into_inner).mended(now, what);
    }

    /// It ended: by itself, or with the engine.
    async fn decide_end(&self, container: &Container, ran_in: Option<Engine>) {
        let container = &self.with_memory(container.clone()).await;
        self.note_end(container);
        if self.ended_with_engine(ran_in).await {
            self.show(InstanceState::Waiting { reason: ENGINE_WENT.to_owned() }).await;
            return;
        }
        // How long it ran while nobody was there is no sign of anything: the engine may have been restarted meanwhile.
        let ran = container.ran.filter(|_| ran_in.is_some());
        let history = self.instance.record().history;
        let (history, next) = restart::after_exit(&history, ran, self.instance.service.health.start_period);
        let now = self.shared.clock.now();
        let _ = self.instance.change_record(|record| {
            record.history = history;
            record.last_exit = Some(container.exit.clone());
            record.waits = Waits::after(next, now);
        });
    }

    /// That it was killed for want of memory the engine may hear a moment after its end.
    async fn with_memory(&self, container: Container) -> Container {
        let maybe = container.exit == Exit::Signal { signal: 9, out_of_memory: false };
        if !maybe || self.instance.service.limits.memory.is_none() {
            return container;
        }
        tokio::time::sleep(MOMENT).await;
        match self.look().await {
            Some(Seen::Ours(again)) if again.finished == container.finished => *again,
            _ => container,
        }
    }

    /// So that the same end is not decided upon twice.
    fn note_end(&self, container: &Container) {
        let _ = self.instance.change_record(|record| {
            record.ended.clone_from(&container.finished);
            record.pid = None;
        });
    }

    /// Waits for the time of the next attempt, or until something happens to it, and makes the attempt.
    async fn when_due(&self, attempt: Attempt) -> Option<Engine> {
        if let Some((state, until)) = self.waiting() {
            let wait = Duration::try_from(until.duration_since(self.shared.clock.now())).unwrap_or_default();
            self.show(state).await;
            if !wait.is_zero() {
                tokio::select! {
                    // Somebody may have started or removed it meanwhile.
                    () = self.instance.mailbox.wake.notified() => return None,
                    () = self.shared.clock.sleep(wait) => {}
                }
            }
        }
        self.attempt(attempt).await
    }

    fn waiting(&self) -> Option<(InstanceState, Timestamp)> {
        let record = self.instance.record();
        record.waits.shown(record.last_exit.as_ref())
    }

    /// Makes an attempt; gives the epoch in which it was started.
    async fn attempt(&self, attempt: Attempt) -> Option<Engine> {
        let engine = self.shared.link.now();
        let done = match attempt {
            Attempt::Make => attempt::make(&self.shared, &self.slot, &self.instance).await,
            Attempt::Start => attempt::start(&self.shared, &self.slot, &self.instance).await,
        };
        match done {
            Ok(()) => {
                let _ = self.instance.change_record(|record| {
                    let counts = matches!(record.waits, Waits::BackOff { .. } | Waits::CrashLoop { .. });
                    record.restarts += u32::from(counts);
                    record.waits = Waits::Nothing;
                });
                Some(engine)
            }
            Err(trouble) => {
                self.bear(trouble).await;
                None
            }
        }
    }

    async fn bear(&self, trouble: Trouble) {
        match trouble {
            Trouble::Away => self.while_away().await,
            Trouble::LookAgain => tokio::time::sleep(MOMENT).await,
            Trouble::Refused(reason) => self.cannot_start(reason).await,
            Trouble::Forbidden(problem) => {
                self.instance.refuse(Some((*problem).clone()));
                self.cannot_start(problem.message).await;
                // Whoever is in the way is looked at again, not made again.
                tokio::select! {
                    () = self.instance.mailbox.wake.notified() => {}
                    () = self.shared.clock.sleep(restart::LONGEST) => {}
                }
            }
        }
    }

    async fn cannot_start(&self, reason: String) {
        let waits = Waits::cannot_start(reason, self.shared.clock.now());
        // A record that cannot be written is no reason to forget the instance: memory has it.
        let _ = self.instance.change_record(|record| record.waits = waits);
        if let Some((state, _)) = self.waiting() {
            self.show(state).await;
        }
    }

    /// Somebody took it away, and it is only told.
    async fn leave(&self, left: Left, container: Option<&Container>) {
        if let Some(container) = container {
            self.note_end(container);
        }
        let _ = self.instance.change_record(|record| record.left = Some(left));
        let sentence = match left {
            Left::Removed => "was removed by hand",
            Left::Stopped => "was stopped by hand",
        };
        self.instance.drift.lock().unwrap_or_else(PoisonError::into_inner).now = vec![sentence.to_owned()];
        self.show(InstanceState::Gone).await;
        let mut engine = self.shared.link.engine();
        tokio::select! {
            () = self.instance.mailbox.wake.notified() => {}
            _ = engine.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }

    fn reach(&self) -> Option<Reach> {
        self.shared.known_reach()
    }

    async fn show(&self, state: InstanceState) {
        self.instance.show(self.reach(), state, None);
    }
}

/// What is attempted.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    Make,
    Start,
}

/// Whether the process with this id is in the container: its control group is named for that.
fn is_its_process(pid: u32, container: &str) -> bool {
    let groups = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("cgroup"));
    !container.is_empty() && groups.is_ok_and(|groups| groups.contains(container))
}
