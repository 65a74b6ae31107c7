//! What every store of the journal decides in the same way: who gets a lease, whether a commit is legal, what is owed after it.
//!
//! Pure functions over what the store has read in its transaction; a store only reads, asks, and writes what comes out.

use bascule_model::ids::Generation;
use bascule_model::plan::Plan;
use bascule_model::problem::{Code, Problem};
use bascule_model::run::{Event, RunState};
use jiff::Timestamp;

use crate::error::JournalError;
use crate::records::{
    Action, Adopted, Commit, EnvironmentRecord, Lease, LeaseEnd, Recorded, ReleaseRecord, RunRecord, Take,
};

/// A run can begin: nothing of it has happened yet, no other run of the environment is unfinished, nobody holds the lease.
///
/// An unfinished run keeps the environment even when its lease has run out: it is resumed, never passed by.
pub(crate) fn may_begin(
    run: &RunRecord,
    held: Option<&Lease>,
    unfinished: Option<&RunRecord>,
    generation: Generation,
    take: Take,
) -> Result<(), JournalError> {
    if run.state != beginning_of(&run.state) || run.finished_at.is_some() {
        return Err(JournalError::Corrupt(format!("{} cannot begin: parts of it have happened", run.id)));
    }
    if let Some(other) = unfinished {
        return Err(keeps(other, held, generation));
    }
    is_free(held, run.created_at, take)
}

/// An unfinished run has its environment. Without a lease nobody is at work on it, but it has it all the same.
fn keeps(other: &RunRecord, held: Option<&Lease>, generation: Generation) -> JournalError {
    let held = held.filter(|lease| lease.run == other.id).cloned();
    JournalError::Held(Box::new(held.unwrap_or_else(|| Lease {
        key: other.plan.key.clone(),
        run: other.id.clone(),
        owner: String::new(),
        generation,
        since: other.created_at,
        until: other.created_at,
    })))
}

/// What another journal told can be taken over: it is whole, newer than all that is known here, and no other run is in its way.
pub(crate) fn may_adopt(
    adopted: &Adopted,
    held: Option<&Lease>,
    unfinished: Option<&RunRecord>,
    generation: Generation,
) -> Result<(), JournalError> {
    let key = &adopted.environment.key;
    let is_of_it = adopted.run.plan.key == *key
        && adopted.releases.iter().all(|record| record.release.key == *key)
        && adopted.events.iter().zip(1..).all(|(recorded, sequence)| recorded.sequence == sequence);
    if !is_of_it {
        return Err(JournalError::Corrupt(format!(
            "what is to be taken over of {key} does not fit together"
        )));
    }
    check_fold(&adopted.run, adopted.events.iter().map(|recorded| &recorded.event))?;
    if generation >= adopted.environment.generation {
        return Err(JournalError::Fenced(key.clone()));
    }
    match unfinished.filter(|other| other.id != adopted.run.id) {
        Some(other) => Err(keeps(other, held, generation)),
        None => Ok(()),
    }
}

/// The run as it was before anything happened in it, and what happened after the events that are `known` here already.
pub(crate) fn what_follows(
    adopted: &Adopted,
    known: &[Recorded],
) -> Result<(RunRecord, Vec<Commit>), JournalError> {
    let begun =
        RunRecord { state: beginning_of(&adopted.run.state), finished_at: None, ..adopted.run.clone() };
    if !Recorded::go_on_from(known, &adopted.events) {
        return Err(JournalError::Parted(adopted.run.id.clone()));
    }
    let mut state = begun.state.clone();
    let mut following = Vec::new();
    for (index, recorded) in adopted.events.iter().enumerate() {
        state
            .on(&recorded.event)
            .map_err(|illegal| JournalError::Corrupt(format!("{}: {illegal}", adopted.run.id)))?;
        if index >= known.len() {
            following.push(Commit {
                key: adopted.environment.key.clone(),
                generation: recorded.generation,
                run: adopted.run.id.clone(),
                event: recorded.event.clone(),
                at: recorded.at,
                state: state.clone(),
                environment: adopted.environment.clone(),
                release: None,
                ends_lease: LeaseEnd::Release,
            });
        }
    }
    Ok((begun, following))
}

/// The environment's record after it: numbers that were given here are not given again.
pub(crate) fn adopted_into(adopted: &Adopted, stored: Option<&EnvironmentRecord>) -> EnvironmentRecord {
    merged(&adopted.environment, stored, adopted.environment.generation)
}

/// What the audit trail says of it: action and detail.
pub(crate) fn adoption(adopted: &Adopted) -> (&'static str, String) {
    let (environment, events) = (&adopted.environment, adopted.events.len());
    ("environment_adopted", format!("#{}, after {events} events", environment.generation))
}

/// A plan was made for the environment as it is.
pub(crate) fn is_of_now(
    plan: &Plan,
    release: Option<&ReleaseRecord>,
    environment: &EnvironmentRecord,
) -> Result<(), JournalError> {
    let number_is_taken = release.is_some_and(|record| record.release.number <= environment.last_number);
    if plan.live != environment.live || number_is_taken {
        return Err(JournalError::Moved(environment.key.clone()));
    }
    Ok(())
}

/// A lease can be taken over for a run that goes on.
pub(crate) fn may_resume(
    run: &RunRecord,
    held: Option<&Lease>,
    now: Timestamp,
    take: Take,
) -> Result<(), JournalError> {
    if run.state.outcome.is_some() {
        return Err(JournalError::Unavailable(Problem::new(
            Code::RunNotThere,
            format!("{} is over: there is nothing to go on with", run.id),
            format!("read its report with `bascule run show {}`", run.id),
        )));
    }
    is_free(held, now, take)
}

fn is_free(held: Option<&Lease>, now: Timestamp, take: Take) -> Result<(), JournalError> {
    match held {
        Some(lease) if take == Take::IfFree && lease.until > now => {
            Err(JournalError::Held(Box::new(lease.clone())))
        }
        _ => Ok(()),
    }
}

/// A commit is under the lease that is held now, and its states are what its event makes of the stored ones.
pub(crate) fn may_commit(
    commit: &Commit,
    stored: &RunRecord,
    held: Option<&Lease>,
    generation: Generation,
) -> Result<(), JournalError> {
    let holds = held.is_some_and(|lease| lease.run == commit.run);
    if commit.generation != generation || !holds || stored.plan.key != commit.key {
        return Err(JournalError::Fenced(commit.key.clone()));
    }
    if commit.environment.key != commit.key {
        return Err(JournalError::Corrupt(format!(
            "a commit for {} brings the state of {}",
            commit.key, commit.environment.key
        )));
    }
    let mut state = stored.state.clone();
    state.on(&commit.event).map_err(|illegal| JournalError::Corrupt(format!("{}: {illegal}", commit.run)))?;
    if state != commit.state {
        return Err(JournalError::Corrupt(format!(
            "{}: the state that was given is not what {} makes of the stored one",
            commit.run,
            identity(&commit.event)
        )));
    }
    Ok(())
}

/// The environment's record may be changed by whoever has seen the highest generation.
pub(crate) fn may_put(environment: &EnvironmentRecord, generation: Generation) -> Result<(), JournalError> {
    if environment.generation == generation {
        Ok(())
    } else {
        Err(JournalError::Fenced(environment.key.clone()))
    }
}

/// The environment as a new run finds it: a new release takes its number for good, whatever becomes of it.
pub(crate) fn with_release(
    mut environment: EnvironmentRecord,
    release: Option<&ReleaseRecord>,
    generation: Generation,
) -> EnvironmentRecord {
    environment.generation = generation;
    if let Some(record) = release {
        environment.last_number = environment.last_number.max(record.release.number);
    }
    environment
}

/// The environment as it is written: numbers only grow, and the generation is the lease's.
pub(crate) fn merged(
    given: &EnvironmentRecord,
    stored: Option<&EnvironmentRecord>,
    generation: Generation,
) -> EnvironmentRecord {
    let mut environment = given.clone();
    environment.generation = generation;
    if let Some(stored) = stored {
        environment.last_number = environment.last_number.max(stored.last_number);
    }
    environment
}

/// The state of a run with these steps before anything has happened.
pub(crate) fn beginning_of(state: &RunState) -> RunState {
    RunState::new(state.on_failure, state.steps.iter().map(|step| (step.name.clone(), step.touches)))
}

/// The stored state is the fold of the stored events, and nothing else.
pub(crate) fn check_fold<'a>(
    run: &RunRecord,
    events: impl IntoIterator<Item = &'a Event>,
) -> Result<(), JournalError> {
    let mut state = beginning_of(&run.state);
    for event in events {
        state.on(event).map_err(|illegal| JournalError::Corrupt(format!("{}: {illegal}", run.id)))?;
    }
    if state != run.state {
        return Err(JournalError::Corrupt(format!("{}: its state is not what its events come to", run.id)));
    }
    if run.finished_at.is_some() != run.state.outcome.is_some() {
        return Err(JournalError::Corrupt(format!("{}: its end and its outcome disagree", run.id)));
    }
    Ok(())
}

/// What an event does to the effects that are owed.
pub(crate) enum Owing<'a> {
    /// This call is owed from now on.
    Begins { step: &'a str, attempt: u32, action: Action },
    /// Calls of the step are no longer owed: their outcome is known, or is about to be taken back.
    Ends { step: &'a str },
    /// Nothing of the run is owed any more.
    EndsAll,
    /// No change.
    Nothing,
}

impl<'a> Owing<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        match event {
            Event::StepStarted { step, attempt } => {
                Self::Begins { step, attempt: *attempt, action: Action::Apply }
            }
            Event::UndoStarted { step, attempt } => {
                Self::Begins { step, attempt: *attempt, action: Action::Undo }
            }
            Event::StepDone { step, .. }
            | Event::StepFailed { step, .. }
            | Event::UndoDone { step, .. }
            | Event::UndoFailed { step, .. } => Self::Ends { step },
            Event::Finished { .. } => Self::EndsAll,
            Event::AbortRequested { .. } | Event::RetryUndo { .. } | Event::Abandoned { .. } => Self::Nothing,
        }
    }
}

/// Who an event comes from: the person it names, otherwise the engine that holds the lease.
pub(crate) fn actor<'a>(event: &'a Event, owner: &'a str) -> &'a str {
    match event {
        Event::AbortRequested { by } | Event::RetryUndo { by, .. } | Event::Abandoned { by, .. } => by,
        _ => owner,
    }
}

/// What the audit row of an event says beside its kind: never its evidence, which may be long.
pub(crate) fn detail(event: &Event) -> String {
    match event {
        Event::StepFailed { step, attempt, problem, .. } | Event::UndoFailed { step, attempt, problem } => {
            format!("{step} #{attempt}: {}", problem.code)
        }
        Event::Abandoned { reason, .. } => reason.clone(),
        Event::Finished { outcome } => outcome.as_str().to_owned(),
        _ => match event.identity() {
            (_, "", attempt) => format!("#{attempt}"),
            (_, step, attempt) => format!("{step} #{attempt}"),
        },
    }
}

/// An event's unique name within its run, in words.
pub(crate) fn identity(event: &Event) -> String {
    let (kind, step, attempt) = event.identity();
    if step.is_empty() { format!("{kind} #{attempt}") } else { format!("{kind} of {step} #{attempt}") }
}

/// The error for a run that is not there.
pub(crate) fn unknown_run(id: &bascule_model::ids::RunId) -> JournalError {
    JournalError::Unavailable(Problem::new(
        Code::RunUnknown,
        format!("there is no run {id}"),
        "list the runs with `bascule history ENV`",
    ))
}
