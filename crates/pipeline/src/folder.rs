//! Where a run's files lie: `pipelines/RUN` of the state folder.

use std::path::{Path, PathBuf};

use bascule_instances::durable;
use bascule_model::gate::PipelineRecord;

use crate::error::{PipelineError, file};
use crate::plan::Plan;

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    cache: PathBuf,
}

impl RunFolder {
    /// Names it. It need not exist.
    #[must_use]
    pub fn of(state: &Path, run: &str) -> Self {
        Self { path: all(state).join(run), cache: state.join("cache") }
    }

    /// Itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the cache, that all runs share.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// What the mark of each of its processes begins with: its name, and what tells its state folder from others on the machine.
    pub(crate) fn mark(&self) -> String {
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let hash = <sha2::Sha256 as sha2::Digest>::digest(path.as_os_str().as_encoded_bytes());
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{name}-{}", bascule_model::plan::hex(&hash[..6]))
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// The log of events.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// What others rest on, a [`PipelineRecord`].
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.path.join("record.json")
    }

    /// Secret values and wishes, sealed by the control plane.
    #[must_use]
    pub fn sealed(&self) -> PathBuf {
        self.path.join("private.sealed")
    }

    /// There while the run is not over.
    #[must_use]
    pub fn active(&self) -> PathBuf {
        self.path.join("active")
    }

    /// Who asked for it to end, where somebody did.
    #[must_use]
    pub fn abort(&self) -> PathBuf {
        self.path.join("abort")
    }

    /// The lock of its runner.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// What its runner says, which is nothing unless something is wrong with it.
    #[must_use]
    pub fn runner_log(&self) -> PathBuf {
        self.path.join("runner.log")
    }

    /// The commit's files.
    #[must_use]
    pub fn checkout(&self) -> PathBuf {
        self.path.join("checkout")
    }

    /// How the commit's files were when they were checked out.
    pub(crate) fn checked_out(&self) -> PathBuf {
        self.path.join("checkout.files")
    }

    /// The folder for what jobs throw away.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// The log of an attempt.
    #[must_use]
    pub fn job_log(&self, stage: &str, job: &str, attempt: u32) -> PathBuf {
        self.path.join("logs").join(format!("{}.{job}.{attempt}.log", slug(stage)))
    }

    /// Where the reports of a job are kept, relative to the run's folder.
    #[must_use]
    pub fn reports_of(stage: &str, job: &str) -> String {
        format!("reports/{}.{job}", slug(stage))
    }

    /// Makes the folder of a run that is about to begin.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make(&self, plan: &Plan) -> Result<(), PipelineError> {
        durable::make_folder(&self.path.join("logs"))?;
        let text =
            serde_json::to_vec_pretty(plan).map_err(|error| file("write", &self.plan())(error.into()))?;
        durable::durable(&self.plan(), &text, durable::Access::Private)?;
        Ok(durable::durable(&self.active(), b"", durable::Access::Private)?)
    }

    /// Reads its plan.
    ///
    /// # Errors
    /// When there is no such run, or it cannot be read.
    pub fn read_plan(&self) -> Result<Plan, PipelineError> {
        let name = || self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = durable::read_if_there(&self.plan())?.ok_or_else(|| PipelineError::Unknown(name()))?;
        serde_json::from_slice(&bytes).map_err(|error| damaged(&self.plan(), &error))
    }

    /// Reads its record; none before the first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_record(&self) -> Result<Option<PipelineRecord>, PipelineError> {
        let Some(bytes) = durable::read_if_there(&self.record())? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(&self.record(), &error))
    }
}

fn damaged(path: &Path, error: &serde_json::Error) -> PipelineError {
    PipelineError::Damaged { path: path.to_owned(), line: error.line(), detail: error.to_string() }
}

/// The folder of all runs.
#[must_use]
pub fn all(state: &Path) -> PathBuf {
    state.join("pipelines")
}

/// The names of all runs, the oldest first.
///
/// # Errors
/// When the folder cannot be read.
pub fn runs(state: &Path) -> Result<Vec<String>, PipelineError> {
    Ok(durable::names(&all(state))?.into_iter().filter(|name| name.starts_with("ship-")).collect())
}

/// A stage's name as part of a file's: letters, digits and `-`, and a number that tells those apart that look alike then.
pub(crate) fn slug(stage: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = stage.chars().map(plain).collect();
    if slug == stage {
        return slug;
    }
    let hash = bascule_model::plan::hex(&<sha2::Sha256 as sha2::Digest>::digest(stage)[..2]);
    format!("{}-{hash}", slug.chars().take(40).collect::<String>())
}
