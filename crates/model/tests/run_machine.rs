//! The life of a run: whatever happens, in whatever order, it ends, and its end is true.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Event, Next, OnFailure, Outcome, Phase, RunState, Touches, UNDO_ATTEMPTS};
use proptest::prelude::*;
use serde_json::json;

fn problem() -> Problem {
    Problem::new(Code::InstanceNotReady, "web-2 did not get ready", "look at its log")
}

fn started(step: &str, attempt: u32) -> Event {
    Event::StepStarted { step: step.to_owned(), attempt }
}

fn done(step: &str, attempt: u32) -> Event {
    Event::StepDone { step: step.to_owned(), attempt, evidence: json!({ "n": 1 }) }
}

fn failed(step: &str, attempt: u32) -> Event {
    Event::StepFailed { step: step.to_owned(), attempt, problem: problem(), evidence: json!(null) }
}

fn undo_started(step: &str, attempt: u32) -> Event {
    Event::UndoStarted { step: step.to_owned(), attempt }
}

fn undo_done(step: &str, attempt: u32) -> Event {
    Event::UndoDone { step: step.to_owned(), attempt, evidence: json!(null) }
}

fn undo_failed(step: &str, attempt: u32) -> Event {
    Event::UndoFailed { step: step.to_owned(), attempt, problem: problem() }
}

fn abort() -> Event {
    Event::AbortRequested { by: "ada".to_owned() }
}

fn retry(attempt: u32) -> Event {
    Event::RetryUndo { by: "ada".to_owned(), attempt }
}

fn abandon() -> Event {
    Event::Abandoned { by: "ada".to_owned(), reason: "the machine is gone".to_owned() }
}

/// A deploy in small: two steps that touch nothing, three that do.
fn deploy() -> RunState {
    state(OnFailure::Undo, &["artifact", "gates"], &["start", "switch", "bake"])
}

fn state(on_failure: OnFailure, before: &[&str], world: &[&str]) -> RunState {
    let before = before.iter().map(|name| ((*name).to_owned(), Touches::Nothing));
    RunState::new(on_failure, before.chain(world.iter().map(|name| ((*name).to_owned(), Touches::World))))
}

#[track_caller]
fn feed(state: &mut RunState, events: impl IntoIterator<Item = Event>) {
    for event in events {
        state.on(&event).unwrap();
    }
}

/// What an engine without any trouble records next; none when the run waits or is over.
fn smooth(state: &RunState) -> Option<Event> {
    let name = |step: usize| state.steps[step].name.as_str();
    match state.next() {
        Next::Apply { step, attempt } => Some(started(name(step), attempt)),
        Next::ObserveApply { step } => Some(done(name(step), state.steps[step].attempts)),
        Next::Undo { step, .. } if state.steps[step].phase == Phase::Undoing => {
            Some(undo_done(name(step), state.steps[step].undo_total))
        }
        Next::Undo { step, attempt } => Some(undo_started(name(step), attempt)),
        Next::Finish(outcome) => Some(Event::Finished { outcome }),
        Next::AwaitPerson | Next::Ended => None,
    }
}

#[track_caller]
fn go_to_the_end(state: &mut RunState) -> Outcome {
    for _ in 0..1000 {
        match smooth(state) {
            Some(event) => state.on(&event).unwrap(),
            None => break,
        }
    }
    state.outcome.unwrap_or_else(|| panic!("it does not end: {state:?}"))
}

/// No effect of the run is left, known or unknown.
fn is_clean(state: &RunState) -> bool {
    let gone = |phase| matches!(phase, Phase::Pending | Phase::Undone);
    state.steps.iter().all(|step| step.touches == Touches::Nothing || gone(step.phase))
}

#[test]
fn a_run_without_trouble_goes_live_step_by_step() {
    let mut run = deploy();
    let mut told = Vec::new();
    while let Some(event) = smooth(&run) {
        let (kind, step, attempt) = event.identity();
        told.push(format!("{kind} {step} {attempt}"));
        run.on(&event).unwrap();
    }
    assert_eq!(told.len(), 11);
    assert_eq!(told[..3], ["step_started artifact 1", "step_done artifact 1", "step_started gates 1"]);
    assert_eq!(told[9..], ["step_done bake 1", "finished  1"]);
    assert_eq!((run.outcome, run.next(), run.current()), (Some(Outcome::Live), Next::Ended, None));
    assert_eq!(go_to_the_end(&mut state(OnFailure::Undo, &[], &[])), Outcome::Live);
}

#[test]
fn a_failure_before_the_world_is_touched_is_a_refusal() {
    let mut run = deploy();
    feed(&mut run, [started("artifact", 1), done("artifact", 1), started("gates", 1), failed("gates", 1)]);
    assert_eq!(run.cause, Some(problem()));
    assert_eq!(run.next(), Next::Finish(Outcome::Refused), "what touched nothing is not undone");
    assert_eq!(go_to_the_end(&mut run), Outcome::Refused);
}

#[test]
fn a_failure_after_it_is_undone_from_the_last_step_on() {
    let mut run = deploy();
    while run.next() != (Next::ObserveApply { step: 3 }) {
        let event = smooth(&run).unwrap();
        run.on(&event).unwrap();
    }
    // The step that failed may have happened in part: it is undone as well.
    feed(&mut run, [failed("switch", 1)]);
    assert_eq!(run.next(), Next::Undo { step: 3, attempt: 1 });
    feed(&mut run, [undo_started("switch", 1), undo_done("switch", 1)]);
    assert_eq!(run.next(), Next::Undo { step: 2, attempt: 1 });
    assert_eq!(go_to_the_end(&mut run), Outcome::RolledBack);
    assert!(is_clean(&run));
}

#[test]
fn a_run_that_is_not_undone_stops_where_it_failed() {
    let mut run = state(OnFailure::Stop, &[], &["drain", "stop"]);
    feed(&mut run, [started("drain", 1), done("drain", 1), started("stop", 1), failed("stop", 1)]);
    assert_eq!(go_to_the_end(&mut run), Outcome::Failed);
    assert_eq!(run.steps[0].phase, Phase::Done, "what was taken away stays away");
}

#[test]
fn of_a_run_that_stops_the_step_that_broke_off_is_undone() {
    let mut run = state(OnFailure::Stop, &[], &["switch-off", "stop"]);
    feed(&mut run, [started("switch-off", 1), started("switch-off", 2), failed("switch-off", 2)]);
    assert_eq!(run.next(), Next::Undo { step: 0, attempt: 1 });
    assert_eq!(go_to_the_end(&mut run), Outcome::Failed);
    assert_eq!(run.steps.iter().map(|step| step.phase).collect::<Vec<_>>(), [Phase::Undone, Phase::Pending]);

    // An abort that finds it begun, by an engine that was killed, does not know either whether it happened.
    let mut run = state(OnFailure::Stop, &[], &["switch-off", "stop"]);
    feed(&mut run, [started("switch-off", 1), abort()]);
    assert_eq!(run.next(), Next::Undo { step: 0, attempt: 1 });

    let mut run = state(OnFailure::Stop, &[], &["switch-off", "stop"]);
    feed(&mut run, [started("switch-off", 1), done("switch-off", 1), started("stop", 1), failed("stop", 1)]);
    assert_eq!(go_to_the_end(&mut run), Outcome::Failed);
    assert_eq!(run.steps.iter().map(|step| step.phase).collect::<Vec<_>>(), [Phase::Done, Phase::Undone]);

    // A journal of before has runs that ended where they failed.
    let mut run = state(OnFailure::Stop, &[], &["switch-off", "stop"]);
    feed(&mut run, [started("switch-off", 1), failed("switch-off", 1)]);
    feed(&mut run, [Event::Finished { outcome: Outcome::Failed }]);
    assert_eq!(run.next(), Next::Ended);

    // What cannot be undone holds nobody up.
    let mut run = state(OnFailure::Stop, &[], &["switch-off", "stop"]);
    feed(&mut run, [started("switch-off", 1), failed("switch-off", 1)]);
    for attempt in 1..=UNDO_ATTEMPTS {
        assert_eq!(run.next(), Next::Undo { step: 0, attempt });
        feed(&mut run, [undo_started("switch-off", attempt), undo_failed("switch-off", attempt)]);
    }
    assert_eq!(run.next(), Next::Finish(Outcome::Failed));
}

#[test]
fn an_abort_at_any_point_ends_refused_or_rolled_back() {
    for point in 0..=10 {
        let mut run = deploy();
        for _ in 0..point {
            let event = smooth(&run).unwrap();
            run.on(&event).unwrap();
        }
        let touched =
            run.steps.iter().any(|step| step.touches == Touches::World && step.phase != Phase::Pending);
        feed(&mut run, [abort()]);
        assert_eq!(run.cause.as_ref().map(|cause| cause.code), Some(Code::Aborted));
        assert!(run.clone().on(&abort()).is_err(), "once is enough");
        let expected = if touched { Outcome::RolledBack } else { Outcome::Refused };
        assert_eq!(go_to_the_end(&mut run), expected, "aborted after {point} events");
        assert!(is_clean(&run));
        assert!(run.on(&abort()).is_err(), "it is over");
    }
}

#[test]
fn an_abort_keeps_the_outcome_of_the_step_that_was_under_way() {
    for outcome in [done("artifact", 1), failed("artifact", 1)] {
        let mut run = deploy();
        feed(&mut run, [started("artifact", 1), abort(), outcome]);
        assert_eq!(run.cause.as_ref().map(|cause| cause.code), Some(Code::Aborted), "the first cause stays");
        assert_eq!(go_to_the_end(&mut run), Outcome::Refused);
    }
}

/// A run whose last undo failed so often that a person must decide.
fn stuck() -> RunState {
    let mut run = state(OnFailure::Undo, &[], &["start", "switch"]);
    feed(&mut run, [started("start", 1), done("start", 1), started("switch", 1), failed("switch", 1)]);
    for attempt in 1..=UNDO_ATTEMPTS {
        assert_eq!(run.next(), Next::Undo { step: 1, attempt });
        assert_eq!(run.stuck, None);
        feed(&mut run, [undo_started("switch", attempt), undo_failed("switch", attempt)]);
    }
    run
}

#[test]
fn an_undo_that_fails_five_times_waits_for_a_person() {
    let run = stuck();
    assert_eq!((run.next(), run.stuck.clone()), (Next::AwaitPerson, Some(problem())));
    assert_eq!(run.outcome, None, "it does not end by itself");
    for outcome in [Outcome::Live, Outcome::Refused, Outcome::RolledBack, Outcome::Stuck, Outcome::Failed] {
        assert!(run.clone().on(&Event::Finished { outcome }).is_err());
    }
}

#[test]
fn a_retry_gives_the_undo_its_attempts_anew() {
    let mut run = stuck();
    assert!(run.on(&retry(2)).is_err(), "the first is number 1");
    feed(&mut run, [retry(1)]);
    assert_eq!(run.next(), Next::Undo { step: 1, attempt: UNDO_ATTEMPTS + 1 });
    for attempt in UNDO_ATTEMPTS + 1..=2 * UNDO_ATTEMPTS {
        assert_ne!(run.next(), Next::AwaitPerson);
        feed(&mut run, [undo_started("switch", attempt), undo_failed("switch", attempt)]);
    }
    assert_eq!(run.next(), Next::AwaitPerson);
    assert!(run.on(&retry(1)).is_err(), "an answer is not given twice");
    feed(&mut run, [retry(2)]);
    assert_eq!(go_to_the_end(&mut run), Outcome::RolledBack);
    assert!(is_clean(&run));
}

#[test]
fn what_is_abandoned_ends_stuck() {
    let mut run = stuck();
    feed(&mut run, [abandon()]);
    assert!(run.abandoned);
    assert_eq!(run.next(), Next::Finish(Outcome::Stuck));
    assert!(run.clone().on(&Event::Finished { outcome: Outcome::RolledBack }).is_err());
    assert_eq!(go_to_the_end(&mut run), Outcome::Stuck);
}

#[test]
fn a_person_is_not_asked_before_it_is_stuck() {
    let mut run = deploy();
    for event in [retry(1), abandon()] {
        assert!(run.on(&event).is_err());
    }
    feed(&mut run, [started("artifact", 1), abort()]);
    for event in [retry(1), abandon()] {
        assert!(run.on(&event).is_err());
    }
}

#[test]
fn a_repeat_after_a_crash_is_a_new_attempt() {
    let mut run = deploy();
    feed(&mut run, [started("artifact", 1)]);
    assert_eq!(run.next(), Next::ObserveApply { step: 0 });
    assert!(run.on(&started("artifact", 1)).is_err());
    feed(&mut run, [started("artifact", 2)]);
    assert!(run.on(&done("artifact", 1)).is_err(), "the first attempt's end comes too late");
    feed(&mut run, [done("artifact", 2)]);
    assert_eq!(run.next(), Next::Apply { step: 1, attempt: 1 });
}

#[test]
fn nothing_goes_forward_after_it_turned_back() {
    let mut run = deploy();
    feed(&mut run, [started("artifact", 1), done("artifact", 1), abort()]);
    assert!(run.on(&started("gates", 1)).is_err());
    let mut forward = deploy();
    feed(&mut forward, [started("artifact", 1), done("artifact", 1)]);
    assert!(forward.on(&undo_started("artifact", 1)).is_err(), "nothing is undone before it turned back");
}

/// Any event at all about one of the steps (or one that is not there), however absurd.
fn any_event() -> impl Strategy<Value = Event> {
    let step = prop::sample::select(vec!["artifact", "gates", "start", "switch", "bake", "nowhere"]);
    (step, 0_u32..4, 0_u8..10, 0_usize..5).prop_map(|(step, attempt, kind, outcome)| {
        let outcomes =
            [Outcome::Live, Outcome::Refused, Outcome::RolledBack, Outcome::Stuck, Outcome::Failed];
        match kind {
            0 => started(step, attempt),
            1 => done(step, attempt),
            2 => failed(step, attempt),
            3 => undo_started(step, attempt),
            4 => undo_done(step, attempt),
            5 => undo_failed(step, attempt),
            6 => abort(),
            7 => retry(attempt),
            8 => abandon(),
            _ => Event::Finished { outcome: outcomes[outcome] },
        }
    })
}

/// What may become of a run at a moment: the smooth event, or one of the troubles that an engine can have there.
fn troubled(state: &RunState, choice: u8) -> Option<Event> {
    let step_of = |step: usize| &state.steps[step];
    let name = |step: usize| step_of(step).name.as_str();
    match (state.next(), choice) {
        (Next::Ended, _) => None,
        (_, 0) if state.cause.is_none() => Some(abort()),
        (Next::ObserveApply { step }, 1) => Some(failed(name(step), step_of(step).attempts)),
        (Next::ObserveApply { step }, 2) => Some(started(name(step), step_of(step).attempts + 1)),
        (Next::Undo { step, .. }, 1..=3) if step_of(step).phase == Phase::Undoing => {
            Some(undo_failed(name(step), step_of(step).undo_total))
        }
        // A crash while it was undone: the undo is done again.
        (Next::Undo { step, attempt }, 4) => Some(undo_started(name(step), attempt)),
        (Next::AwaitPerson, 0..=5) => Some(retry(state.retries + 1)),
        (Next::AwaitPerson, _) => Some(abandon()),
        _ => smooth(state),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_happens_it_ends_and_its_end_is_true(choices in prop::collection::vec(0_u8..10, 0..120), on_failure in prop::sample::select(vec![OnFailure::Undo, OnFailure::Stop])) {
        let mut run = state(on_failure, &["artifact", "gates"], &["start", "switch", "bake"]);
        let mut history = Vec::new();
        for choice in choices {
            let Some(event) = troubled(&run, choice) else { break };
            prop_assert!(run.on(&event).is_ok(), "{event:?} is refused by {run:?}");
            history.push(event);
        }
        // From here on all goes well, and a person gives up where one is asked.
        while let Some(event) = smooth(&run).or_else(|| (run.next() == Next::AwaitPerson).then(abandon)) {
            prop_assert!(run.on(&event).is_ok(), "{event:?} is refused by {run:?}");
            history.push(event);
            prop_assert!(history.len() < 500, "it does not end: {run:?}");
        }
        let touched = run.steps.iter().any(|step| step.touches == Touches::World && step.phase != Phase::Pending);
        match run.outcome {
            Some(Outcome::Live) => prop_assert!(run.steps.iter().all(|step| step.phase == Phase::Done) && run.cause.is_none()),
            Some(Outcome::Refused) => prop_assert!(!touched && run.cause.is_some()),
            Some(Outcome::RolledBack) => prop_assert!(touched && is_clean(&run) && run.cause.is_some()),
            Some(Outcome::Stuck) => prop_assert!(run.abandoned),
            Some(Outcome::Failed) => prop_assert!(on_failure == OnFailure::Stop && run.cause.is_some()),
            None => prop_assert!(false, "{run:?}"),
        }
        // The events are unique, and survive the disk together with the state that they come to.
        let mut identities: Vec<_> = history.iter().map(Event::identity).collect();
        identities.sort_unstable();
        prop_assert!(identities.windows(2).all(|pair| pair[0] != pair[1]), "{identities:?}");
        let mut read = state(on_failure, &["artifact", "gates"], &["start", "switch", "bake"]);
        for event in &history {
            let text = serde_json::to_string(event).unwrap();
            prop_assert!(read.on(&serde_json::from_str(&text).unwrap()).is_ok());
        }
        prop_assert_eq!(&read, &run);
        let text = serde_json::to_string(&run).unwrap();
        prop_assert_eq!(serde_json::from_str::<RunState>(&text).unwrap(), run);
    }

    #[test]
    fn an_illegal_event_leaves_the_state_as_it_is(
        choices in prop::collection::vec(0_u8..10, 0..60), absurd in prop::collection::vec(any_event(), 1..20),
    ) {
        let mut run = deploy();
        for choice in choices {
            let Some(event) = troubled(&run, choice) else { break };
            prop_assert!(run.on(&event).is_ok());
        }
        for event in absurd {
            let mut after = run.clone();
            match after.on(&event) {
                Err(illegal) => {
                    prop_assert_eq!(&after, &run);
                    prop_assert_eq!(illegal.event, event.identity().0);
                }
                Ok(()) => prop_assert_ne!(&after, &run, "{:?} was taken and changed nothing", event),
            }
            if run.outcome.is_some() {
                prop_assert_eq!(&after, &run, "it is over");
            }
        }
    }
}
