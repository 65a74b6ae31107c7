//! Drives one run to its end: asks the state machine what is next, writes that down, does it, writes down what came of it.
//!
//! Nothing is done that is not on disk first. That a step is done and that the next one begins is one write: nothing lies between
//! the two, and the disk is waited for once. Whoever loses the lease stops between two lines and changes nothing more.

mod gone;
mod mirror;
mod outside;

use std::sync::Arc;
use std::time::Duration;

use bascule_journal::{
    Commit, EnvironmentRecord, Journal, JournalError, Lease, LeaseEnd, Recorded, ReleaseRecord, RunRecord,
};
use bascule_model::problem::Problem;
use bascule_model::run::{Event, Evidence, Next, Outcome, Touches};
use bascule_secrets::redact::Redactor;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::context::{Loaded, Ports, StepContext, StepError};
use crate::derive;
use crate::ports::{Claim, Point, PortError};
use crate::progress::Progress;
use crate::redaction;
use crate::steps::{self, Leave, Observed, Step};

pub(crate) use self::mirror::Keeping;
pub use self::mirror::Mirror;

/// How long a lease holds without being renewed.
pub const LEASE_TIME: SignedDuration = SignedDuration::from_secs(15);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(4);
/// The pause before an undo is tried again, times the number of attempts so far.
const UNDO_PAUSE: Duration = Duration::from_millis(500);
/// How often and how long apart a write to the journal is tried again.
const WRITE_ATTEMPTS: u32 = 10;
const WRITE_PAUSE: Duration = Duration::from_millis(500);

/// Why a drive stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum Driven {
    /// The run is over.
    Over(Outcome),
    /// A person must decide; the lease is kept.
    AwaitsPerson,
    /// Another engine has the environment.
    LostLease,
    /// Another control plane, with a journal of its own, goes on with the run; the problem says where.
    Elsewhere(Problem),
    /// The journal cannot be written; the run is unfinished and can be resumed.
    Interrupted(Problem),
}

/// Asks a drive to end its run.
#[derive(Debug, Clone)]
pub struct Abort(Arc<watch::Sender<Option<String>>>);

impl Default for Abort {
    fn default() -> Self {
        Self(Arc::new(watch::channel(None).0))
    }
}

impl Abort {
    /// Asks, in the name of somebody.
    pub fn request(&self, by: &str) {
        self.0.send_replace(Some(by.to_owned()));
    }

    /// Whether both end the same drive.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn requested(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits until somebody wants it, and says who.
    pub(crate) async fn wait(&self) -> String {
        let mut receiver = self.0.subscribe();
        loop {
            if let Some(by) = receiver.borrow_and_update().clone() {
                return by;
            }
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// One run being driven.
pub struct Drive {
    /// Where the run is kept for those who do not have the journal.
    pub mirror: Mirror,
    /// The outside.
    pub ports: Ports,
    /// The store.
    pub journal: Arc<dyn Journal>,
    /// The right to do it.
    pub lease: Lease,
    /// The run.
    pub run: RunRecord,
    /// The environment's record.
    pub environment: EnvironmentRecord,
    /// The release of the plan.
    pub subject: Option<(ReleaseRecord, Loaded)>,
    /// The release that was live when the plan was made.
    pub former: Option<(ReleaseRecord, Loaded)>,
    /// The release that stood in the other slot when the plan was made.
    pub beside: Option<Loaded>,
    /// Where the build's output goes.
    pub build_log: std::path::PathBuf,
    /// Who watches.
    pub progress: Progress,
    /// Who may end it.
    pub abort: Abort,
    /// Who we are where the environment runs.
    pub claim: Claim,
    /// Held by who removes what nobody needs any more of the environment.
    pub pruning: Arc<tokio::sync::Mutex<()>>,
    /// What is taken out of all that is written and told; made of the releases when the drive begins.
    pub redactor: Redactor,
}

/// A drive ends early for one of these.
#[derive(Debug)]
enum Stop {
    /// The journal gave the environment to another engine, or somebody with another journal is at work there.
    Lost,
    /// Where the environment runs a higher generation was seen.
    Fenced,
    /// It was taken over, to there.
    Elsewhere(String),
    Interrupted(Problem),
}

impl Drive {
    /// Goes on until the run is over or cannot go on here.
    pub async fn drive(mut self) -> Driven {
        self.hide_secrets();
        let clock = self.ports.clock.clone();
        let journal = self.journal.clone();
        let lease = self.lease.clone();
        let keep_lease = async move {
            loop {
                clock.sleep(RENEW).await;
                let until = clock.now().checked_add(LEASE_TIME).unwrap_or(jiff::Timestamp::MAX);
                if let Err(JournalError::Fenced(_)) = journal.renew(&lease, until).await {
                    return;
                }
            }
        };
        let (ports, fence, key) = (self.ports.clone(), self.lease.generation, self.lease.key.clone());
        let mirror = self.mirror.clone();
        let keep_outside = outside::keep(&ports, fence, &key);
        let stopped = tokio::select! {
            stopped = Box::pin(self.go_on()) => stopped,
            () = keep_lease => Err(Stop::Lost),
            stop = keep_outside => Err(stop),
        };
        let stopped = match stopped {
            Err(Stop::Fenced) => Err(outside::fenced(&self).await),
            stopped => stopped,
        };
        match stopped {
            Ok(Driven::Over(_)) => {
                mirror.end(&self.environment).await;
                // What cannot be given back runs out.
                let _ = ports.traffic.give_back(fence, &key).await;
            }
            // Whoever takes it over is to find that a person decides.
            Ok(Driven::AwaitsPerson) => drop(mirror.keep().await),
            _ => {}
        }
        match stopped {
            Ok(driven) => driven,
            Err(Stop::Lost | Stop::Fenced) => Driven::LostLease,
            Err(Stop::Elsewhere(home)) => self.leave_to(home).await,
            Err(Stop::Interrupted(problem)) => Driven::Interrupted(problem),
        }
    }

    /// Notes where the environment is from now on, so that nothing of it is tried here again.
    async fn leave_to(mut self, home: String) -> Driven {
        let problem = self.taken_over(&home);
        self.progress.note(&self.run.id, "lease", problem.to_string());
        self.environment.home = Some(home);
        self.environment.generation = self.lease.generation;
        match self.journal.put_environment(&self.environment).await {
            Ok(()) => Driven::Elsewhere(problem),
            Err(error) => Driven::Interrupted(error.into()),
        }
    }

    /// From here on nothing is written or told with a secret of the releases in it.
    fn hide_secrets(&mut self) {
        let subject = self.subject.as_ref().map(|(_, loaded)| loaded);
        let former = self.former.as_ref().map(|(_, loaded)| loaded);
        let releases: Vec<_> = subject
            .into_iter()
            .chain(former)
            .chain(&self.beside)
            .map(|loaded| (&loaded.release, &loaded.configuration))
            .collect();
        self.redactor = redaction::of(&releases);
        self.progress = self.progress.without(self.redactor.clone());
        self.mirror.tell(&self.progress);
    }

    async fn go_on(&mut self) -> Result<Driven, Stop> {
        let mut started = self.ports.clock.elapsed();
        // The step whose begin was written with the end of the one before, and which was not begun yet.
        let mut announced = None;
        outside::take_again(self).await?;
        // A later engine's first word to the edge is its fence, so that a write of its dead predecessor cannot come after it.
        self.fence_the_edge().await?;
        // Who began to prune before this run was there does not know what it is about to make. Who gives traffic back waits for nobody.
        if !self.run.plan.is_the_switch_alone() {
            let pruning = Arc::clone(&self.pruning);
            tokio::select! {
                _ = pruning.lock() => {}
                _ = self.abort.wait() => {}
            }
        }
        loop {
            if let (Some(by), None) = (self.abort.requested(), &self.run.state.cause) {
                self.record([Event::AbortRequested { by }]).await?;
            }
            match self.run.state.next() {
                Next::Ended => return Ok(Driven::Over(self.run.state.outcome.unwrap_or(Outcome::Stuck))),
                Next::AwaitPerson => return Ok(Driven::AwaitsPerson),
                Next::Finish(outcome) => self.record([Event::Finished { outcome }]).await?,
                Next::ObserveApply { step } if announced.take() == Some(step) => {
                    if self.run.state.steps[step].name == "start" {
                        started = self.ports.clock.elapsed();
                    }
                    announced = Box::pin(self.perform(step, started)).await?;
                }
                Next::ObserveApply { step } => announced = Box::pin(self.observe(step, started)).await?,
                Next::Apply { step, attempt } => {
                    let step_started =
                        Event::StepStarted { step: self.run.state.steps[step].name.clone(), attempt };
                    self.record([step_started]).await?;
                    announced = Some(step);
                }
                Next::Undo { step, attempt } => Box::pin(self.undo(step, attempt, started)).await?,
            }
        }
    }

    /// Writes a person's decision on a stuck run before the drive goes on.
    pub(crate) async fn decide(&mut self, event: Event) -> Result<(), Problem> {
        self.record([event]).await.map_err(|stop| self.undecided(stop))
    }

    fn taken_over(&self, home: &str) -> Problem {
        crate::home::taken_over_seen_from(self.claim.home(), home)
    }

    fn undecided(&self, stop: Stop) -> Problem {
        match stop {
            Stop::Lost | Stop::Fenced => JournalError::Fenced(self.run.plan.key.clone()).into(),
            Stop::Elsewhere(home) => self.taken_over(&home),
            Stop::Interrupted(problem) => problem,
        }
    }

    async fn fence_the_edge(&mut self) -> Result<(), Stop> {
        let moved = self.run.state.steps.iter().any(|step| step.name == "start" && step.attempts > 0);
        let release = self.subject.as_ref().map(|(_, loaded)| &loaded.release);
        let (true, Some(release)) = (moved, release) else { return Ok(()) };
        match self.ports.traffic.open(self.lease.generation, release).await {
            Err(PortError::Fenced) => Err(Stop::Fenced),
            // Whatever else: the step that needs the edge will say so.
            _ => Ok(()),
        }
    }

    async fn observe(&mut self, index: usize, started: Duration) -> Result<Option<usize>, Stop> {
        let (step, name, attempt) = self.step(index);
        let Some(step) = step else { return self.unknown_step(&name, attempt).await };
        match step.observe(&self.context(started)).await {
            Ok(Observed::Done(evidence)) => {
                self.conclude(Event::StepDone { step: name, attempt, evidence }).await
            }
            Ok(Observed::Open) => {
                self.record([Event::StepStarted { step: name, attempt: attempt + 1 }]).await?;
                Box::pin(self.perform(index, started)).await
            }
            Err(StepError::Fenced) => self.refuse_fenced(name, attempt).await,
            Err(StepError::Elsewhere(home)) => self.refuse(name, attempt, home).await,
            // What an abort leads to is decided at the top of the loop.
            Err(StepError::Left) => Ok(None),
            Err(StepError::Failed { problem, evidence }) => {
                self.conclude(Event::StepFailed { step: name, attempt, problem, evidence }).await
            }
        }
    }

    /// Calls the step whose begin is written. Answers as [`Self::conclude`].
    async fn perform(&mut self, index: usize, started: Duration) -> Result<Option<usize>, Stop> {
        let (step, name, attempt) = self.step(index);
        let Some(step) = step else { return self.unknown_step(&name, attempt).await };
        let abort = self.abort.clone();
        let context = self.context(started);
        let work = self.hooked(step, "apply", async { step.apply(&context).await });
        let result = if step.leave() == Leave::AtOnce {
            tokio::select! {
                result = work => Some(result),
                _ = abort.wait() => None,
            }
        } else {
            Some(work.await)
        };
        match result {
            // The abort is recorded at the top of the loop; the step stays begun and is undone with the rest.
            None | Some(Err(StepError::Left)) => Ok(None),
            Some(Ok(evidence)) => self.conclude(Event::StepDone { step: name, attempt, evidence }).await,
            Some(Err(StepError::Fenced)) => self.refuse_fenced(name, attempt).await,
            Some(Err(StepError::Elsewhere(home))) => self.refuse(name, attempt, home).await,
            Some(Err(StepError::Failed { problem, evidence })) => {
                self.conclude(Event::StepFailed { step: name, attempt, problem, evidence }).await
            }
        }
    }

    /// Writes how a step ended, and with it what follows at once: the begin of the next step, which is answered, or the run's end.
    async fn conclude(&mut self, event: Event) -> Result<Option<usize>, Stop> {
        let mut after = self.run.state.clone();
        // One that does not fit is reported when it is recorded.
        let fits = after.on(&event).is_ok();
        match after.next() {
            // What an abort leads to instead is decided at the top of the loop.
            _ if !fits || self.abort.requested().is_some() => self.record([event]).await?,
            Next::Apply { step, attempt } => {
                let next = Event::StepStarted { step: after.steps[step].name.clone(), attempt };
                self.record([event, next]).await?;
                return Ok(Some(step));
            }
            Next::Finish(outcome) => self.record([event, Event::Finished { outcome }]).await?,
            _ => self.record([event]).await?,
        }
        Ok(None)
    }

    async fn undo(&mut self, index: usize, attempt: u32, started: Duration) -> Result<(), Stop> {
        let before = self.run.state.steps[index].undo_attempts;
        if before > 0 {
            self.ports.clock.sleep(UNDO_PAUSE * before).await;
        }
        let (step, name, _) = self.step(index);
        self.record([Event::UndoStarted { step: name.clone(), attempt }]).await?;
        let Some(step) = step else {
            let problem = unknown(&name);
            return self.record([Event::UndoFailed { step: name, attempt, problem }]).await;
        };
        let context = self.context(started);
        let result = self.hooked(step, "undo", async { step.undo(&context).await }).await;
        match result {
            Ok(evidence) => self.record([Event::UndoDone { step: name, attempt, evidence }]).await,
            Err(StepError::Fenced) => Err(Stop::Fenced),
            Err(StepError::Elsewhere(home)) => Err(Stop::Elsewhere(home)),
            Err(StepError::Left) => {
                let problem = Problem::new(
                    bascule_model::problem::Code::Internal,
                    format!("the undo of {name} was left"),
                    "report this: it is a defect of Bascule",
                );
                self.record([Event::UndoFailed { step: name, attempt, problem }]).await
            }
            Err(StepError::Failed { problem, .. }) => {
                self.record([Event::UndoFailed { step: name, attempt, problem }]).await
            }
        }
    }

    async fn refuse_fenced(&mut self, name: String, attempt: u32) -> Result<Option<usize>, Stop> {
        match outside::fenced(self).await {
            Stop::Elsewhere(home) => self.refuse(name, attempt, home).await,
            stop => Err(stop),
        }
    }

    /// Ends a step because the environment was taken over. What was begun before it is the other one's to end.
    async fn refuse(&mut self, name: String, attempt: u32, home: String) -> Result<Option<usize>, Stop> {
        if self.run.state.steps.iter().any(|step| step.touches == Touches::World && step.attempts > 0) {
            return Err(Stop::Elsewhere(home));
        }
        let problem = self.taken_over(&home);
        self.environment.home = Some(home);
        self.conclude(Event::StepFailed { step: name, attempt, problem, evidence: Evidence::Null }).await
    }

    async fn hooked(
        &self,
        step: &dyn Step,
        action: &'static str,
        work: impl Future<Output = Result<Evidence, StepError>>,
    ) -> Result<Evidence, StepError> {
        let run = self.run.plan.kind.as_str();
        let mut point = Point { run, step: step.name().to_owned(), action, when: "before" };
        self.ports.hooks.reached(&point).await?;
        let result = work.await;
        point.when = "after";
        self.ports.hooks.reached(&point).await?;
        result
    }

    async fn unknown_step(&mut self, name: &str, attempt: u32) -> Result<Option<usize>, Stop> {
        let problem = unknown(name);
        self.conclude(Event::StepFailed { step: name.to_owned(), attempt, problem, evidence: Evidence::Null })
            .await
    }

    fn step(&self, index: usize) -> (Option<&'static dyn Step>, String, u32) {
        let state = &self.run.state.steps[index];
        (steps::find(&state.name), state.name.clone(), state.attempts)
    }

    fn context(&self, started: Duration) -> StepContext<'_> {
        StepContext {
            ports: &self.ports,
            run: &self.run.id,
            plan: &self.run.plan,
            fence: self.lease.generation,
            claim: &self.claim,
            environment: &self.environment,
            subject: self.subject.as_ref().map(|(_, loaded)| loaded),
            former: self.former.as_ref().map(|(_, loaded)| loaded),
            beside: self.beside.as_ref(),
            started,
            build_log: self.build_log.clone(),
            redactor: &self.redactor,
            progress: &self.progress,
            abort: &self.abort,
            mirror: &self.mirror,
        }
    }

    /// Writes events that follow one another, with everything that follows from them, as one write.
    async fn record<const N: usize>(&mut self, events: [Event; N]) -> Result<(), Stop> {
        let mut commits = Vec::with_capacity(N);
        for event in events {
            let commit = self.commit_of(redaction::event(&self.redactor, event))?;
            // What is not written in the end is not acted upon: the drive stops.
            self.take_over(commit.clone());
            commits.push(commit);
        }
        for recorded in self.write(&commits).await? {
            self.progress.event(&self.run.id, recorded);
        }
        // Who goes on without the journal has to know of all that may have been begun in the world.
        if commits.iter().any(|commit| self.touches_the_world(&commit.event)) {
            self.mirror.keep().await?;
        }
        Ok(())
    }

    /// Whether something is about to be done to the world, or taken back.
    fn touches_the_world(&self, event: &Event) -> bool {
        // Of a way back to what stands by it is known from its begin on what it does: its one write waits for nothing.
        if self.run.plan.is_the_switch_alone() && matches!(event, Event::StepStarted { .. }) {
            return false;
        }
        let (Event::StepStarted { step, .. } | Event::UndoStarted { step, .. }) = event else { return false };
        let step = self.run.state.steps.iter().find(|it| it.name == *step);
        step.is_some_and(|step| step.touches == Touches::World)
    }

    fn commit_of(&self, event: Event) -> Result<Commit, Stop> {
        let mut state = self.run.state.clone();
        if let Err(illegal) = state.on(&event) {
            return Err(Stop::Interrupted(JournalError::Corrupt(illegal.to_string()).into()));
        }
        let at = self.ports.clock.now();
        let subject = self.subject.as_ref().map(|(record, _)| record);
        let former = self.former.as_ref().map(|(record, _)| record);
        let ends_lease =
            if matches!(event, Event::Finished { .. }) { LeaseEnd::Release } else { LeaseEnd::Keep };
        Ok(Commit {
            key: self.run.plan.key.clone(),
            generation: self.lease.generation,
            run: self.run.id.clone(),
            at,
            environment: derive::environment(&self.environment, &self.run.plan, subject, &event, at),
            release: derive::release(&self.run.plan, subject, former, &event),
            state,
            event,
            ends_lease,
        })
    }

    /// A full disk or a busy file is waited for, a little; a lost lease is not.
    async fn write(&self, commits: &[Commit]) -> Result<Vec<Recorded>, Stop> {
        let mut attempt = 1;
        loop {
            match self.journal.commit_together(commits).await {
                Ok(recorded) => return Ok(recorded),
                Err(JournalError::Fenced(_) | JournalError::Held(_)) => return Err(Stop::Lost),
                // The write before came through, only its answer did not.
                Err(JournalError::Duplicate(_)) if attempt > 1 => {
                    let mut events = self.journal.events(&self.run.id, 0).await.unwrap_or_default();
                    let last = events.split_off(events.len().saturating_sub(commits.len()));
                    let ours = last.iter().map(|it| &it.event).eq(commits.iter().map(|it| &it.event));
                    return if ours { Ok(last) } else { Err(Stop::Lost) };
                }
                Err(JournalError::Unavailable(problem)) if attempt < WRITE_ATTEMPTS => {
                    self.progress.note(&self.run.id, "journal", format!("{problem}; trying again"));
                    self.ports.clock.sleep(WRITE_PAUSE).await;
                    attempt += 1;
                }
                Err(error) => return Err(Stop::Interrupted(error.into())),
            }
        }
    }

    fn take_over(&mut self, commit: Commit) {
        self.run.state = commit.state;
        self.environment = commit.environment;
        if let (Some(changed), Some((record, loaded))) = (commit.release, &mut self.subject)
            && changed.release.id == record.release.id
        {
            loaded.release = changed.release.clone();
            loaded.source.clone_from(&changed.source);
            *record = changed;
        }
    }
}

fn unknown(name: &str) -> Problem {
    Problem::new(
        bascule_model::problem::Code::Internal,
        format!("this version of Bascule does not know the step {name:?}"),
        "go on with the version that began the run",
    )
}
