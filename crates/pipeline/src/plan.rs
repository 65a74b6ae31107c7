//! What a run is to do: the part of the pipeline that was asked for, complete and without a secret value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bascule_model::gate::ReportKind;
use bascule_model::manifest::Gates;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A run's plan: `plan.json` in its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The run.
    pub run: String,
    /// The app.
    pub app: String,
    /// The commit, hex.
    pub commit: String,
    /// Whether the folder is taken as it stands.
    pub dirty: bool,
    /// The caller's folder with the manifest, absolute.
    pub project: PathBuf,
    /// Where that is in the repository, with a `/` at its end; empty for the top.
    pub prefix: String,
    /// Who wants it.
    pub actor: String,
    /// When it was asked for.
    pub began_at: Timestamp,
    /// What every job gets of the caller's environment.
    pub surroundings: BTreeMap<String, String>,
    /// How many jobs run at the same time.
    pub jobs: usize,
    /// The environment whose gates the stages before a deploy are judged with; none: no stage deploys.
    #[serde(default)]
    pub gates_of: Option<String>,
    /// Those gates.
    #[serde(default)]
    pub gates: Gates,
    /// What is done, in order.
    pub stages: Vec<Stage>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name, unique.
    pub name: String,
    /// What it does.
    pub work: Work,
}

/// What a stage does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Runs jobs.
    Jobs(Vec<Job>),
    /// Makes the artifact, as this environment wants it.
    Build(String),
    /// Deploys the artifact to this environment.
    Deploy(String),
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name, unique in its stage.
    pub name: String,
    /// Lines for the shell.
    pub run: Vec<String>,
    /// Jobs of the stage that have to pass first.
    pub needs: Vec<String>,
    /// All attempts together, in milliseconds.
    pub timeout_ms: u64,
    /// One attempt, in milliseconds.
    pub attempt_timeout_ms: u64,
    /// When it is tried again.
    pub retry: Retry,
    /// When it need not be run.
    pub cache: Option<Cache>,
    /// What it writes.
    pub reports: Vec<(ReportKind, String)>,
    /// Names of its secrets.
    pub secrets: Vec<String>,
    /// Its own environment.
    pub env: BTreeMap<String, String>,
    /// Names of variables that it gets of the caller's environment; their values are not written down.
    #[serde(default)]
    pub given: Vec<String>,
    /// A line for the shell that is run after it.
    pub finally: Option<String>,
    /// Patterns of what it depends on; none: everything.
    pub inputs: Vec<String>,
}

/// When a job is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often in all.
    pub attempts: u32,
    /// Before the second one, in milliseconds; then twice as long each time.
    pub backoff_ms: u64,
    /// `timeout`, `signal`, `exit`, `exit:N`.
    pub on: Vec<String>,
}

/// When a job need not be run, and what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Files that say which paths are put back.
    pub key: Vec<String>,
    /// What is kept.
    pub paths: Vec<String>,
    /// Lines for the shell whose output it depends on.
    pub tools: Vec<String>,
}

impl Plan {
    /// A stage by its name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// A job by its place.
    #[must_use]
    pub fn job(&self, stage: &str, job: &str) -> Option<&Job> {
        self.stage(stage)?.jobs().iter().find(|one| one.name == job)
    }
}

impl Stage {
    /// Its jobs.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        match &self.work {
            Work::Jobs(jobs) => jobs,
            Work::Build(_) | Work::Deploy(_) => &[],
        }
    }
}
