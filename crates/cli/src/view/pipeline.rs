//! Runs of pipelines as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bascule_model::gate::GateStatus;
use bascule_pipeline::Recorded;
use bascule_pipeline::event::{End, Event, Verdict};
use bascule_server::pipelines::api::{PipelineLine, PipelineRead, PipelineSummary};
use jiff::Timestamp;

use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::table::{Cell, Table};
use crate::text::wrap::shortened;
use crate::text::{escape, time};
use crate::view::Now;

/// What is worth a line of what happens: remembers what began.
#[derive(Debug, Default)]
pub struct Said {
    began: BTreeMap<String, Timestamp>,
}

impl Said {
    /// The lines that an event is worth.
    pub fn on(&mut self, recorded: &Recorded) -> Vec<String> {
        let at = recorded.at;
        match &recorded.event {
            Event::CheckedOut { changed: 0 } => Vec::new(),
            Event::CheckedOut { changed } => {
                let files =
                    if *changed == 1 { "1 file is".to_owned() } else { format!("{changed} files are") };
                vec![paint(WARNING, &format!("{files} not as in the commit"))]
            }
            Event::StageBegan { stage } => {
                self.began.insert(stage.clone(), at);
                vec![paint(STRONG, &escape::line(stage))]
            }
            Event::JobBegan { stage, job, attempt, because } => {
                self.began.entry(format!("{stage}/{job}")).or_insert(at);
                let said = match (attempt, because) {
                    (1, Some(because)) => Some(format!("run: {because}")),
                    (1, None) => None,
                    (attempt, Some(because)) => Some(format!("attempt {attempt}: {because}")),
                    (attempt, None) => Some(format!("attempt {attempt}")),
                };
                said.map(|said| line("…", job, "", &said)).into_iter().collect()
            }
            Event::AttemptEnded { job, end, ms, .. } if *end != End::Exit(0) => {
                let took = time::took(std::time::Duration::from_millis(*ms));
                vec![line("…", job, &took, &end.words())]
            }
            Event::FinallyEnded { job, end, .. } if *end != End::Exit(0) => {
                vec![line(&paint(WARNING, "!"), job, "", &format!("its `finally` {}", end.words()))]
            }
            Event::JobDone { stage, job, verdict, .. } => {
                let took = self.took(&format!("{stage}/{job}"), at);
                vec![done(job, &took, verdict)]
            }
            Event::ArtifactMade { artifact, .. } => vec![line("…", "artifact", "", artifact)],
            Event::DeployRuns { run, .. } => vec![line("…", "deploy", "", run)],
            Event::Judged { decisions, .. } => decisions
                .iter()
                .map(|decision| {
                    let mark = match decision.status {
                        GateStatus::Pass => paint(GOOD, "✓"),
                        GateStatus::Waived => paint(WARNING, "!"),
                        _ if decision.required => paint(BAD, "✗"),
                        _ => paint(WARNING, "!"),
                    };
                    line(&mark, &decision.gate, decision.status.as_str(), &decision.why)
                })
                .collect(),
            Event::StageEnded { stage, passed } => {
                let took = self.took(stage, at);
                let (mark, words) = if *passed {
                    (paint(GOOD, "✓"), "passed")
                } else {
                    (paint(BAD, "✗"), "did not pass")
                };
                vec![line(&mark, "", &took, words)]
            }
            Event::AbortRequested { by } => vec![format!("{} asked for the run to end", escape::line(by))],
            _ => Vec::new(),
        }
    }

    fn took(&self, key: &str, at: Timestamp) -> String {
        self.began.get(key).map(|began| time::took(time::between(*began, at))).unwrap_or_default()
    }
}

fn done(job: &str, took: &str, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => line(&paint(GOOD, "✓"), job, took, ""),
        Verdict::Unchanged(run) => line(&paint(GOOD, "✓"), job, took, &format!("unchanged since {run}")),
        Verdict::Failed(problem) => line(&paint(BAD, "✗"), job, took, problem.code.as_str()),
        Verdict::Skipped(why) => line("-", job, "", &format!("not run: {why}")),
    }
}

fn line(mark: &str, name: &str, took: &str, words: &str) -> String {
    // 2 indent, 2 mark, 21 name, 12 time: what is left of 80 columns is for the words.
    let (name, words) = (shortened(&escape::line(name), 20), shortened(&escape::line(words), 42));
    let words = if words.is_empty() { words } else { paint(DIM, &words) };
    format!("  {mark} {name:<20} {took:<11} {words}").trim_end().to_owned()
}

/// The last words about a run.
pub fn outcome(line: &PipelineLine) -> String {
    let PipelineLine::Outcome { outcome, run, app, commit, dirty, artifact, .. } = line else {
        return String::new();
    };
    let commit = commit.get(..12).unwrap_or(commit);
    let dirty = if *dirty { " with changes that are not in it" } else { "" };
    let mut text = format!("{app} {commit}{dirty} {outcome} ({run})");
    if let Some(artifact) = artifact {
        let _ = write!(text, "\n  artifact {artifact}");
    }
    let _ = write!(text, "\n  bascule pipeline show {run}");
    text
}

/// The report of a run.
pub fn report(report: &PipelineRead) -> String {
    let record = &report.record;
    let commit = record.commit.get(..12).unwrap_or(&record.commit);
    let dirty = if record.dirty { ", with changes that are not in it" } else { "" };
    let result = match (record.passed, record.ended_at) {
        (Some(true), Some(at)) => format!("passed after {}", time::took(time::between(record.began_at, at))),
        (Some(false), Some(at)) => {
            format!("did not pass, after {}", time::took(time::between(record.began_at, at)))
        }
        _ => "goes on".to_owned(),
    };
    let mut text = format!(
        "{} {} by {}: {result}\n  commit {commit}{dirty}\n",
        record.app,
        paint(STRONG, &record.run),
        escape::line(&report.plan.actor),
    );
    if let Some(artifact) = &record.artifact {
        let _ = writeln!(text, "  artifact {artifact}");
    }
    text.push('\n');
    let mut said = Said::default();
    for recorded in &report.events {
        for line in said.on(recorded) {
            text.push_str(&line);
            text.push('\n');
        }
        if let Event::JobDone { verdict: Verdict::Failed(problem), .. }
        | Event::WorkDone { problem: Some(problem), .. } = &recorded.event
        {
            let _ = writeln!(text, "{}", crate::view::problem(problem));
        }
    }
    let not_run = report.plan.stages.iter().filter(|stage| !said.began.contains_key(&stage.name));
    let not_run: Vec<String> = not_run.map(|stage| escape::line(&stage.name)).collect();
    if !not_run.is_empty() {
        let _ = writeln!(text, "not run: {}", not_run.join(", "));
    }
    if !record.reports.is_empty() {
        let mut table = Table::default();
        for one in &record.reports {
            let what = match &one.file {
                Some(_) => Cell::from(format!("{} bytes", one.bytes)),
                None => Cell::styled("missing", BAD),
            };
            let source = escape::line(&format!("{}/{}: {}", one.stage, one.job, one.path));
            table.row([Cell::from(one.kind.as_str()), what, Cell::from(source)]);
        }
        let _ = write!(text, "\nreports\n{}", table.render(2));
    }
    text
}

/// The runs, the newest first.
pub fn list(all: &[PipelineSummary], now: &Now) -> String {
    let mut table = Table::default();
    for one in all {
        let record = &one.record;
        let result = match record.passed {
            Some(true) => Cell::styled("passed", GOOD),
            Some(false) => Cell::styled("did not pass", BAD),
            None => Cell::styled("goes on", WARNING),
        };
        let commit = record.commit.get(..12).unwrap_or(&record.commit);
        let dirty = if record.dirty { "+" } else { "" };
        let why = one.problem.as_ref().map(|problem| problem.code.as_str()).unwrap_or_default();
        table.row([
            Cell::from(record.run.clone()),
            Cell::from(now.clock(record.began_at)),
            Cell::from(record.app.clone()),
            Cell::from(format!("{commit}{dirty}")),
            result,
            Cell::styled(why, DIM),
        ]);
    }
    table.render(0)
}

#[cfg(test)]
mod tests {
    use bascule_model::problem::{Code, Problem};

    use super::*;

    fn told(events: Vec<Event>) -> String {
        let mut said = Said::default();
        let lines = events.into_iter().enumerate().flat_map(|(at, event)| {
            let at = at as u64;
            let moment = Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
            said.on(&Recorded { sequence: at + 1, at: moment, event })
        });
        anstream::adapter::strip_str(&lines.collect::<Vec<_>>().join("\n")).to_string()
    }

    #[test]
    fn each_thing_has_its_line_and_none_is_too_long() {
        let (stage, job) = ("testing".to_owned(), "a-job-with-quite-a-long-name-for-a-job".to_owned());
        let text = told(vec![
            Event::StageBegan { stage: stage.clone() },
            Event::JobBegan {
                stage: stage.clone(),
                job: job.clone(),
                attempt: 1,
                because: Some(
                    "a/very/long/path/to/a/file/that/nobody/would/ever/write.rs changed".to_owned(),
                ),
            },
            Event::AttemptEnded {
                stage: stage.clone(),
                job: job.clone(),
                attempt: 1,
                end: End::AttemptTimeout,
                ms: 90,
            },
            Event::JobBegan { stage: stage.clone(), job: job.clone(), attempt: 2, because: None },
            Event::FinallyEnded { stage: stage.clone(), job: job.clone(), end: End::Exit(3) },
            Event::JobDone {
                stage: stage.clone(),
                job,
                verdict: Verdict::Failed(Problem::new(Code::JobFailed, "m", "r")),
                reports: Vec::new(),
            },
            Event::JobDone {
                stage: stage.clone(),
                job: "lint\u{1b}[2J".to_owned(),
                verdict: Verdict::Skipped("another job of the stage failed".to_owned()),
                reports: Vec::new(),
            },
            Event::StageEnded { stage, passed: false },
        ]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
        for part in [
            "testing\n",
            "90 ms",
            "attempt 2",
            "its `finally` ended with status 3",
            "JOB_FAILED",
            "not run: another",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
