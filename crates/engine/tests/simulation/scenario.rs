//! A scenario: releases come and go, things fail, engines die, sleep or are told to stop; at the end everything must be true.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bascule_engine::draft::Wish;
use bascule_engine::engine::Engine;
use bascule_engine::executor::Driven;
use bascule_engine::home::{Seat, Shares};
use bascule_journal::memory::MemoryJournal;
use bascule_journal::{EnvironmentRecord, Journal, Take};
use bascule_model::ids::{ReleaseId, RunId, ServiceName};
use bascule_model::manifest::{BackupWhen, InstanceText, MigrationFormat, Policy, Rehearse};
use bascule_model::plan::RunKind;
use bascule_model::problem::Code;
use bascule_model::release::{
    Before, Check, Configuration, Health, Limits, MigrationSource, OnDrift, OnNoData, Pods, Probe, Release,
    Rolling, Rollout, Service, Source, Stop, TargetKind, Task, Traffic,
};
use bascule_model::run::Outcome;
use bascule_model::schema::{BackupPolicy, SchemaPolicy};
use jiff::Timestamp;

use crate::chance::Chance;
use crate::fakes::{self, Counted, key};
use crate::world::{Moment, World};

pub struct Scenario {
    world: World,
    chance: Chance,
    journal: Arc<MemoryJournal>,
    ids: Arc<Counted>,
    engines: u64,
    failures: bool,
    crashes: bool,
    stalls: bool,
    aborts: bool,
    /// What ran before the run of the moment: what an earlier run left is not this one's.
    there_before: Vec<ReleaseId>,
}

impl Scenario {
    pub fn new(seed: u64) -> Self {
        Self {
            world: World::new(seed),
            chance: Chance::new(seed ^ 0xabcd),
            journal: Arc::new(MemoryJournal::default()),
            ids: Arc::default(),
            engines: 0,
            failures: false,
            crashes: false,
            stalls: false,
            aborts: false,
            there_before: Vec::new(),
        }
    }

    pub fn with_failures(self) -> Self {
        Self { failures: true, ..self }
    }

    pub fn with_crashes(self) -> Self {
        Self { crashes: true, ..self }
    }

    pub fn with_stalls(self) -> Self {
        Self { stalls: true, ..self }
    }

    pub fn with_aborts(self) -> Self {
        Self { aborts: true, ..self }
    }

    /// Releases come instance by instance.
    pub fn that_rolls(self) -> Self {
        self.world.state().rolls = true;
        self
    }

    /// Each release has something to be done once, before its start and before the switch.
    pub fn with_tasks(self) -> Self {
        self.world.state().tasks = true;
        self
    }

    pub async fn play(mut self) -> Result<(), String> {
        for _ in 0..6 {
            self.set_the_weather();
            let kind = match self.chance.below(8) {
                0 | 1 => RunKind::Rollback,
                2 if self.chance.one_in(3) => RunKind::Down,
                3 if self.chance.one_in(2) => RunKind::Retire,
                4 => RunKind::Contract,
                5 => RunKind::Revert,
                6 if self.chance.one_in(2) => RunKind::Undrop,
                _ => RunKind::Deploy,
            };
            if kind == RunKind::Deploy && self.chance.one_in(2) {
                self.world.state().newest += 1;
            }
            self.one_run(kind).await?;
        }
        Ok(())
    }

    fn wish(&self) -> Wish {
        let mut wish = wish();
        if self.world.state().rolls {
            wish.release.target = TargetKind::Kubernetes;
            wish.release.rollout.rolling = Some(Rolling { max_unavailable: 0, max_surge: 1 });
        }
        if self.world.state().tasks {
            let task = |name: &str, before| Task {
                name: name.parse().expect("a name"),
                service: ServiceName::new("web").expect("a name"),
                command: vec![InstanceText::literal("work")],
                before,
                timeout: Duration::from_secs(5),
            };
            wish.release.tasks = vec![task("migrate", Before::Start), task("warm", Before::Switch)];
        }
        wish
    }

    /// What will go wrong during the next run.
    fn set_the_weather(&mut self) {
        let chance = &mut self.chance;
        let mut state = self.world.state();
        state.failing = if self.failures && chance.one_in(2) { 10 + chance.below(60) } else { 0 };
        state.starts_well = !chance.one_in(5);
        state.checks_pass = !chance.one_in(6);
        state.tasks_end_well = !chance.one_in(6);
        state.bears = !chance.one_in(6);
        state.errors = if chance.one_in(5) { 10 } else { 0 };
        state.crash_in = None;
        state.stall_in = None;
    }

    fn set_a_crash(&mut self) {
        let moment = if self.chance.one_in(2) { Moment::Before } else { Moment::After };
        let at = self.chance.below(25);
        self.world.state().crash_in = Some((at, moment));
    }

    fn engine(&mut self) -> Arc<Engine> {
        self.engines += 1;
        let seat = Seat::new(self.engines, "here".to_owned(), Shares::Nothing);
        let logs = PathBuf::from("/nonexistent");
        Arc::new(Engine::new(fakes::ports(&self.world), self.journal.clone(), self.ids.clone(), seat, logs))
    }

    async fn one_run(&mut self, kind: RunKind) -> Result<(), String> {
        let engine = self.engine();
        self.there_before = self.world.state().running.values().map(|(release, _)| release.clone()).collect();
        // Planning calls the world too; it is not what is tested here.
        let failing = std::mem::take(&mut self.world.state().failing);
        let begun = match kind {
            RunKind::Deploy => engine.deploy(&self.wish(), None, "somebody").await,
            RunKind::Rollback => {
                let goal = self.goal().await;
                engine.rollback(&key(), goal.as_ref(), None, "somebody").await
            }
            RunKind::Retire => engine.retire(&key(), "somebody").await,
            RunKind::Down => engine.down(&key(), "somebody").await,
            RunKind::Contract => engine.contract(&key(), "somebody").await,
            RunKind::Revert => engine.revert_schema(&key(), "somebody").await,
            RunKind::Undrop => {
                let contracted = self.world.state().contracted.iter().next_back().cloned();
                let Some(version) = contracted else { return Ok(()) };
                engine.undrop(&key(), vec![version], "somebody").await
            }
        };
        self.world.state().failing = failing;
        let begun = match begun {
            Ok(begun) => begun,
            Err(problem)
                if matches!(
                    problem.code,
                    Code::NothingToRollBackTo | Code::NothingLive | Code::SchemaRefuses
                ) =>
            {
                return Ok(());
            }
            Err(problem) => return Err(format!("a {kind:?} could not begin: {problem}")),
        };
        let run = begun.run.clone();
        if self.crashes {
            self.set_a_crash();
        }
        if self.stalls {
            let at = self.chance.below(20);
            self.world.state().stall_in = Some(at);
        }
        let driven = self.drive(&engine, begun).await;
        let driven = self.until_over(&run, driven).await?;
        let judged = self.judge(&run, driven).await;
        match judged {
            Ok(()) => Ok(()),
            Err(why) => Err(format!("{why}\n{}", self.told().await)),
        }
    }

    /// What the journal says of all runs, the last one at the end, a line an event.
    async fn told(&self) -> String {
        let mut lines = Vec::new();
        for record in self.journal.runs(&key(), u32::MAX).await.unwrap_or_default().iter().rev() {
            lines.push(format!("{} {:?}", record.id, record.plan.kind));
            let events = self.journal.events(&record.id, 0).await.unwrap_or_default();
            lines.extend(events.iter().map(|it| format!("  {} {:?}", it.generation, it.event)));
        }
        lines.join("\n")
    }

    /// Where a person wants to go back to, or forth: mostly to what was before.
    async fn goal(&mut self) -> Option<ReleaseId> {
        if !self.chance.one_in(3) {
            return None;
        }
        let environment = self.journal.environment(&key()).await.ok().flatten()?;
        let live = environment.live.map(|live| live.release);
        let all = self.journal.releases(&key(), u32::MAX).await.ok()?;
        let settled = all.into_iter().map(|one| one.release.id).filter(|id| environment.settled.contains(id));
        let others: Vec<ReleaseId> = settled.filter(|id| Some(id) != live.as_ref()).collect();
        let at = usize::try_from(self.chance.below(others.len().max(1) as u64)).ok()?;
        others.get(at).cloned()
    }

    /// Drives until the run ends, the engine dies, or it falls asleep and is overtaken.
    async fn drive(&mut self, engine: &Arc<Engine>, begun: bascule_engine::engine::Begun) -> Option<Driven> {
        let run = begun.run.clone();
        let abort_after = self.aborts.then(|| Duration::from_millis(self.chance.below(8000)));
        let abort = async {
            match abort_after {
                Some(after) => {
                    tokio::time::sleep(after).await;
                    let _ = engine.abort(&run, "somebody").await;
                    std::future::pending::<()>().await;
                }
                None => std::future::pending::<()>().await,
            }
        };
        let drive = engine.drive(begun);
        tokio::pin!(drive);
        if self.stalls {
            return self.drive_with_a_nap(&run, drive).await;
        }
        tokio::select! {
            driven = &mut drive => Some(driven),
            () = self.world.death() => None,
            () = abort => None,
        }
    }

    /// The engine is not polled any more once it stalls; another takes the lease when it has run out; then the first one wakes.
    async fn drive_with_a_nap(
        &mut self,
        run: &RunId,
        mut drive: std::pin::Pin<&mut impl Future<Output = Driven>>,
    ) -> Option<Driven> {
        loop {
            tokio::select! {
                biased;
                driven = &mut drive => return Some(driven),
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
            if self.world.state().stall_in.is_none() {
                break;
            }
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let second = self.engine();
        let taken = second.resume(run, Take::IfFree).await;
        // The sleeper wakes while the second one works, or after it.
        match taken {
            Ok(begun) if self.chance.one_in(2) => {
                let work = second.drive(begun);
                let (first, second) = tokio::join!(drive, work);
                self.expect_overtaken(&first);
                Some(second)
            }
            Ok(begun) => {
                let second = second.drive(begun).await;
                let first = drive.await;
                self.expect_overtaken(&first);
                Some(second)
            }
            Err(problem) => {
                self.world.state().wrong.push(format!("an expired lease could not be taken: {problem}"));
                None
            }
        }
    }

    fn expect_overtaken(&self, first: &Driven) {
        if *first != Driven::LostLease {
            self.world
                .state()
                .wrong
                .push(format!("the sleeper did not notice that it was overtaken: {first:?}"));
        }
    }

    /// Restarts the engine until the run is over, with fewer and fewer crashes; a stuck run gets a person who tries again.
    async fn until_over(&mut self, run: &RunId, mut driven: Option<Driven>) -> Result<Driven, String> {
        for round in 0..20 {
            match driven {
                Some(over @ Driven::Over(_)) => return Ok(over),
                Some(Driven::AwaitsPerson) => {
                    self.world.state().failing = 0;
                    let engine = self.engine();
                    let decision = bascule_engine::engine::Decision::RetryUndo;
                    let begun =
                        engine.resolve(run, decision, "somebody").await.map_err(|problem| problem.message)?;
                    driven = self.drive_once(&engine, begun).await;
                }
                Some(Driven::LostLease | Driven::Elsewhere(_) | Driven::Interrupted(_)) | None => {
                    if self.crashes && round < 6 {
                        self.set_a_crash();
                    } else {
                        self.world.state().crash_in = None;
                        self.world.state().failing = 0;
                    }
                    let engine = self.engine();
                    let begun = engine.resume(run, Take::FromTheDead).await;
                    match begun {
                        Ok(begun) => driven = self.drive_once(&engine, begun).await,
                        Err(problem) if self.is_over(run).await => {
                            return Err(format!("{run} was over and nobody said so: {problem}"));
                        }
                        Err(problem) => return Err(format!("{run} could not be resumed: {problem}")),
                    }
                }
            }
        }
        Err(format!("{run} does not end: {:?}", self.journal.run(run).await))
    }

    async fn drive_once(
        &mut self,
        engine: &Arc<Engine>,
        begun: bascule_engine::engine::Begun,
    ) -> Option<Driven> {
        tokio::select! {
            driven = engine.drive(begun) => Some(driven),
            () = self.world.death() => None,
        }
    }

    async fn is_over(&self, run: &RunId) -> bool {
        matches!(self.journal.run(run).await, Ok(Some(record)) if record.state.outcome.is_some())
    }

    /// After a run: the outcome, the journal and the world agree, and nothing is left over.
    async fn judge(&self, run: &RunId, driven: Driven) -> Result<(), String> {
        let Driven::Over(outcome) = driven else { return Err(format!("{run} is not over: {driven:?}")) };
        let record = self.journal.run(run).await.ok().flatten().ok_or("the run is gone")?;
        let environment = self
            .journal
            .environment(&key())
            .await
            .ok()
            .flatten()
            .unwrap_or_else(|| EnvironmentRecord::new(key()));
        let state = self.world.state();
        if let Some(wrong) = state.wrong.first() {
            return Err(wrong.clone());
        }
        let live = state.live.clone().map(|(_, release)| release);
        let recorded = environment.live.as_ref().map(|live| live.release.clone());
        if live != recorded {
            return Err(format!("{live:?} has the traffic, but {recorded:?} is recorded after {outcome:?}"));
        }
        let expected: Option<ReleaseId> = match (record.plan.kind, outcome) {
            (RunKind::Deploy | RunKind::Rollback, Outcome::Live) => record.plan.release.clone(),
            (RunKind::Down, Outcome::Live) => None,
            (RunKind::Down, _) => recorded.clone(),
            // Its release is the one that is taken back, never one that is to be live.
            (RunKind::Revert, _) => record.plan.live.as_ref().map(|live| live.release.clone()),
            _ => record.plan.live.as_ref().map(|live| live.release.clone()),
        };
        if live != expected {
            return Err(format!("a {:?} ended {outcome:?}, but {live:?} has the traffic", record.plan.kind));
        }
        let standing: Vec<ReleaseId> = recorded
            .into_iter()
            .chain(environment.standby.as_ref().map(|standby| standby.standing.release.clone()))
            .chain(self.there_before.iter().cloned())
            .collect();
        if outcome != Outcome::Failed
            && let Some((slot, (release, _))) =
                state.running.iter().find(|(_, (release, _))| !standing.contains(release))
        {
            return Err(format!(
                "{release} is left over in {slot} after {outcome:?} of {:?}",
                record.plan.kind
            ));
        }
        Ok(())
    }
}

pub fn wish() -> Wish {
    let service = Service {
        name: ServiceName::new("web").expect("a name"),
        container: None,
        secret_files: Vec::new(),
        command: Vec::new(),
        traffic: Some(Traffic { port: 3000, path: "/".to_owned(), hosts: Vec::new() }),
        instances: 2,
        pods: Pods::default(),
        drain: Duration::from_secs(30),
        stop: Stop { signal: 15, grace: Duration::from_secs(10) },
        limits: Limits::default(),
        health: Health {
            probe: Probe::Connect,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            start_period: Duration::from_secs(10),
            healthy_after: 2,
            unhealthy_after: 3,
        },
        configuration: std::collections::BTreeMap::new(),
    };
    let release = Release {
        id: ReleaseId::from_text(""),
        number: 0,
        key: key(),
        target: TargetKind::Process,
        drift: OnDrift::Repair,
        artifact: String::new(),
        cluster: None,
        listen: ([127, 0, 0, 1], 8080).into(),
        hosts: Vec::new(),
        services: vec![service],
        rollout: Rollout {
            deadline: Duration::from_secs(5),
            bake: Duration::from_secs(3),
            max_error_rate: 0.001,
            max_p95: Duration::from_secs(2),
            min_requests: 100,
            on_no_data: OnNoData::Probe,
            warm: Duration::from_secs(600),
            keep: 5,
            rolling: None,
        },
        tasks: Vec::new(),
        schema: None,
        secrets: Default::default(),
        provenance: None,
        content: "00".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
    };
    let check = Check::get("users", "/");
    Wish {
        artifact: None,
        provenance: None,
        promote_from: None,
        policy: Policy::default(),
        release,
        configuration: Configuration {
            env: std::collections::BTreeMap::new(),
            verify: vec![check],
            ..Configuration::default()
        },
        source: Source {
            project: PathBuf::from("/project"),
            command: None,
            files: Vec::new(),
            image: None,
            migrations: Some(MigrationSource {
                folder: "migrations".to_owned(),
                format: MigrationFormat::Auto,
                policy: SchemaPolicy {
                    lock_timeout: Duration::from_millis(500),
                    watch: Duration::from_secs(1),
                    soft_drop_for: Duration::ZERO,
                    backup: BackupWhen::BeforeExpand,
                    rehearse: Rehearse::Always,
                    smoke: Vec::new(),
                    backups: BackupPolicy {
                        every_seconds: None,
                        keep: 1,
                        max_age_seconds: None,
                        region: String::new(),
                    },
                },
            }),
        },
    }
}
