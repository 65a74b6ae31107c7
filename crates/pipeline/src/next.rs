//! What is next: a pure function of where the run stands, its plan, the time, and what is being done at this moment.

use std::collections::BTreeSet;

use bascule_model::gate::{Decision, GateStatus};
use bascule_model::problem::{Code, Problem};
use jiff::{SignedDuration, Timestamp};

use crate::event::{End, Verdict};
use crate::plan::{Job, Plan, Stage, Work};
use crate::state::{JobState, Phase, StageState, State};

/// So many attempts may be lost in a row: then it is the job that ends its runner.
pub const LOST_IN_A_ROW: u32 = 3;
/// So often a `finally` is begun that is cut off each time.
pub const FINALLIES: u32 = 3;
/// The longest pause between two attempts.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_secs(3_600);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Have the commit's files.
    CheckOut,
    /// Write down that a stage begins.
    BeginStage(String),
    /// Begin an attempt of a job, unless the cache has it.
    Attempt {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
    },
    /// Run `finally` of a job.
    Finally {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
    },
    /// Say what a job came to whose attempts are over.
    Settle {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
    },
    /// Say that a job is not run.
    Skip {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
        /// Why.
        why: String,
    },
    /// Make the artifact.
    Build(String),
    /// Deploy the artifact; of a run that is aborted: end the deploy that was asked for.
    Deploy(String),
    /// Ask the gates.
    Judge(String),
    /// Say what a stage came to.
    EndStage(String, bool),
    /// The run is over.
    Finish,
}

/// What can be begun now. Empty: something in `busy` has to end first, or a moment has to come (see [`wakes`]).
#[must_use]
pub fn next(state: &State, plan: &Plan, busy: &BTreeSet<Action>, now: Timestamp) -> Vec<Action> {
    if state.finished.is_some() {
        return Vec::new();
    }
    if state.abort.is_some() {
        return when_aborted(state, plan, busy, now);
    }
    if !state.checked_out {
        return begin(busy, Action::CheckOut);
    }
    for stage in &plan.stages {
        let Some(of_stage) = state.stages.get(&stage.name) else {
            return vec![Action::BeginStage(stage.name.clone())];
        };
        match of_stage.ended {
            Some((_, true)) => continue,
            Some((_, false)) => return vec![Action::Finish],
            None => {}
        }
        return match &stage.work {
            Work::Jobs(jobs) => of_jobs(state, stage, jobs, plan.jobs, busy, now),
            Work::Build(_) | Work::Deploy(_) => match &of_stage.work {
                Some(work) => vec![Action::EndStage(stage.name.clone(), work.is_ok())],
                None if matches!(stage.work, Work::Build(_)) => {
                    begin(busy, Action::Build(stage.name.clone()))
                }
                None => begin(busy, Action::Deploy(stage.name.clone())),
            },
        };
    }
    vec![Action::Finish]
}

/// The next moment at which something can be begun without anything else having ended; none: there is none.
#[must_use]
pub fn wakes(state: &State, plan: &Plan, now: Timestamp) -> Option<Timestamp> {
    let mut moments = Vec::new();
    for stage in &plan.stages {
        for job in stage.jobs() {
            let of_job = state.job_of(&stage.name, &job.name);
            if let (Phase::Between(at), None) = (&of_job.phase, over(job, &of_job, now)) {
                moments.push(begins_at(job, &of_job, *at));
            }
        }
    }
    moments.into_iter().min()
}

/// What a job came to whose attempts are over, before its reports were looked at: none where it passed.
#[must_use]
pub fn failure(plan: &Plan, stage: &str, job: &Job, of_job: &JobState) -> Option<Problem> {
    let end = of_job.last.as_ref()?;
    let name = format!("{stage}/{}", job.name);
    let after = match of_job.counted {
        0 | 1 => String::new(),
        attempts => format!(" (attempt {attempts} of {})", job.retry.attempts),
    };
    let see = format!(
        "`bascule pipeline logs {} {} --stage \"{stage}\"` has what it wrote; mend it, then ship again",
        plan.run, job.name
    );
    let failed = |remedy: &str| {
        Some(Problem::new(Code::JobFailed, format!("the job {name} {}{after}", end.words()), remedy))
    };
    match end {
        End::Exit(0) => None,
        End::Exit(126 | 127) => {
            failed("a program is not there or cannot be run: install it, or give the job a PATH in `env`")
        }
        End::Timeout => failed("find out what it waits for in its log, or raise its `timeout`"),
        End::AttemptTimeout => {
            failed("find out what it waits for in its log, or raise its `attempt_timeout`")
        }
        End::Lost => failed("it ended its runner again and again: look for what ends other processes"),
        End::Aborted => Some(Problem::new(
            Code::Aborted,
            format!("the job {name} was aborted"),
            "ship again when it may go on",
        )),
        End::Refused(problem) => Some(problem.clone()),
        End::Exit(_) | End::Signal(_) => failed(&see),
    }
}

/// What is said where gates keep a stage from passing.
#[must_use]
pub fn refusal(stage: &str, decisions: &[Decision]) -> Option<Problem> {
    let blocking: Vec<&Decision> = decisions.iter().filter(|decision| decision.blocks()).collect();
    let first = blocking.first()?;
    let names: Vec<&str> = blocking.iter().map(|decision| decision.gate.as_str()).collect();
    let status = if first.status == GateStatus::Fail { "" } else { first.status.as_str() };
    let message =
        format!("{stage}: {} refused by {}: {} {status}", plural(names.len()), names.join(", "), first.why);
    let remedy = first.remedy.clone().unwrap_or_else(|| "`bascule gate ENV` explains each".to_owned());
    Some(Problem::new(Code::GateRefused, message.trim_end(), remedy))
}

fn plural(count: usize) -> String {
    if count == 1 { "1 gate".to_owned() } else { format!("{count} gates") }
}

fn begin(busy: &BTreeSet<Action>, action: Action) -> Vec<Action> {
    if busy.is_empty() { vec![action] } else { Vec::new() }
}

fn of_jobs(
    state: &State,
    stage: &Stage,
    jobs: &[Job],
    limit: usize,
    busy: &BTreeSet<Action>,
    now: Timestamp,
) -> Vec<Action> {
    let of = |job: &str| state.job_of(&stage.name, job);
    let has_failed = jobs.iter().any(|job| matches!(of(&job.name).phase, Phase::Done(Verdict::Failed(_))));
    let mut running = busy.len();
    let mut actions = Vec::new();
    for job in jobs {
        let of_job = of(&job.name);
        let place = || (stage.name.clone(), job.name.clone());
        let is_busy = busy.iter().any(|action| is_of(action, &stage.name, &job.name));
        if is_busy {
            continue;
        }
        if of_job.is_open() {
            let action = go_on(stage, job, &of_job, now);
            actions.extend(action.filter(|action| {
                let needs_room = matches!(action, Action::Attempt { .. });
                let is_there_room = !needs_room || running < limit.max(1);
                running += usize::from(needs_room && is_there_room);
                is_there_room
            }));
            continue;
        }
        if of_job.phase != Phase::Open {
            continue;
        }
        let missing: Vec<&String> = job.needs.iter().filter(|need| !passes(&of(need).phase)).collect();
        let (stage, name) = place();
        if has_failed {
            actions.push(Action::Skip {
                stage,
                job: name,
                why: "another job of the stage failed".to_owned(),
            });
        } else if missing.is_empty() && running < limit.max(1) {
            running += 1;
            actions.push(Action::Attempt { stage, job: name });
        }
    }
    if !actions.is_empty() || !busy.is_empty() {
        return actions;
    }
    let are_done = jobs.iter().all(|job| matches!(of(&job.name).phase, Phase::Done(_)));
    let of_stage = state.stages.get(&stage.name);
    if !are_done {
        // Something waits for a moment to come.
        return Vec::new();
    }
    if !of_stage.is_some_and(|stage| stage.judged) {
        return vec![Action::Judge(stage.name.clone())];
    }
    let passed = jobs.iter().all(|job| passes(&of(&job.name).phase)) && state.failure.is_none();
    vec![Action::EndStage(stage.name.clone(), passed && !state.decisions.iter().any(Decision::blocks))]
}

fn is_of(action: &Action, stage: &str, job: &str) -> bool {
    match action {
        Action::Attempt { stage: s, job: j }
        | Action::Finally { stage: s, job: j }
        | Action::Settle { stage: s, job: j } => s == stage && j == job,
        _ => false,
    }
}

fn passes(phase: &Phase) -> bool {
    matches!(phase, Phase::Done(verdict) if verdict.passes())
}

/// What is next for a job of which something was begun; none: it runs, or a moment has to come.
fn go_on(stage: &Stage, job: &Job, of_job: &JobState, now: Timestamp) -> Option<Action> {
    let (stage, name) = (stage.name.clone(), job.name.clone());
    match &of_job.phase {
        Phase::Between(at) => match over(job, of_job, now) {
            Some(()) => Some(close(stage, job, of_job)),
            None => (begins_at(job, of_job, *at) <= now).then_some(Action::Attempt { stage, job: name }),
        },
        Phase::FinallyCut if of_job.finallies < FINALLIES => Some(Action::Finally { stage, job: name }),
        Phase::FinallyCut | Phase::Closed => Some(after_the_series(stage, name, of_job)),
        Phase::Open | Phase::Running | Phase::Finally | Phase::Done(_) => None,
    }
}

fn close(stage: String, job: &Job, of_job: &JobState) -> Action {
    if job.finally.is_some() {
        Action::Finally { stage, job: job.name.clone() }
    } else {
        after_the_series(stage, job.name.clone(), of_job)
    }
}

fn after_the_series(stage: String, job: String, of_job: &JobState) -> Action {
    let anew = of_job.last == Some(End::Lost) && of_job.lost < LOST_IN_A_ROW;
    if anew { Action::Attempt { stage, job } } else { Action::Settle { stage, job } }
}

/// Whether the series of attempts is over.
fn over(job: &Job, of_job: &JobState, now: Timestamp) -> Option<()> {
    let end = of_job.last.as_ref()?;
    let is_worth_it =
        job.retry.on.iter().any(|on| matches_end(on, end)) && of_job.counted < job.retry.attempts;
    let begins_at = match of_job.phase {
        Phase::Between(at) => begins_at(job, of_job, at),
        _ => now,
    };
    let is_in_time = deadline(job, of_job).is_none_or(|deadline| begins_at < deadline);
    (!is_worth_it || !is_in_time).then_some(())
}

/// When all attempts of the series together have taken too long; none before the first.
#[must_use]
pub fn deadline(job: &Job, of_job: &JobState) -> Option<Timestamp> {
    of_job.series_at.map(|began| later(began, job.timeout_ms))
}

/// Whether that end is one that `on` names.
#[must_use]
pub fn matches_end(on: &str, end: &End) -> bool {
    match end {
        End::Exit(0) => false,
        End::Exit(status) => on == "exit" || on.strip_prefix("exit:") == Some(status.to_string().as_str()),
        End::Signal(_) => on == "signal",
        End::AttemptTimeout => on == "timeout",
        End::Timeout | End::Aborted | End::Lost | End::Refused(_) => false,
    }
}

/// When the next attempt begins after one that ended then.
fn begins_at(job: &Job, of_job: &JobState, ended: Timestamp) -> Timestamp {
    let doubled = of_job.counted.saturating_sub(1).min(20);
    let longest = u64::try_from(LONGEST_BACKOFF.as_millis()).unwrap_or(u64::MAX);
    later(ended, job.retry.backoff_ms.saturating_mul(1 << doubled).min(longest))
}

fn later(at: Timestamp, ms: u64) -> Timestamp {
    let by = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// What was begun is brought to its end; nothing else is begun.
fn when_aborted(state: &State, plan: &Plan, busy: &BTreeSet<Action>, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    for stage in &plan.stages {
        // A runner that takes over has to end the deploy that the last one began, and wait for what it comes to.
        let deploy = Action::Deploy(stage.name.clone());
        if state.stages.get(&stage.name).is_some_and(StageState::deploys) && !busy.contains(&deploy) {
            actions.push(deploy);
        }
        for job in stage.jobs() {
            let of_job = state.job_of(&stage.name, &job.name);
            if of_job.is_open() && !busy.iter().any(|action| is_of(action, &stage.name, &job.name)) {
                let action = match &of_job.phase {
                    Phase::Between(_) => Some(close(stage.name.clone(), job, &of_job)),
                    _ => go_on(stage, job, &of_job, now),
                };
                actions.extend(action.map(|action| match action {
                    Action::Attempt { stage, job } => Action::Settle { stage, job },
                    action => action,
                }));
            }
        }
    }
    if actions.is_empty() && busy.is_empty() { vec![Action::Finish] } else { actions }
}

#[cfg(test)]
mod tests;
