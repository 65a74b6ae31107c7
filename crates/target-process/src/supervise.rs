//! Keeps one instance running: one task each, which takes over what runs, starts what does not, and starts again what ended.
//!
//! The task ends when the slot is stopped or the control plane goes; the process goes on then. What is decided is written before
//! it is shown.

pub(crate) mod attempt;
pub(crate) mod leftovers;
pub(crate) mod port_watch;

use std::sync::Arc;
use std::time::Duration;

use bascule_model::evidence::{Exit, InstanceState};
use jiff::Timestamp;

use crate::instance::port;
use crate::instance::restart;
use crate::shared::Shared;
use crate::slot::{Instance, StandingSlot};
use crate::state::records::Waits;
use crate::sys::boot;
use crate::sys::cgroup;
use crate::sys::process::{self, Handle, Identity};
use attempt::Refused;

/// So often in a row another port is tried before the instance's end counts as its own fault.
const PORT_TRIES: u32 = 10;

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

#[derive(Clone)]
struct Supervisor {
    shared: Arc<Shared>,
    slot: Arc<StandingSlot>,
    instance: Arc<Instance>,
}

/// What is done about somebody else who listens on the instance's port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stranger {
    /// The port was taken in between: the instance gets another one.
    Avoid,
    /// It came again on a port that nobody could know of: it listens for the instance (a container's proxy does).
    Trust,
}

/// How a run ended.
enum Ending {
    /// The process ended.
    Exited,
    /// Somebody else listens on the instance's port: it was ended to get another one.
    PortTaken,
}

impl Supervisor {
    async fn run(&self) {
        let mut process = self.take_over();
        let (mut port_tries, mut stranger) = (0, Stranger::Avoid);
        loop {
            let running = match process.take() {
                Some(running) => running,
                None => match self.start_when_due().await {
                    Some(running) => running,
                    None => continue,
                },
            };
            self.instance.hold(Some(running.clone()));
            let pid = u32::try_from(running.identity.pid).unwrap_or_default();
            self.show(InstanceState::Running { pid }, started_at(&self.shared, running.identity));
            let ending = self.watch(&running, stranger).await;
            let ran = run_time(running.identity);
            let Some((exit, port_is_free)) = self.bury(running).await else { return };
            let starting = ran.is_none_or(|ran| ran < self.instance.service.health.start_period);
            if matches!(ending, Ending::PortTaken) {
                stranger = Stranger::Trust;
            }
            let lost_port = matches!(ending, Ending::PortTaken) || (starting && !port_is_free);
            if lost_port && port_tries < PORT_TRIES {
                port_tries += 1;
                continue;
            }
            if !starting {
                port_tries = 0;
            }
            self.decide(exit, ran);
        }
    }

    /// The process that is there from before; an end that nobody saw is decided upon now.
    fn take_over(&self) -> Option<Handle> {
        let recorded = self.instance.recorded(&self.shared).ok().flatten()?;
        if let Some(handle) = Handle::open(recorded).filter(|handle| !handle.has_ended()) {
            // It was begun just before the former control plane ended: it does not wait for anything any more.
            let _ = self.instance.change_record(|record| record.waits = Waits::Nothing);
            return Some(handle);
        }
        if self.instance.record().waits == Waits::Nothing {
            self.decide(Exit::Unknown, None);
        }
        None
    }

    /// Waits for the time of the next attempt, and makes it. None: it failed, and waits again.
    async fn start_when_due(&self) -> Option<Handle> {
        if let Some((state, until)) = self.waiting() {
            self.show(state, None);
            let wait = until.duration_since(self.shared.clock.now());
            self.shared.clock.sleep(Duration::try_from(wait).unwrap_or_default()).await;
        }
        let permit = self.shared.launches.acquire().await;
        let supervisor = self.clone();
        // Tracked: who stops the slot waits until the process is there to be found.
        let attempt = self.slot.tasks.spawn_blocking(move || {
            attempt::attempt(&supervisor.shared, &supervisor.slot, &supervisor.instance)
        });
        let result = attempt.await;
        drop(permit);
        match result {
            Ok(Ok(handle)) => Some(handle),
            Ok(Err(Refused(reason))) => {
                self.cannot_start(reason);
                None
            }
            Err(_) => {
                self.cannot_start("the attempt to start it ended unexpectedly".to_owned());
                None
            }
        }
    }

    fn waiting(&self) -> Option<(InstanceState, Timestamp)> {
        let record = self.instance.record();
        record.waits.shown(record.last_exit.as_ref())
    }

    fn cannot_start(&self, reason: String) {
        let waits = Waits::cannot_start(reason, self.shared.clock.now());
        // A record that cannot be written is no reason to forget the instance: memory has it.
        let _ = self.instance.change_record(|record| record.waits = waits);
        self.show_waiting();
    }

    /// Waits until the process ends; sees to it meanwhile that its port is its own, and notes when it has been up.
    async fn watch(&self, running: &Handle, stranger: Stranger) -> Ending {
        let up = async {
            let period = self.instance.service.health.start_period;
            let left = period.saturating_sub(run_time(running.identity).unwrap_or_default());
            self.shared.clock.sleep(left).await;
            let _ = self.instance.change_record(|record| {
                record.history.was_up = true;
                record.history.quick_exits = 0;
            });
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            _ = running.ended() => Ending::Exited,
            () = port_watch::taken_by_another(&self.shared, &self.instance), if stranger == Stranger::Avoid => {
                self.end(running).await;
                Ending::PortTaken
            }
            () = up => Ending::Exited,
        }
    }

    /// Asks the process to end, as a stop does.
    async fn end(&self, running: &Handle) {
        let stop = &self.instance.service.stop;
        let _ = running.signal(process::signal(stop.signal));
        tokio::select! {
            _ = running.ended() => {}
            () = self.shared.clock.sleep(stop.grace) => {
                let _ = running.signal(rustix::process::Signal::KILL);
                let _ = running.ended().await;
            }
        }
    }

    /// Ends what the process left behind, asks how it ended, and whether its port can be used again.
    async fn bury(&self, ended: Handle) -> Option<(Exit, bool)> {
        let supervisor = self.clone();
        let buried = self.slot.tasks.spawn_blocking(move || {
            let Supervisor { shared, instance, .. } = &supervisor;
            // While the process is not asked how it ended, its session is known to be its own.
            let _ = leftovers::clear(shared, instance);
            let exit = with_memory(ended.reap(), instance);
            instance.hold(None);
            let port = instance.record().port;
            (exit, port.is_none_or(port::is_free))
        });
        buried.await.ok()
    }

    fn decide(&self, exit: Exit, ran: Option<Duration>) {
        let history = self.instance.record().history;
        let (history, next) = restart::after_exit(&history, ran, self.instance.service.health.start_period);
        let now = self.shared.clock.now();
        let _ = self.instance.change_record(|record| {
            record.history = history;
            record.last_exit = Some(exit);
            record.waits = Waits::after(next, now);
        });
        self.show_waiting();
    }

    fn show_waiting(&self) {
        if let Some((state, _)) = self.waiting() {
            self.show(state, None);
        }
    }

    fn show(&self, state: InstanceState, started_at: Option<Timestamp>) {
        self.slot.publish(&self.shared, &self.instance, state, started_at);
    }
}

/// A kill by the kernel for want of memory looks like any other; the control group counts them.
fn with_memory(exit: Exit, instance: &Instance) -> Exit {
    match exit {
        Exit::Signal { signal: 9, .. } => {
            let record = instance.record();
            let kills = cgroup::out_of_memory_kills(&record.groups);
            Exit::Signal { signal: 9, out_of_memory: kills > record.memory_kills }
        }
        other => other,
    }
}

/// How long a process has been there; none when the machine does not say.
fn run_time(identity: Identity) -> Option<Duration> {
    Some(boot::uptime()?.saturating_sub(boot::since_boot(identity.start_ticks)))
}

fn started_at(shared: &Shared, identity: Identity) -> Option<Timestamp> {
    let ran = run_time(identity)?;
    shared.clock.now().checked_sub(ran).ok()
}
