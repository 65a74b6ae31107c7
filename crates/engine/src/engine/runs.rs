//! The life of a run: begun, taken over, driven, ended early, decided on.

use bascule_journal::{JournalError, ReleaseRecord, RunRecord, Take};
use bascule_model::ids::RunId;
use bascule_model::plan::{Plan, RunKind};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::TargetKind;
use bascule_model::run::{Event, Next, RunState};
use bascule_secrets::redact::Redactor;

use super::{Begun, Decision, Engine};
use crate::driving::Entry;
use crate::executor::{Drive, Driven, LEASE_TIME, Mirror};
use crate::planner;
use crate::ports::Claim;
use crate::steps;

impl Engine {
    pub(crate) async fn begin(
        &self,
        plan: Plan,
        actor: &str,
        new: Option<ReleaseRecord>,
    ) -> Result<Begun, Problem> {
        self.refuse_elsewhere(&plan.key).await?;
        let now = self.ports.clock.now();
        let steps = plan.steps.iter().filter_map(|step| steps::find(&step.name));
        let state = RunState::new(
            steps::on_failure(plan.kind),
            steps.map(|step| (step.name().to_owned(), step.touches())),
        );
        let run = RunRecord {
            id: self.ids.next(),
            plan,
            actor: actor.to_owned(),
            created_at: now,
            finished_at: None,
            state,
        };
        let until = now.checked_add(LEASE_TIME).unwrap_or(jiff::Timestamp::MAX);
        // Entered before it is written: nobody here is to take a run that has just begun for one that a crash left.
        let entry = self.driving.enter(&run.id);
        match self.journal.begin(&run, &self.seat.owner(), until, Take::IfFree, new.as_ref()).await {
            Ok(lease) => self.load(run, lease, entry).await,
            Err(JournalError::Held(lease)) => Err(self.held(*lease).await),
            Err(error) => Err(error.into()),
        }
    }

    /// Who has the environment, and what ends that.
    async fn held(&self, lease: bascule_journal::Lease) -> Problem {
        let waits = matches!(
            self.journal.run(&lease.run).await,
            Ok(Some(run)) if run.state.next() == Next::AwaitPerson
        );
        if waits {
            return Problem::new(
                Code::LeaseHeld,
                format!("{} is stuck and keeps {}", lease.run, planner::named(&lease.key)),
                format!(
                    "`bascule run show {0}` says what is left; `bascule resolve {0} --retry-undo` tries again",
                    lease.run
                ),
            );
        }
        JournalError::Held(Box::new(lease)).into()
    }

    /// Takes an unfinished run over and prepares to go on with it.
    ///
    /// # Errors
    /// When it is over, when its lease is held, or when it cannot be read.
    pub async fn resume(&self, run: &RunId, take: Take) -> Result<Begun, Problem> {
        let now = self.ports.clock.now();
        let until = now.checked_add(LEASE_TIME).unwrap_or(jiff::Timestamp::MAX);
        let entry = self.driving.enter(run);
        let lease = self.journal.resume(run, &self.seat.owner(), now, until, take).await?;
        let record = self.run(run).await?;
        self.load(record, lease, entry).await
    }

    async fn load(
        &self,
        run: RunRecord,
        lease: bascule_journal::Lease,
        entry: Entry,
    ) -> Result<Begun, Problem> {
        let plan = &run.plan;
        let mut environment = self.environment(&plan.key).await?;
        let subject = self.loaded(&plan.key, plan.release.as_ref()).await?;
        let former = self.loaded(&plan.key, plan.live.as_ref().map(|live| &live.release)).await?;
        let beside = plan.standby.as_ref().map(|standby| &standby.release);
        let beside = self.loaded(&plan.key, beside).await?.map(|(_, loaded)| loaded);
        if let Some(source) = subject.as_ref().and_then(|(record, _)| record.source.as_ref()) {
            environment.project = Some(source.project.display().to_string());
        }
        if let Some((record, _)) = subject.as_ref().or(former.as_ref()) {
            environment.home = self.seat.home_after(record.release.target);
        }
        let id = run.id.clone();
        let pruning = self.pruning.of(&plan.key);
        let build_log = self.logs.join(format!("{id}-build.log"));
        let claim = Claim {
            key: plan.key.clone(),
            run: id.clone(),
            owner: self.seat.owner(),
            actor: run.actor.clone(),
        };
        // Only who brings a release live says by that what is kept from now on; for all others it is as the live one wants it.
        let brings_live = matches!(plan.kind, RunKind::Deploy | RunKind::Rollback);
        let says = if brings_live { [&subject, &former] } else { [&former, &subject] };
        let releases = says.into_iter().flatten().map(|(_, loaded)| loaded);
        let release = releases.chain(&beside).map(|loaded| &loaded.release).next();
        let mirrors = release
            .filter(|release| release.target == TargetKind::Kubernetes && !self.seat.shares_the_journal());
        let mirror = Mirror::new(
            &self.ports,
            &self.journal,
            lease.generation,
            &claim,
            mirrors.cloned(),
            &self.progress,
        );
        let drive = Drive {
            mirror,
            claim,
            ports: self.ports.clone(),
            journal: self.journal.clone(),
            lease,
            run,
            environment,
            subject,
            former,
            beside,
            build_log,
            progress: self.progress.clone(),
            abort: entry.abort(),
            pruning,
            redactor: Redactor::none(),
        };
        Ok(Begun { run: id, drive: Box::new(drive), entry })
    }

    /// Drives a run that was begun to its end, as far as this engine can.
    pub async fn drive(&self, begun: Begun) -> Driven {
        let Begun { drive, entry, .. } = begun;
        // On the heap: a run's futures are large, and whoever drives one has other things on the stack.
        let driven = Box::pin(drive.drive()).await;
        drop(entry);
        driven
    }

    /// The runs that a crash left, to be resumed, and how. One that waits for a person is not among them, nor one that another engine
    /// drives or that can only be driven elsewhere.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn left_over(&self) -> Result<Vec<(RunId, Take)>, Problem> {
        let mut driving = self.driving.runs();
        let unfinished = self.journal.unfinished().await?;
        // Those that began or ended while the journal was read are nobody's leftovers either.
        driving.extend(self.driving.runs());
        let mut left = Vec::new();
        for run in unfinished {
            if driving.contains(&run.id) || run.state.next() == Next::AwaitPerson {
                continue;
            }
            // What was taken over goes on where it was taken to.
            if !self.seat.shares_the_journal()
                && !self.seat.is_home_of(&self.environment(&run.plan.key).await?)
            {
                continue;
            }
            let take = if self.seat.shares_the_journal() {
                let lease = self.journal.lease(&run.plan.key).await?;
                let target = self.target_of(&run.plan).await?;
                self.seat.takes(lease.as_ref(), target, self.ports.clock.now())
            } else {
                // The state folder's lock is ours, so whoever held the lease is dead.
                Some(Take::FromTheDead)
            };
            if let Some(take) = take {
                left.push((run.id, take));
            }
        }
        Ok(left)
    }

    /// Where a plan's releases run.
    async fn target_of(&self, plan: &Plan) -> Result<Option<TargetKind>, Problem> {
        let release = plan.release.as_ref().or(plan.live.as_ref().map(|live| &live.release));
        let Some(release) = release else { return Ok(None) };
        Ok(self.journal.release(&plan.key, release).await?.map(|record| record.release.target))
    }

    /// Asks a run to end. What it made is undone.
    ///
    /// # Errors
    /// `RUN_UNKNOWN`, `RUN_NOT_THERE` when it is over or not driven by this engine, or `ENVIRONMENT_ELSEWHERE`.
    pub async fn abort(&self, run: &RunId, by: &str) -> Result<(), Problem> {
        let record = self.run(run).await?;
        if let Some(elsewhere) = self.left_elsewhere(&record).await? {
            return Err(elsewhere);
        }
        let abort = self.driving.abort(run);
        match (record.state.outcome, abort) {
            (None, Some(abort)) => {
                abort.request(by);
                Ok(())
            }
            (Some(outcome), _) => Err(Problem::new(
                Code::RunNotThere,
                format!("{run} is over: {}", outcome.as_str()),
                format!(
                    "to go back to the former release: `bascule rollback {}`",
                    record.plan.key.environment
                ),
            )),
            (None, None) if record.state.next() != Next::AwaitPerson => {
                let lease = self.journal.lease(&record.plan.key).await?;
                let owner = lease.map_or_else(|| "another control plane".to_owned(), |lease| lease.owner);
                Err(Problem::new(
                    Code::RunNotThere,
                    format!("{run} is driven by {owner}, and not here"),
                    format!("`bascule abort {run}` there; `bascule run show {run}` says how it stands"),
                ))
            }
            (None, None) => Err(Problem::new(
                Code::RunNotThere,
                format!("{run} waits for a person's decision"),
                format!(
                    "`bascule resolve {run} --retry-undo`, or `bascule resolve {run} --abandon --reason \"…\"`"
                ),
            )),
        }
    }

    /// A person's decision on a run that is stuck.
    ///
    /// # Errors
    /// `RUN_NOT_THERE` when it is not stuck.
    pub async fn resolve(&self, run: &RunId, decision: Decision, by: &str) -> Result<Begun, Problem> {
        let record = self.run(run).await?;
        if record.state.next() != Next::AwaitPerson {
            return Err(Problem::new(
                Code::RunNotThere,
                format!("{run} does not wait for a decision"),
                format!("`bascule run show {run}` says how it stands"),
            ));
        }
        self.refuse_elsewhere(&record.plan.key).await?;
        let mut begun = self.resume(run, Take::FromTheDead).await?;
        let event = match decision {
            Decision::RetryUndo => Event::RetryUndo { by: by.to_owned(), attempt: record.state.retries + 1 },
            Decision::Abandon { reason } => Event::Abandoned { by: by.to_owned(), reason },
        };
        begun.drive.decide(event).await?;
        Ok(begun)
    }
}
