//! What a run is: the fold of its events.

use std::collections::BTreeMap;

use bascule_model::gate::{Decision, PipelineRecord, Report};
use bascule_model::problem::Problem;
use jiff::Timestamp;
use serde::Serialize;

use crate::event::{End, Event, Verdict};
use crate::plan::Plan;

/// A run so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// Whether the commit's files are there.
    pub checked_out: bool,
    /// The stages that began, by name.
    pub stages: BTreeMap<String, StageState>,
    /// The artifact.
    pub artifact: Option<String>,
    /// Who asked for it to end.
    pub abort: Option<String>,
    /// What went wrong first.
    pub failure: Option<Problem>,
    /// The last decision of each gate, in the order in which they were first made.
    pub decisions: Vec<Decision>,
    /// When it ended, and whether everything passed.
    pub finished: Option<(Timestamp, bool)>,
}

/// A stage so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StageState {
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// Its jobs that were looked at, by name.
    pub jobs: BTreeMap<String, JobState>,
    /// The deploy that was asked for, and the run that it is as far as that is known.
    pub deploy: Option<Option<String>>,
    /// What its work came to, where it builds or deploys.
    pub work: Option<Result<(), Problem>>,
    /// Whether its gates were asked.
    pub judged: bool,
    /// When it ended, and whether all of it passed.
    pub ended: Option<(Timestamp, bool)>,
}

/// A job so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JobState {
    /// Where it stands.
    pub phase: Phase,
    /// Attempts that began, lost ones too: the number of the last one.
    pub begun: u32,
    /// Attempts of this series that count.
    pub counted: u32,
    /// Lost ones in a row.
    pub lost: u32,
    /// Whether another job was under way at any time since its first attempt began.
    pub shared: bool,
    /// How often `finally` was begun in this series.
    pub finallies: u32,
    /// When this series began.
    pub series_at: Option<Timestamp>,
    /// When the first attempt of all began.
    pub began_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// How the last attempt ended.
    pub last: Option<End>,
    /// Its reports.
    pub reports: Vec<Report>,
}

/// Where a job stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No attempt has begun.
    #[default]
    Open,
    /// An attempt runs.
    Running,
    /// The last attempt ended, at this time.
    Between(Timestamp),
    /// `finally` runs.
    Finally,
    /// `finally` was cut off, and has to be run once more.
    FinallyCut,
    /// The series and its `finally` are over.
    Closed,
    /// It is over for good.
    Done(Verdict),
}

impl StageState {
    /// Whether a deploy was asked for and it is not known what came of it.
    #[must_use]
    pub fn deploys(&self) -> bool {
        self.deploy.is_some() && self.work.is_none()
    }
}

impl JobState {
    /// Whether anything of it was begun and is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Open | Phase::Done(_))
    }
}

impl State {
    /// Adds what happened.
    pub fn on(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunnerBegan { .. } => {}
            Event::CheckedOut { .. } => self.checked_out = true,
            Event::StageBegan { stage } => self.stage(stage).began_at = Some(at),
            Event::JobBegan { stage, job, attempt, .. } => {
                self.note_company(stage, job);
                let job = self.job(stage, job);
                if job.last == Some(End::Lost) {
                    // A series of its own: what was lost is nobody's time, and has had its `finally`.
                    job.series_at = None;
                    job.finallies = 0;
                }
                job.begun = *attempt;
                job.began_at.get_or_insert(at);
                job.series_at.get_or_insert(at);
                job.phase = Phase::Running;
            }
            Event::AttemptEnded { stage, job, end, .. } => {
                let job = self.job(stage, job);
                if *end == End::Lost {
                    job.lost += 1;
                } else {
                    job.counted += 1;
                    job.lost = 0;
                }
                job.last = Some(end.clone());
                job.phase = Phase::Between(at);
            }
            Event::FinallyBegan { stage, job } => {
                let job = self.job(stage, job);
                job.finallies += 1;
                job.phase = Phase::Finally;
            }
            Event::FinallyEnded { stage, job, end } => {
                let job = self.job(stage, job);
                job.phase = if *end == End::Lost { Phase::FinallyCut } else { Phase::Closed };
            }
            Event::JobDone { stage, job, verdict, reports } => {
                if let Verdict::Failed(problem) = verdict {
                    self.fail(problem);
                }
                let job = self.job(stage, job);
                job.reports.clone_from(reports);
                job.ended_at = Some(at);
                job.phase = Phase::Done(verdict.clone());
            }
            Event::ArtifactMade { artifact, .. } => self.artifact = Some(artifact.clone()),
            Event::DeployBegan { stage, .. } => self.stage(stage).deploy = Some(None),
            Event::DeployRuns { stage, run } => self.stage(stage).deploy = Some(Some(run.clone())),
            Event::WorkDone { stage, problem } => {
                if let Some(problem) = problem {
                    self.fail(problem);
                }
                self.stage(stage).work = Some(problem.clone().map_or(Ok(()), Err));
            }
            Event::Judged { stage, decisions } => {
                self.stage(stage).judged = true;
                for decision in decisions {
                    match self.decisions.iter_mut().find(|earlier| earlier.gate == decision.gate) {
                        Some(earlier) => *earlier = decision.clone(),
                        None => self.decisions.push(decision.clone()),
                    }
                }
            }
            Event::StageEnded { stage, passed } => self.stage(stage).ended = Some((at, *passed)),
            Event::AbortRequested { by } => {
                self.abort.get_or_insert_with(|| by.clone());
            }
            Event::Finished { problem } => {
                if let Some(problem) = problem {
                    self.fail(problem);
                }
                self.finished = Some((at, problem.is_none()));
            }
        }
    }

    /// A job's state; that of one that was not looked at is the first.
    #[must_use]
    pub fn job_of(&self, stage: &str, job: &str) -> JobState {
        self.stages.get(stage).and_then(|stage| stage.jobs.get(job)).cloned().unwrap_or_default()
    }

    /// What others rest on.
    #[must_use]
    pub fn record(&self, plan: &Plan) -> PipelineRecord {
        let stages = plan.stages.iter().filter_map(|stage| self.stages.get(&stage.name));
        PipelineRecord {
            run: plan.run.clone(),
            app: plan.app.clone(),
            commit: plan.commit.clone(),
            dirty: plan.dirty,
            artifact: self.artifact.clone(),
            began_at: plan.began_at,
            ended_at: self.finished.map(|(at, _)| at),
            passed: self.finished.map(|(_, passed)| passed),
            reports: stages
                .flat_map(|stage| stage.jobs.values())
                .flat_map(|job| job.reports.clone())
                .collect(),
            decisions: self.decisions.clone(),
        }
    }

    /// Of jobs that are under way at the same time, each can have changed what it finds in the checkout.
    fn note_company(&mut self, stage: &str, job: &str) {
        let jobs = self.stages.iter_mut().flat_map(|(stage, it)| {
            it.jobs.iter_mut().map(move |(name, of_job)| (stage.as_str(), name.as_str(), of_job))
        });
        let mut has_company = false;
        for (_, _, other) in jobs.filter(|(of, name, it)| (*of, *name) != (stage, job) && it.is_open()) {
            other.shared = true;
            has_company = true;
        }
        self.job(stage, job).shared |= has_company;
    }

    fn fail(&mut self, problem: &Problem) {
        self.failure.get_or_insert_with(|| problem.clone());
    }

    fn stage(&mut self, name: &str) -> &mut StageState {
        self.stages.entry(name.to_owned()).or_default()
    }

    fn job(&mut self, stage: &str, job: &str) -> &mut JobState {
        self.stage(stage).jobs.entry(job.to_owned()).or_default()
    }
}
