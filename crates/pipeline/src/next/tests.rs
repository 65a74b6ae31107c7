//! What is next, and what it is after a crash at any moment: a runner without processes, in a time of its own.

use std::collections::BTreeMap;

use bascule_model::problem::Code;
use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::plan::Retry;

fn job(name: &str, needs: &[&str]) -> Job {
    Job {
        name: name.to_owned(),
        run: vec!["true".to_owned()],
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        timeout_ms: 10_000,
        attempt_timeout_ms: 10_000,
        retry: Retry { attempts: 1, backoff_ms: 0, on: Vec::new() },
        cache: None,
        reports: Vec::new(),
        secrets: Vec::new(),
        env: BTreeMap::new(),
        given: Vec::new(),
        finally: Some("true".to_owned()),
        inputs: Vec::new(),
    }
}

fn plan(stages: Vec<(&str, Work)>) -> Plan {
    Plan {
        run: "ship-1".to_owned(),
        app: "shop".to_owned(),
        commit: "c0ffee".to_owned(),
        dirty: false,
        project: "/".into(),
        prefix: String::new(),
        actor: "tester".to_owned(),
        began_at: Timestamp::UNIX_EPOCH,
        surroundings: BTreeMap::new(),
        jobs: 2,

        gates_of: None,
        gates: Default::default(),
        stages: stages.into_iter().map(|(name, work)| Stage { name: name.to_owned(), work }).collect(),
    }
}

/// Carries a plan out: each thing that is begun ends at the next step, in the order in which it began.
struct World<'a> {
    plan: &'a Plan,
    events: Vec<(Timestamp, Event)>,
    state: State,
    busy: Vec<Action>,
    now: Timestamp,
    ends: Vec<End>,
    drawn: usize,
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, ends: Vec<End>) -> Self {
        let (events, state) = (Vec::new(), State::default());
        Self { plan, events, state, busy: Vec::new(), now: Timestamp::UNIX_EPOCH, ends, drawn: 0 }
    }

    fn record(&mut self, event: Event) {
        self.state.on(self.now, &event);
        self.events.push((self.now, event));
    }

    fn end(&mut self) -> End {
        self.drawn += 1;
        let drawn = self.drawn - 1;
        if self.ends.is_empty() { End::Exit(0) } else { self.ends[drawn % self.ends.len()].clone() }
    }

    /// The runner is dead; the next one folds what is on disk, all or only the first `kept` events of it.
    fn crash(&mut self) {
        self.busy.clear();
        self.state = State::default();
        for (at, event) in &self.events {
            self.state.on(*at, event);
        }
        let mut lost = Vec::new();
        for (stage, of_stage) in &self.state.stages {
            for (job, of_job) in &of_stage.jobs {
                let (stage, job, attempt) = (stage.clone(), job.clone(), of_job.begun);
                match of_job.phase {
                    Phase::Running => {
                        lost.push(Event::AttemptEnded { stage, job, attempt, end: End::Lost, ms: 0 });
                    }
                    Phase::Finally => lost.push(Event::FinallyEnded { stage, job, end: End::Lost }),
                    _ => {}
                }
            }
        }
        lost.into_iter().for_each(|event| self.record(event));
    }

    /// One thing begins or ends. Answers whether the run goes on.
    fn step(&mut self) -> bool {
        if self.state.finished.is_some() {
            return false;
        }
        let busy = self.busy.iter().cloned().collect();
        if let Some(action) = next(&self.state, self.plan, &busy, self.now).into_iter().next() {
            let names = |stage: &str, job: &str| (stage.to_owned(), job.to_owned());
            match &action {
                Action::BeginStage(stage) => self.record(Event::StageBegan { stage: stage.clone() }),
                Action::EndStage(stage, passed) => {
                    self.record(Event::StageEnded { stage: stage.clone(), passed: *passed });
                }
                Action::Judge(stage) => {
                    self.record(Event::Judged { stage: stage.clone(), decisions: Vec::new() });
                }
                Action::Skip { stage, job, why } => {
                    let ((stage, job), verdict) = (names(stage, job), Verdict::Skipped(why.clone()));
                    self.record(Event::JobDone { stage, job, verdict, reports: Vec::new() });
                }
                Action::Finish => {
                    let problem = self.state.failure.clone().or_else(|| {
                        self.state.abort.as_ref().map(|by| Problem::new(Code::Aborted, by.clone(), "r"))
                    });
                    self.record(Event::Finished { problem });
                }
                Action::Attempt { stage, job } => {
                    let attempt = self.state.job_of(stage, job).begun + 1;
                    let (stage, job) = names(stage, job);
                    self.record(Event::JobBegan { stage, job, attempt, because: None });
                    self.busy.push(action);
                }
                Action::Finally { stage, job } => {
                    let (stage, job) = names(stage, job);
                    self.record(Event::FinallyBegan { stage, job });
                    self.busy.push(action);
                }
                _ => self.busy.push(action),
            }
            return true;
        }
        if self.busy.is_empty() {
            let moment = wakes(&self.state, self.plan, self.now).expect("something has to be waited for");
            assert!(moment > self.now, "it waits for a moment that is over");
            self.now = moment;
            return true;
        }
        match self.busy.remove(0) {
            Action::CheckOut => self.record(Event::CheckedOut { changed: 0 }),
            Action::Attempt { stage, job } => {
                let attempt = self.state.job_of(&stage, &job).begun;
                let end = self.end();
                self.record(Event::AttemptEnded { stage, job, attempt, end, ms: 1 });
            }
            Action::Finally { stage, job } => {
                self.record(Event::FinallyEnded { stage, job, end: End::Exit(0) });
            }
            Action::Settle { stage, job } => {
                let of_plan = self.plan.job(&stage, &job).unwrap();
                let problem = failure(self.plan, &stage, of_plan, &self.state.job_of(&stage, &job));
                let verdict = problem.map_or(Verdict::Passed, Verdict::Failed);
                self.record(Event::JobDone { stage, job, verdict, reports: Vec::new() });
            }
            Action::Build(stage) => {
                self.record(Event::ArtifactMade { stage: stage.clone(), artifact: "sha256:1".to_owned() });
                self.record(Event::WorkDone { stage, problem: None });
            }
            Action::Deploy(stage) => self.record(Event::WorkDone { stage, problem: None }),
            other => panic!("{other:?} takes no time"),
        }
        true
    }

    fn finish(&mut self) {
        for _ in 0..1_000 {
            if !self.step() {
                return;
            }
        }
        panic!("it does not end: {:#?}", self.state);
    }

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| wanted(event)).count()
    }

    fn verdict(&self, stage: &str, job: &str) -> Phase {
        self.state.job_of(stage, job).phase
    }

    /// What holds of every run that is over.
    fn check(&self) {
        let passed = self.state.finished.expect("it is over").1;
        for stage in &self.plan.stages {
            for job in stage.jobs() {
                let of = |event: &Event, wanted: &str| {
                    let value = serde_json::to_value(event).unwrap();
                    value["event"] == wanted
                        && value["stage"] == stage.name.as_str()
                        && value["job"] == job.name.as_str()
                };
                let done = self.events.iter().position(|(_, event)| of(event, "job-done"));
                let last = self.events.iter().rposition(|(_, event)| of(event, "job-began"));
                if let (Some(done), Some(last)) = (done, last) {
                    assert!(last < done, "{}: a finished job was begun again", job.name);
                }
                assert!(self.count(|event| of(event, "job-done")) <= 1, "{}", job.name);
                let whole = self.count(|event| {
                    matches!(event, Event::FinallyEnded { end, .. } if *end != End::Lost)
                        && of(event, "finally-ended")
                });
                // One that is cut off again and again is given up in the end.
                let cut = self.count(|event| {
                    matches!(event, Event::FinallyEnded { end: End::Lost, .. }) && of(event, "finally-ended")
                });
                let series = 1 + self.count(|event| {
                    matches!(event, Event::AttemptEnded { end: End::Lost, .. }) && of(event, "attempt-ended")
                });
                match last {
                    None => assert_eq!(whole, 0, "{}: `finally` of what was never begun", job.name),
                    Some(_) => assert!(
                        (whole >= 1 || cut >= FINALLIES as usize) && whole <= series,
                        "{}: {whole} times `finally` for {series} series",
                        job.name
                    ),
                }
                if passed {
                    let phase = self.verdict(&stage.name, &job.name);
                    assert!(matches!(phase, Phase::Done(Verdict::Passed)), "{}: {phase:?}", job.name);
                }
            }
        }
        let ended =
            |stage: &str| self.state.stages.get(stage).and_then(|stage| stage.ended).map(|(_, it)| it);
        for pair in self.plan.stages.windows(2) {
            if self.state.stages.contains_key(&pair[1].name) {
                assert_eq!(
                    ended(&pair[0].name),
                    Some(true),
                    "a stage began before the one before had passed"
                );
            }
        }
    }
}

fn usual() -> Plan {
    let mut flaky = job("flaky", &[]);
    flaky.retry =
        Retry { attempts: 3, backoff_ms: 100, on: vec!["exit:75".to_owned(), "timeout".to_owned()] };
    plan(vec![
        ("checks", Work::Jobs(vec![job("lint", &[]), flaky, job("unit", &["lint"])])),
        ("build", Work::Build("staging".to_owned())),
        ("staging", Work::Deploy("staging".to_owned())),
        ("after", Work::Jobs(vec![job("smoke", &[])])),
    ])
}

#[test]
fn everything_passes_in_its_order() {
    let plan = usual();
    let mut world = World::new(&plan, Vec::new());
    world.finish();
    world.check();
    assert!(world.state.finished.unwrap().1);
    assert_eq!(world.state.record(&plan).artifact.as_deref(), Some("sha256:1"));
}

#[test]
fn what_failed_ends_the_stage_and_what_needs_it_is_not_run() {
    let plan = plan(vec![
        ("one", Work::Jobs(vec![job("a", &[]), job("b", &[]), job("c", &["a"]), job("d", &[])])),
        ("two", Work::Jobs(vec![job("e", &[])])),
    ]);
    let mut world = World::new(&plan, vec![End::Exit(1), End::Exit(0)]);
    world.finish();
    world.check();
    assert!(matches!(world.verdict("one", "a"), Phase::Done(Verdict::Failed(_))));
    assert!(
        matches!(world.verdict("one", "b"), Phase::Done(Verdict::Passed)),
        "what runs goes on to its end"
    );
    assert!(matches!(world.verdict("one", "c"), Phase::Done(Verdict::Skipped(_))));
    assert!(!world.state.stages.contains_key("two"));
    assert!(!world.state.finished.unwrap().1);
}

#[test]
fn only_what_on_names_is_tried_again_with_longer_pauses() {
    for (end, attempts) in [
        (End::Exit(75), 3),
        (End::AttemptTimeout, 3),
        (End::Exit(1), 1),
        (End::Signal(9), 1),
        (End::Timeout, 1),
    ] {
        let plan = usual();
        let mut world = World::new(&plan, vec![End::Exit(0), end.clone(), end.clone(), end.clone()]);
        world.plan = &plan;
        while world.step() {}
        world.check();
        let begun = world.count(|event| matches!(event, Event::JobBegan { job, .. } if job == "flaky"));
        assert_eq!(begun, attempts, "{end:?}");
        let waited = world.now.duration_since(Timestamp::UNIX_EPOCH).as_millis();
        assert_eq!(waited, if attempts == 3 { 100 + 200 } else { 0 }, "{end:?}");
    }
}

#[test]
fn no_attempt_begins_after_all_of_them_have_taken_too_long() {
    let mut plan = usual();
    let Work::Jobs(jobs) = &mut plan.stages[0].work else { panic!() };
    jobs[1].timeout_ms = 250;
    let mut world = World::new(&plan, vec![End::Exit(0), End::Exit(75)]);
    while world.step() {}
    let begun = world.count(|event| matches!(event, Event::JobBegan { job, .. } if job == "flaky"));
    assert_eq!(begun, 2, "the third would begin after 300 ms");
}

#[test]
fn a_job_that_ends_its_runner_is_given_up() {
    let plan = plan(vec![("one", Work::Jobs(vec![job("a", &[])]))]);
    let mut world = World::new(&plan, Vec::new());
    for _ in 0..200 {
        if !world.step() {
            break;
        }
        if world.verdict("one", "a") == Phase::Running {
            world.crash();
        }
    }
    world.check();
    let begun = world.count(|event| matches!(event, Event::JobBegan { .. }));
    assert_eq!((begun, world.state.finished.unwrap().1), (3, false));
}

#[test]
fn after_an_abort_only_finally_is_begun() {
    let plan = usual();
    for steps in 0..60 {
        let mut world = World::new(&plan, vec![End::Exit(0), End::Exit(75)]);
        for _ in 0..steps {
            world.step();
        }
        if world.state.finished.is_some() {
            continue;
        }
        let before = world.events.len();
        world.record(Event::AbortRequested { by: "somebody".to_owned() });
        world.finish();
        world.check();
        let begun = |event: &&(Timestamp, Event)| {
            matches!(event.1, Event::JobBegan { .. } | Event::StageBegan { .. } | Event::DeployBegan { .. })
        };
        assert_eq!(world.events[before..].iter().filter(begun).count(), 0, "after {steps} steps");
        assert!(!world.state.finished.unwrap().1);
    }
}

fn ends() -> impl Strategy<Value = Vec<End>> {
    let end = prop_oneof![
        6 => Just(End::Exit(0)),
        1 => Just(End::Exit(75)),
        1 => Just(End::AttemptTimeout),
        1 => Just(End::Signal(9)),
        1 => Just(End::Exit(1)),
    ];
    proptest::collection::vec(end, 1..8)
}

proptest! {
    #[test]
    fn whenever_it_crashes_it_goes_on(
        ends in ends(),
        crashes in proptest::collection::vec(0..40_usize, 0..6),
    ) {
        let plan = usual();
        let mut world = World::new(&plan, ends);
        for pause in crashes {
            for _ in 0..pause {
                world.step();
            }
            if world.state.finished.is_none() {
                world.crash();
            }
        }
        world.finish();
        world.check();
        // The fold says the same as what was seen.
        let seen = world.state.clone();
        world.crash();
        prop_assert_eq!(world.state, seen);
    }
}
