//! What happens in a run: the lines of its log. Only added to; what a run is follows from them alone.

use bascule_model::gate::{Decision, Report};
use bascule_model::problem::Problem;
use serde::{Deserialize, Serialize};

/// Something that happened. `stage` and `job` are names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A runner took the run over.
    RunnerBegan {
        /// Its process.
        pid: u32,
    },
    /// The commit's files are there.
    CheckedOut {
        /// Those that are not as in the commit.
        changed: u64,
    },
    /// A stage begins.
    StageBegan {
        /// Which.
        stage: String,
    },
    /// An attempt of a job is about to begin.
    JobBegan {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
        /// Its number, from 1; those that were lost count.
        attempt: u32,
        /// Why it is run though it has a cache.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        because: Option<String>,
    },
    /// An attempt ended.
    AttemptEnded {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
        /// Its number.
        attempt: u32,
        /// How.
        end: End,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// `finally` of a job is about to begin.
    FinallyBegan {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
    },
    /// `finally` of a job ended.
    FinallyEnded {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
        /// How.
        end: End,
    },
    /// A job is over for good.
    JobDone {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
        /// What it came to.
        verdict: Verdict,
        /// Its reports, those that are missing too.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        reports: Vec<Report>,
    },
    /// The artifact is made.
    ArtifactMade {
        /// The stage.
        stage: String,
        /// As `Release::artifact`.
        artifact: String,
    },
    /// A deploy is about to be asked for.
    DeployBegan {
        /// The stage.
        stage: String,
        /// Where to.
        environment: String,
    },
    /// The deploy is a run of its own.
    DeployRuns {
        /// The stage.
        stage: String,
        /// Its name.
        run: String,
    },
    /// What a stage that builds or deploys came to.
    WorkDone {
        /// The stage.
        stage: String,
        /// What went wrong; none: nothing.
        problem: Option<Problem>,
    },
    /// The gates were asked.
    Judged {
        /// The stage.
        stage: String,
        /// What they said.
        decisions: Vec<Decision>,
    },
    /// A stage is over.
    StageEnded {
        /// Which.
        stage: String,
        /// Whether all of it passed.
        passed: bool,
    },
    /// Somebody asked for the run to end.
    AbortRequested {
        /// Who.
        by: String,
    },
    /// The run is over.
    Finished {
        /// What went wrong; none: all that was asked for passed.
        problem: Option<Problem>,
    },
}

/// How an attempt, or a `finally`, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// By itself.
    Exit(i32),
    /// By a signal that we did not send.
    Signal(i32),
    /// It took longer than one attempt may.
    AttemptTimeout,
    /// All attempts together took too long.
    Timeout,
    /// The run was aborted.
    Aborted,
    /// The runner ended in its middle.
    Lost,
    /// It could not be begun, or what it wrote could not be kept.
    Refused(Problem),
}

impl End {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Exit(0) => "passed".to_owned(),
            Self::Exit(status) => format!("ended with status {status}"),
            Self::Signal(signal) => format!("was ended by signal {signal}"),
            Self::AttemptTimeout => "took longer than one attempt may".to_owned(),
            Self::Timeout => "took longer than all attempts together may".to_owned(),
            Self::Aborted => "was aborted".to_owned(),
            Self::Lost => "was lost with its runner".to_owned(),
            Self::Refused(problem) => problem.message.clone(),
        }
    }
}

/// What a job came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It ran, and all is well.
    Passed,
    /// Nothing that it depends on has changed since it passed in this run.
    Unchanged(String),
    /// It ran, and something is not well.
    Failed(Problem),
    /// It was not run, and so it did not pass.
    Skipped(String),
}

impl Verdict {
    /// Whether what it stands for was seen to hold.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Passed | Self::Unchanged(_))
    }
}
