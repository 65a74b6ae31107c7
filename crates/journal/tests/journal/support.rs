//! Made-up environments, releases, runs and events for the journal's tests.

use std::time::Duration;

use bascule_journal::{
    Commit, EnvironmentRecord, Journal, JournalError, Lease, LeaseEnd, Recorded, ReleaseRecord, RunRecord,
    Standard, Take,
};
use bascule_model::ids::{EnvironmentKey, ReleaseId, RunId, Slot};
use bascule_model::plan::{ArtifactPlan, Plan, PlannedStep, RunKind};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{OnDrift, OnNoData, Release, Rollout, Source, TargetKind};
use bascule_model::run::{Event, Next, OnFailure, Outcome, RunState, Touches};
use jiff::Timestamp;
use serde_json::json;

/// Seconds after some fixed moment; with a part of a second, which has to survive.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_790_000_000 + seconds, 123_456_789).unwrap()
}

pub fn key(text: &str) -> EnvironmentKey {
    text.parse().unwrap()
}

pub fn release(key: &EnvironmentKey, number: u64) -> ReleaseRecord {
    let hash = format!("{number:064x}");
    ReleaseRecord {
        release: Release {
            id: ReleaseId::new(number, "abcdef"),
            number,
            key: key.clone(),
            target: TargetKind::Process,
            drift: OnDrift::Repair,
            artifact: format!("sha256:{hash}"),
            cluster: None,
            listen: "127.0.0.1:8080".parse().unwrap(),
            hosts: vec!["shop.example.com".to_owned()],
            services: Vec::new(),
            rollout: Rollout {
                deadline: Duration::from_secs(300),
                bake: Duration::from_secs(60),
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
            content: hash,
            created_at: at(0),
        },
        sealed: vec![0, 255, 7, b'\''],
        standard: Standard::New,
        source: Some(Source {
            project: "/srv/shop".into(),
            command: None,
            files: vec!["shop".to_owned()],
            image: None,
            migrations: None,
        }),
    }
}

pub fn run(key: &EnvironmentKey, name: &str, seconds: i64) -> RunRecord {
    let names = ["lease", "start", "switch"];
    RunRecord {
        id: RunId::from_text(name),
        plan: Plan {
            kind: RunKind::Deploy,
            key: key.clone(),
            release: Some(ReleaseId::new(1, "abcdef")),
            slot: Slot::Blue,
            live: None,
            standby: None,
            way: bascule_model::plan::Way::Switch,
            content: "00".to_owned(),
            artifact: ArtifactPlan::None,
            promoted: None,
            provenance: None,
            services: Vec::new(),
            configuration: Vec::new(),
            tasks: Vec::new(),
            schema: None,
            steps: names.map(|name| PlannedStep { name: name.to_owned(), says: "…".to_owned() }).to_vec(),
            notes: vec!["a 'note' with \"quotes\"".to_owned()],
        },
        actor: "ada".to_owned(),
        created_at: at(seconds),
        finished_at: None,
        state: RunState::new(
            OnFailure::Undo,
            names.map(|name| {
                (name.to_owned(), if name == "lease" { Touches::Nothing } else { Touches::World })
            }),
        ),
    }
}

pub fn started(step: &str, attempt: u32) -> Event {
    Event::StepStarted { step: step.to_owned(), attempt }
}

pub fn done(step: &str, attempt: u32) -> Event {
    Event::StepDone { step: step.to_owned(), attempt, evidence: json!({ "took_ms": 12, "text": "é" }) }
}

pub fn failed(step: &str, attempt: u32) -> Event {
    Event::StepFailed {
        step: step.to_owned(),
        attempt,
        problem: Problem::new(Code::InstanceCrashLoop, "it ended three times", "read its log"),
        evidence: json!(null),
    }
}

pub fn undo_started(step: &str, attempt: u32) -> Event {
    Event::UndoStarted { step: step.to_owned(), attempt }
}

pub fn undo_done(step: &str, attempt: u32) -> Event {
    Event::UndoDone { step: step.to_owned(), attempt, evidence: json!(null) }
}

pub fn finished(outcome: Outcome) -> Event {
    Event::Finished { outcome }
}

/// An engine's view of one run: keeps the state it believes in.
pub struct Driver {
    pub lease: Lease,
    pub state: RunState,
    pub environment: EnvironmentRecord,
    pub clock: i64,
}

impl Driver {
    pub async fn begin(journal: &dyn Journal, run: &RunRecord, owner: &str) -> Result<Self, JournalError> {
        let until = run.created_at + jiff::SignedDuration::from_secs(30);
        let lease = journal.begin(run, owner, until, Take::IfFree, None).await?;
        Ok(Self::of(journal, run, lease).await)
    }

    pub async fn of(journal: &dyn Journal, run: &RunRecord, lease: Lease) -> Self {
        let environment = journal.environment(&lease.key).await.unwrap().unwrap();
        let clock = run.created_at.as_second() - at(0).as_second();
        Self { lease, state: run.state.clone(), environment, clock }
    }

    pub fn commit(&self, event: Event) -> Commit {
        let mut state = self.state.clone();
        // An illegal event keeps the state: the journal has to see that by itself.
        let _ = state.on(&event);
        let over = state.outcome.is_some();
        Commit {
            key: self.lease.key.clone(),
            generation: self.lease.generation,
            run: self.lease.run.clone(),
            event,
            at: at(self.clock + 1),
            state,
            environment: self.environment.clone(),
            release: None,
            ends_lease: if over { LeaseEnd::Release } else { LeaseEnd::Keep },
        }
    }

    pub async fn write(&mut self, journal: &dyn Journal, event: Event) -> Result<Recorded, JournalError> {
        let commit = self.commit(event);
        let recorded = journal.commit(&commit).await?;
        self.state = commit.state;
        self.clock += 1;
        Ok(recorded)
    }

    /// The events that bring the run to its end when all goes well.
    pub async fn finish(&mut self, journal: &dyn Journal) -> Result<(), JournalError> {
        loop {
            let event = match self.state.next() {
                Next::Apply { step, attempt } => started(&self.state.steps[step].name, attempt),
                Next::ObserveApply { step } => {
                    done(&self.state.steps[step].name, self.state.steps[step].attempts)
                }
                Next::Undo { step, attempt } => {
                    let name = self.state.steps[step].name.clone();
                    self.write(journal, undo_started(&name, attempt)).await?;
                    undo_done(&name, attempt)
                }
                Next::Finish(outcome) => finished(outcome),
                Next::AwaitPerson | Next::Ended => return Ok(()),
            };
            self.write(journal, event).await?;
        }
    }
}
