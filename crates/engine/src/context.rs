//! What a step gets to work with.

use std::sync::Arc;
use std::time::Duration;

use bascule_journal::EnvironmentRecord;
use bascule_model::ids::{EnvironmentKey, Generation, RunId, Slot};
use bascule_model::plan::{Plan, Standing, Way};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Configuration, Release, Service, Source};
use bascule_model::run::Evidence;
use bascule_secrets::redact::Redactor;

use crate::executor::{Abort, Mirror};
use crate::ports::{
    Artifacts, CheckPlace, Checker, Claim, Clock, Hooks, Logs, Migrations, PortError, SlotRef, SlotSpec,
    Target, Traffic, Vault,
};
use crate::progress::Progress;

/// The outside of an engine.
#[derive(Clone)]
pub struct Ports {
    /// Where instances run.
    pub target: Arc<dyn Target>,
    /// Where artifacts come from.
    pub artifacts: Arc<dyn Artifacts>,
    /// Who directs the users' requests.
    pub traffic: Arc<dyn Traffic>,
    /// Who asks instances how they are.
    pub checker: Arc<dyn Checker>,
    /// Who keeps values sealed.
    pub vault: Arc<dyn Vault>,
    /// Who changes databases.
    pub migrations: Arc<dyn Migrations>,
    /// Where the output of tasks goes.
    pub logs: Arc<dyn Logs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Tests' way in.
    pub hooks: Arc<dyn Hooks>,
}

/// A release with its values.
#[derive(Clone)]
pub struct Loaded {
    /// The release.
    pub release: Release,
    /// Its values.
    pub configuration: Configuration,
    /// What its artifact is made from; none once it is made.
    pub source: Option<Source>,
    /// Why its values could not be opened: what needs them fails with this, what takes the release away does not need them.
    pub unreadable: Option<Problem>,
}

impl Loaded {
    /// Its values.
    ///
    /// # Errors
    /// Why they could not be opened.
    pub fn values(&self) -> Result<&Configuration, Problem> {
        match &self.unreadable {
            Some(problem) => Err(problem.clone()),
            None => Ok(&self.configuration),
        }
    }
}

/// One step's view of its run.
pub struct StepContext<'a> {
    /// The outside.
    pub ports: &'a Ports,
    /// The run.
    pub run: &'a RunId,
    /// What it does.
    pub plan: &'a Plan,
    /// The lease's generation.
    pub fence: Generation,
    /// Who is at work.
    pub claim: &'a Claim,
    /// The environment as it is recorded now.
    pub environment: &'a EnvironmentRecord,
    /// The release of the plan; none for a `down`.
    pub subject: Option<&'a Loaded>,
    /// The release that was live when the plan was made.
    pub former: Option<&'a Loaded>,
    /// The release that stood in the other slot when the plan was made.
    pub beside: Option<&'a Loaded>,
    /// Time on [`Clock::elapsed`] when the slot's instances began to start.
    pub started: Duration,
    /// Where the run's build output goes.
    pub build_log: std::path::PathBuf,
    /// Finds the secrets of the run's releases.
    pub redactor: &'a Redactor,
    /// Who watches.
    pub progress: &'a Progress,
    /// Who may end the run.
    pub abort: &'a Abort,
    /// Where the run is kept for those who do not have its journal.
    pub mirror: &'a Mirror,
}

impl StepContext<'_> {
    /// The environment.
    #[must_use]
    pub fn key(&self) -> &EnvironmentKey {
        &self.plan.key
    }

    /// A release of the run, whichever: all of them run in the same place.
    #[must_use]
    pub fn any_release(&self) -> Option<&Release> {
        self.subject.or(self.former).or(self.beside).map(|loaded| &loaded.release)
    }

    /// The release of the plan.
    ///
    /// # Errors
    /// When the plan has none: the step is not made for such a plan.
    pub fn subject(&self) -> Result<&Loaded, StepError> {
        self.subject.ok_or_else(|| {
            StepError::from(Problem::new(
                Code::Internal,
                "a step that needs a release was put into a run that has none",
                "report this: it is a defect of Bascule",
            ))
        })
    }

    /// What is to stand in the plan's slot.
    ///
    /// # Errors
    /// As [`Self::subject`].
    pub fn spec(&self) -> Result<SlotSpec, StepError> {
        let subject = self.subject()?;
        Ok(SlotSpec {
            release: subject.release.clone(),
            slot: self.plan.slot,
            configuration: subject.values()?.clone(),
        })
    }

    /// How many instances of a service of the plan's release are to be well before any user meets one of them.
    #[must_use]
    pub fn first_instances(&self, service: &Service) -> u32 {
        let live = self.former.filter(|_| self.plan.way == Way::Roll).map(|former| &former.release);
        self.subject.map_or(service.instances, |subject| subject.release.first_instances(service, live))
    }

    /// Whether somebody wants the run to end.
    #[must_use]
    pub fn is_to_be_left(&self) -> bool {
        self.abort.requested().is_some()
    }

    /// Where a check is run, with what only the run knows: the project's folder and the slot.
    #[must_use]
    pub fn placed(&self, place: CheckPlace) -> CheckPlace {
        let mut place = in_project(place, self.environment);
        place.env.insert("BASCULE_SLOT".to_owned(), self.plan.slot.to_string());
        place
    }

    /// Names the plan's release in its slot.
    ///
    /// # Errors
    /// As [`Self::subject`].
    pub fn slot(&self) -> Result<SlotRef, StepError> {
        Ok(self.slot_of(self.plan.slot, &self.subject()?.release))
    }

    /// Names a release in a slot.
    #[must_use]
    pub fn slot_of(&self, slot: Slot, release: &Release) -> SlotRef {
        SlotRef { key: self.plan.key.clone(), slot, release: release.id.clone() }
    }

    /// Names what stands somewhere.
    #[must_use]
    pub fn standing(&self, standing: &Standing) -> SlotRef {
        SlotRef { key: self.plan.key.clone(), slot: standing.slot, release: standing.release.clone() }
    }

    /// Tells who watches how far the step is; not recorded.
    pub fn note(&self, step: &str, text: impl Into<String>) {
        self.progress.note(self.run, step, text.into());
    }
}

/// Command checks run in the project's folder, where it is known.
pub(crate) fn in_project(place: CheckPlace, environment: &EnvironmentRecord) -> CheckPlace {
    CheckPlace { folder: environment.project.as_ref().map(Into::into), ..place }
}

/// Why a step could not do its work.
#[derive(Debug, Clone, PartialEq)]
pub enum StepError {
    /// Another engine has the environment: stop without another word.
    Fenced,
    /// Another control plane without our journal has taken the environment over, and is there.
    Elsewhere(String),
    /// It was asked to end before its effect is whole, and has no write under way.
    Left,
    /// It failed.
    Failed {
        /// Why.
        problem: Problem,
        /// What it saw until then.
        evidence: Evidence,
    },
}

impl StepError {
    /// A failure with what was seen.
    pub fn failed(problem: Problem, evidence: Evidence) -> Self {
        Self::Failed { problem, evidence }
    }
}

impl From<Problem> for StepError {
    fn from(problem: Problem) -> Self {
        Self::Failed { problem, evidence: Evidence::Null }
    }
}

impl From<PortError> for StepError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Fenced => Self::Fenced,
            PortError::Elsewhere(home) => Self::Elsewhere(home),
            PortError::Problem(problem) => problem.into(),
        }
    }
}
