//! The report of a run: what it was for, each step with its times, attempts and evidence, why it turned back, how it ended.

use bascule_journal::Recorded;
use bascule_model::run::{Event, Evidence, Phase, StepState};
use bascule_server::api::RunReport;
use jiff::Timestamp;

use crate::provenance;
use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::table::Table;
use crate::text::wrap::wrap;
use crate::text::{escape, number, time};
use crate::view::{Now, evidence, history, problem};

/// The whole page.
pub fn report(report: &RunReport, now: &Now) -> String {
    let mut text = head(report, now);
    text.push_str(&format!("\n{}\n", paint(STRONG, "steps")));
    for step in &report.state.steps {
        text.push_str(&one(step, &report.events, now));
    }
    text.push_str(&words_of_people(&report.events, now));
    if let Some(cause) = &report.state.cause {
        text.push_str(&format!("\n{}\n{}\n", paint(STRONG, "why it turned back"), problem(cause)));
    }
    let stuck = report
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.error.as_ref())
        .filter(|_| report.state.stuck.is_some());
    if let Some(stuck) = stuck {
        text.push_str(&format!("\n{}\n{}\n", paint(STRONG, "what a person must decide"), problem(stuck)));
    }
    text
}

fn head(report: &RunReport, now: &Now) -> String {
    let plan = &report.plan;
    let release = plan.release.as_ref().map(|release| format!(" of {release}")).unwrap_or_default();
    let mut table = Table::default();
    table.row(["outcome".into(), history::word(report.outcome.as_ref().map(|line| line.outcome))]);
    let mut row = |name: &str, value: String| table.row([name.into(), value.into()]);
    row("asked by", format!("{}, {}", escape::line(&report.actor), now.clock(report.created_at)));
    if let Some(finished) = report.finished_at {
        row("took", time::took(time::between(report.created_at, finished)));
    }
    for approval in &report.approvals {
        let until = now.clock(approval.until);
        row("approved by", format!("{}, until {until}, soft", escape::line(&approval.actor)));
    }
    if let Some(provenance) = &plan.provenance {
        row("commit", provenance::words(provenance));
    }
    if let Some(promoted) = &plan.promoted {
        row("promoted", format!("from {}, {}", promoted.environment, promoted.release));
    }
    row("slot", plan.slot.to_string());
    if let Some(outcome) = &report.outcome {
        let live = outcome.live_release.as_ref().map_or("nobody", |live| live.as_str());
        row("traffic", live.to_owned());
        if let Some(bake) = &outcome.bake {
            row("bake", escape::line(bake));
        }
    }
    row("plan", report.plan_hash.clone());
    format!(
        "{} {}{release} to {} of {}\n{}",
        paint(STRONG, report.run.as_str()),
        plan.kind.as_str(),
        plan.key.environment,
        plan.key.app,
        table.render(2)
    )
}

/// What the events say of one step.
#[derive(Default)]
struct Times<'a> {
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    evidence: Vec<(Option<u32>, &'a Evidence)>,
    /// What is said before how it was undone.
    how: &'static str,
    undone: Option<&'static str>,
    failures: Vec<String>,
}

fn times<'a>(name: &str, events: &'a [Recorded]) -> Times<'a> {
    let mut times = Times::default();
    for recorded in events.iter().filter(|recorded| recorded.event.identity().1 == name) {
        match &recorded.event {
            Event::StepStarted { .. } => times.began = times.began.or(Some(recorded.at)),
            Event::StepDone { evidence, .. } | Event::StepFailed { evidence, .. } => {
                times.ended = Some(recorded.at);
                times.evidence.push((None, evidence));
                if let Event::StepFailed { .. } = &recorded.event {
                    times.how = "failed; ";
                }
            }
            Event::UndoDone { attempt, evidence, .. } => {
                times.undone = Some(evidence::undone(evidence));
                times.evidence.push((Some(*attempt), evidence));
            }
            Event::UndoFailed { attempt, problem, .. } => {
                times.failures.push(format!("undo, attempt {attempt}: {}", escape::line(&problem.message)));
            }
            _ => {}
        }
    }
    times
}

fn one(step: &StepState, events: &[Recorded], now: &Now) -> String {
    let times = times(&step.name, events);
    let (mark, word) = match step.phase {
        Phase::Pending => (paint(DIM, "·"), "not begun"),
        Phase::Applying => (paint(WARNING, "…"), "under way"),
        Phase::Done => (paint(GOOD, "✓"), "done"),
        Phase::Failed => (paint(BAD, "✗"), "failed"),
        Phase::Undoing => (paint(WARNING, "↩"), "being taken back"),
        Phase::Undone => (paint(WARNING, "↩"), times.undone.unwrap_or("taken back")),
        Phase::UndoFailed => (paint(BAD, "✗"), "could not be taken back"),
    };
    let how = if step.phase == Phase::Undone { times.how } else { "" };
    let mut line = format!("  {mark} {:<16} {how}{word}", step.name);
    if let Some(began) = times.began {
        line.push_str(&format!(", {}", time::second(began, &now.zone)));
        if let Some(ended) = times.ended {
            line.push_str(&format!(", {}", time::took(time::between(began, ended))));
        }
    }
    if step.attempts > 1 {
        line.push_str(&format!(
            ", {} (begun again after an interruption)",
            number::of(u64::from(step.attempts), "attempt")
        ));
    }
    if step.undo_total > 1 {
        line.push_str(&format!(", {}", number::of(u64::from(step.undo_total), "undo attempt")));
    }
    line.push('\n');
    for (undo, found) in times.evidence {
        let shown = evidence::whole(found, 6);
        if undo.is_some() && !shown.is_empty() {
            line.push_str("      undo\n");
        }
        line.push_str(&shown);
    }
    for failure in times.failures {
        line.push_str(&format!("      {}\n", wrap(&failure, 6, 8)));
    }
    line
}

fn words_of_people(events: &[Recorded], now: &Now) -> String {
    let mut text = String::new();
    for recorded in events {
        let said = match &recorded.event {
            Event::AbortRequested { by } => format!("{by} asked for the run to end"),
            Event::RetryUndo { by, .. } => format!("{by} asked to take it back once more"),
            Event::Abandoned { by, reason } => format!("{by} gave it up: {reason}"),
            _ => continue,
        };
        let line = format!("{} {}", time::second(recorded.at, &now.zone), escape::line(&said));
        text.push_str(&format!("  {}\n", wrap(&line, 2, 4)));
    }
    if text.is_empty() { text } else { format!("\n{}\n{text}", paint(STRONG, "what people said")) }
}
