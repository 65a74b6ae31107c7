//! The life of a run, as a state machine: events go in, the next thing to do comes out.
//!
//! Nothing here performs anything. A run's state is the fold of its events, so what is on disk is what is true, and
//! recovery after a crash is the same function as the first attempt. The legal transitions are the one `match` in
//! [`RunState::on`]; anything else is corruption.

use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};

/// How often an undo is tried before a person must decide.
pub const UNDO_ATTEMPTS: u32 = 5;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The release of the plan has the traffic (or, for a run that moves none: what was asked is done).
    Live,
    /// Nothing was touched.
    Refused,
    /// What the run made is undone, and the former release has the traffic.
    RolledBack,
    /// Given up by a person; what is left is in the report.
    Stuck,
    /// A run that is not undone as a whole (`retire`, `down`) did not get to its end; it is begun again.
    Failed,
}

impl Outcome {
    /// The outcome as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Refused => "refused",
            Self::RolledBack => "rolled_back",
            Self::Stuck => "stuck",
            Self::Failed => "failed",
        }
    }
}

/// Whether a step changes anything outside the journal and the artifact store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touches {
    /// A failure up to here is a refusal.
    Nothing,
    /// A failure from here on has to be undone.
    World,
}

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Every step that was begun is undone.
    Undo,
    /// The run stops where it is: taking things away is not undone, it is begun again. Only the step that broke off is undone, since
    /// nobody knows whether it happened, and what is recorded of it is to be true. It is tried a few times and holds nobody up.
    Stop,
}

/// What a step found or did, for the report: JSON that a person can read.
pub type Evidence = serde_json::Value;

/// One thing that happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The step's `apply` is about to be called.
    StepStarted {
        /// The step's name.
        step: String,
        /// Counts from 1.
        attempt: u32,
    },
    /// The step's effect is there.
    StepDone {
        /// The step's name.
        step: String,
        /// Counts from 1.
        attempt: u32,
        /// What it found or did.
        evidence: Evidence,
    },
    /// The step's effect could not be made.
    StepFailed {
        /// The step's name.
        step: String,
        /// Counts from 1.
        attempt: u32,
        /// Why.
        problem: Problem,
        /// What it saw until then.
        evidence: Evidence,
    },
    /// The step's `undo` is about to be called.
    UndoStarted {
        /// The step's name.
        step: String,
        /// Counts from 1.
        attempt: u32,
    },
    /// The step's effect is gone.
    UndoDone {
        /// The step's name.
        step: String,
        /// Counts from 1.
        attempt: u32,
        /// What it did.
        evidence: Evidence,
    },
    /// The step's effect could not be taken back.
    UndoFailed {
        /// The step's name.
        step: String,
        /// Counts from 1.
        attempt: u32,
        /// Why.
        problem: Problem,
    },
    /// Somebody wants the run to end.
    AbortRequested {
        /// Who.
        by: String,
    },
    /// A person says: try to undo once more.
    RetryUndo {
        /// Who.
        by: String,
        /// How often that was said, from 1.
        attempt: u32,
    },
    /// A person says: leave it as it is.
    Abandoned {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The run is over.
    Finished {
        /// How.
        outcome: Outcome,
    },
}

impl Event {
    /// The event's kind, step and attempt: unique within a run. Events of the whole run have the step `""`.
    #[must_use]
    pub fn identity(&self) -> (&'static str, &str, u32) {
        match self {
            Self::StepStarted { step, attempt } => ("step_started", step, *attempt),
            Self::StepDone { step, attempt, .. } => ("step_done", step, *attempt),
            Self::StepFailed { step, attempt, .. } => ("step_failed", step, *attempt),
            Self::UndoStarted { step, attempt } => ("undo_started", step, *attempt),
            Self::UndoDone { step, attempt, .. } => ("undo_done", step, *attempt),
            Self::UndoFailed { step, attempt, .. } => ("undo_failed", step, *attempt),
            Self::AbortRequested { .. } => ("abort_requested", "", 1),
            Self::RetryUndo { attempt, .. } => ("retry_undo", "", *attempt),
            Self::Abandoned { .. } => ("abandoned", "", 1),
            Self::Finished { .. } => ("finished", "", 1),
        }
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not begun.
    Pending,
    /// `apply` was called; its outcome is not known yet.
    Applying,
    /// Its effect is there.
    Done,
    /// Its effect could not be made; parts of it may be there.
    Failed,
    /// `undo` was called; its outcome is not known yet.
    Undoing,
    /// Its effect is gone.
    Undone,
    /// Its effect could not be taken back, so far.
    UndoFailed,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// Its name in the registry.
    pub name: String,
    /// Whether it changes the world.
    pub touches: Touches,
    /// Where it stands.
    pub phase: Phase,
    /// How often `apply` was called.
    pub attempts: u32,
    /// How often `undo` was called since the last word of a person.
    pub undo_attempts: u32,
    /// How often `undo` was called at all.
    pub undo_total: u32,
}

/// Where a run stands: the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// What a failure leads to.
    pub on_failure: OnFailure,
    /// Its steps, in order.
    pub steps: Vec<StepState>,
    /// Why it turned back, if it did.
    pub cause: Option<Problem>,
    /// Why a person must decide, if so.
    pub stuck: Option<Problem>,
    /// Whether a person gave up on it.
    pub abandoned: bool,
    /// How often a person asked to undo once more.
    pub retries: u32,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Record `StepStarted`, then call the step's `apply`.
    Apply {
        /// Index of the step.
        step: usize,
        /// The attempt this would be.
        attempt: u32,
    },
    /// An `apply` was begun and its outcome is not known: observe the world.
    ObserveApply {
        /// Index of the step.
        step: usize,
    },
    /// Record `UndoStarted`, then call the step's `undo`. An undo whose outcome is not known is simply done again.
    Undo {
        /// Index of the step.
        step: usize,
        /// The attempt this would be.
        attempt: u32,
    },
    /// Record `Finished`.
    Finish(Outcome),
    /// Nothing until a person has decided.
    AwaitPerson,
    /// The run is over.
    Ended,
}

/// An event that does not fit the state: the journal is damaged, or two engines wrote at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {event} of step {step:?} cannot follow: the step is {phase}")]
pub struct Illegal {
    /// The event's kind.
    pub event: &'static str,
    /// The step it names.
    pub step: String,
    /// What the step or the run is in.
    pub phase: String,
}

impl RunState {
    /// A run that has not begun.
    pub fn new(on_failure: OnFailure, steps: impl IntoIterator<Item = (String, Touches)>) -> Self {
        let steps = steps
            .into_iter()
            .map(|(name, touches)| StepState {
                name,
                touches,
                phase: Phase::Pending,
                attempts: 0,
                undo_attempts: 0,
                undo_total: 0,
            })
            .collect();
        Self { on_failure, steps, cause: None, stuck: None, abandoned: false, retries: 0, outcome: None }
    }

    /// Takes one event.
    ///
    /// # Errors
    /// When the event cannot follow what happened before; the state is then unchanged.
    pub fn on(&mut self, event: &Event) -> Result<(), Illegal> {
        let (kind, step_name, _) = event.identity();
        let illegal = |phase: String| Illegal { event: kind, step: step_name.to_owned(), phase };
        if self.outcome.is_some() {
            return Err(illegal("over".to_owned()));
        }
        if step_name.is_empty() {
            return self.on_run_event(event, illegal);
        }
        let next = self.next();
        let index = self
            .steps
            .iter()
            .position(|step| step.name == step_name)
            .ok_or_else(|| illegal("not part of this run".to_owned()))?;
        let step = &mut self.steps[index];
        match (event, step.phase) {
            // Only what comes next may start; a second start without an end between them is a repeat after a crash.
            (Event::StepStarted { attempt, .. }, Phase::Pending | Phase::Applying)
                if *attempt == step.attempts + 1
                    && (next == Next::Apply { step: index, attempt: *attempt }
                        || next == Next::ObserveApply { step: index }) =>
            {
                step.attempts = *attempt;
                step.phase = Phase::Applying;
            }
            (Event::StepDone { attempt, .. }, Phase::Applying) if *attempt == step.attempts => {
                step.phase = Phase::Done;
            }
            (Event::StepFailed { attempt, problem, .. }, Phase::Applying) if *attempt == step.attempts => {
                step.phase = Phase::Failed;
                self.cause.get_or_insert_with(|| problem.clone());
            }
            (Event::UndoStarted { attempt, .. }, _)
                if next == Next::Undo { step: index, attempt: *attempt } =>
            {
                step.undo_total = *attempt;
                step.undo_attempts += 1;
                step.phase = Phase::Undoing;
            }
            (Event::UndoDone { attempt, .. }, Phase::Undoing) if *attempt == step.undo_total => {
                step.phase = Phase::Undone;
            }
            (Event::UndoFailed { attempt, problem, .. }, Phase::Undoing) if *attempt == step.undo_total => {
                step.phase = Phase::UndoFailed;
                if step.undo_attempts >= UNDO_ATTEMPTS && self.on_failure == OnFailure::Undo {
                    self.stuck = Some(problem.clone());
                }
            }
            (_, phase) => return Err(illegal(format!("{phase:?}"))),
        }
        Ok(())
    }

    fn on_run_event(&mut self, event: &Event, illegal: impl Fn(String) -> Illegal) -> Result<(), Illegal> {
        match event {
            Event::AbortRequested { by } if self.cause.is_none() => {
                self.cause = Some(Problem::new(
                    Code::Aborted,
                    format!("{by} asked for the run to end"),
                    match self.on_failure {
                        OnFailure::Undo => "nothing to do: what the run made is undone",
                        OnFailure::Stop => "what it had done stays; begin it again to go on",
                    },
                ));
            }
            Event::RetryUndo { attempt, .. } if self.stuck.is_some() && *attempt == self.retries + 1 => {
                self.stuck = None;
                self.retries = *attempt;
                for step in &mut self.steps {
                    step.undo_attempts = 0;
                }
            }
            Event::Abandoned { .. } if self.stuck.is_some() => {
                self.stuck = None;
                self.abandoned = true;
            }
            Event::Finished { outcome }
                if self.next() == Next::Finish(*outcome) || self.ends_as_it_is(*outcome) =>
            {
                self.outcome = Some(*outcome);
            }
            _ => return Err(illegal("not in that state".to_owned())),
        }
        Ok(())
    }

    /// What to do next.
    #[must_use]
    pub fn next(&self) -> Next {
        if self.outcome.is_some() {
            return Next::Ended;
        }
        if self.abandoned {
            return Next::Finish(Outcome::Stuck);
        }
        if self.stuck.is_some() {
            return Next::AwaitPerson;
        }
        if self.cause.is_some() {
            return self.next_back();
        }
        for (index, step) in self.steps.iter().enumerate() {
            match step.phase {
                Phase::Done => {}
                Phase::Pending => return Next::Apply { step: index, attempt: step.attempts + 1 },
                // Failed, Undoing and the like come with a cause.
                _ => return Next::ObserveApply { step: index },
            }
        }
        Next::Finish(Outcome::Live)
    }

    fn next_back(&self) -> Next {
        if self.on_failure == OnFailure::Stop {
            return self.next_of_the_broken_step();
        }
        for (index, step) in self.steps.iter().enumerate().rev() {
            match step.phase {
                Phase::Pending | Phase::Undone => {}
                _ if step.touches == Touches::Nothing => {}
                _ => return Next::Undo { step: index, attempt: step.undo_total + 1 },
            }
        }
        let touched =
            self.steps.iter().any(|step| step.touches == Touches::World && step.phase != Phase::Pending);
        Next::Finish(if touched { Outcome::RolledBack } else { Outcome::Refused })
    }

    /// Whether a run that stops may end so though the step that broke off is not undone, as runs of earlier builds did.
    fn ends_as_it_is(&self, outcome: Outcome) -> bool {
        self.on_failure == OnFailure::Stop
            && outcome == Outcome::Failed
            && self.cause.is_some()
            && self.steps.iter().all(|step| step.phase != Phase::Undoing)
    }

    fn next_of_the_broken_step(&self) -> Next {
        let is_whole = |phase| matches!(phase, Phase::Pending | Phase::Done | Phase::Undone);
        let broken = |step: &StepState| step.touches == Touches::World && !is_whole(step.phase);
        match self.steps.iter().position(broken) {
            Some(step) if self.steps[step].undo_attempts < UNDO_ATTEMPTS => {
                Next::Undo { step, attempt: self.steps[step].undo_total + 1 }
            }
            _ => Next::Finish(Outcome::Failed),
        }
    }

    /// The step that is under way, if one is.
    #[must_use]
    pub fn current(&self) -> Option<&StepState> {
        self.steps.iter().find(|step| matches!(step.phase, Phase::Applying | Phase::Undoing))
    }
}
