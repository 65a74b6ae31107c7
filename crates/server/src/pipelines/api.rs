//! What front ends and the control plane say to each other about pipelines.

use bascule_model::gate::PipelineRecord;
use bascule_model::problem::Problem;
use bascule_pipeline::Recorded;
use bascule_pipeline::plan::Plan;
use bascule_pipeline::private::Private;
use bascule_pipeline::state::State;
use serde::{Deserialize, Serialize};

/// `POST /v1/pipelines` → [`PipelineStarted`]. Holds values: it goes through the socket and nowhere else.
#[derive(Clone, Serialize, Deserialize)]
pub struct BeginPipeline {
    /// What is to be done; the run gets its name here.
    pub plan: Plan,
    /// The values.
    pub private: Private,
}

/// A pipeline's run was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PipelineStarted {
    /// Its name. Follow it at `GET /v1/pipelines/{run}/follow?after=0`: lines of [`PipelineLine`].
    pub run: String,
}

/// `GET /v1/pipelines` → a list of these, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PipelineSummary {
    /// The names of its stages.
    pub stages: Vec<String>,
    /// Who wanted it.
    pub actor: String,
    /// What it has come to.
    pub record: PipelineRecord,
    /// What went wrong.
    pub problem: Option<Problem>,
}

/// `GET /v1/pipelines/{run}`
#[derive(Debug, Clone, Serialize)]
pub struct PipelineReport {
    /// What it is to do.
    pub plan: Plan,
    /// Where it stands.
    pub state: State,
    /// What it has come to.
    pub record: PipelineRecord,
    /// Everything that happened, in order.
    pub events: Vec<Recorded>,
}

/// The same, as it is read.
#[derive(Debug, Clone, Deserialize)]
pub struct PipelineRead {
    /// What it is to do.
    pub plan: Plan,
    /// What it has come to.
    pub record: PipelineRecord,
    /// Everything that happened, in order.
    pub events: Vec<Recorded>,
}

/// A line of a followed run. The last is an outcome.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PipelineLine {
    /// Something happened.
    Event(Recorded),
    /// A job wrote something.
    Log {
        /// Its stage.
        stage: String,
        /// Which.
        job: String,
        /// Which attempt.
        attempt: u32,
        /// How many bytes of the log there are up to here.
        at: u64,
        /// The lines, without line ends. Untrusted text.
        lines: Vec<String>,
    },
    /// Its runner could not go on. It is tried again.
    Trouble {
        /// Why.
        error: Problem,
    },
    /// The run is over.
    Outcome {
        /// `passed`, `failed` or `aborted`.
        outcome: String,
        /// The run.
        run: String,
        /// The app.
        app: String,
        /// The commit.
        commit: String,
        /// Whether it is a folder as it stood.
        dirty: bool,
        /// The artifact that it made.
        artifact: Option<String>,
        /// What went wrong.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<Problem>,
    },
}

/// `GET /v1/pipelines/{run}/logs/{job}?stage=…` → a list of these.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobLog {
    /// Its stage.
    pub stage: String,
    /// Which.
    pub job: String,
    /// Which attempt.
    pub attempt: u32,
    /// What it wrote, without secrets. Untrusted text.
    pub text: String,
}
