//! When a run is kept where it runs, for those who do not have its journal, and how long that is waited for. Best effort: a place that
//! does not take it is in nobody's way, and whoever takes over sees how old what it finds is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bascule_journal::{EnvironmentRecord, Journal};
use bascule_model::ids::Generation;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Release;

use super::Stop;
use crate::context::{Ports, StepError};
use crate::mirror;
use crate::ports::{Claim, IfNone, PortError};
use crate::progress::Progress;

/// So long it is waited for, before something is done to the world.
const WAIT: Duration = Duration::from_secs(2);
/// So long, once that was not enough.
const WAIT_BEHIND: Duration = Duration::from_millis(300);
/// So long at the end, when nobody waits for the run any more.
const WAIT_AT_THE_END: Duration = Duration::from_secs(10);

/// Where one run is kept.
#[derive(Clone)]
pub struct Mirror {
    ports: Ports,
    journal: Arc<dyn Journal>,
    fence: Generation,
    claim: Claim,
    /// Says where that is; none: nowhere.
    release: Option<Release>,
    progress: Progress,
    /// What was to be kept last was not, as far as is known.
    behind: Arc<AtomicBool>,
    /// The environment is taken where it runs: from then on what is kept may be made where there is none.
    is_taken: Arc<AtomicBool>,
}

/// What became of keeping a run.
#[derive(Debug)]
pub(crate) enum Keeping {
    Kept,
    /// Nothing is kept there, and nothing may be made yet.
    NoneThere,
    Failed(Problem),
}

/// Why a run is not to go on.
#[derive(Debug)]
pub(crate) enum Gone {
    Fenced,
    Elsewhere(String),
}

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Fenced => Self::Fenced,
            Gone::Elsewhere(home) => Self::Elsewhere(home),
        }
    }
}

impl From<Gone> for StepError {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Fenced => Self::Fenced,
            Gone::Elsewhere(home) => Self::Elsewhere(home),
        }
    }
}

impl Mirror {
    pub(crate) fn new(
        ports: &Ports,
        journal: &Arc<dyn Journal>,
        fence: Generation,
        claim: &Claim,
        release: Option<Release>,
        progress: &Progress,
    ) -> Self {
        Self {
            ports: ports.clone(),
            journal: journal.clone(),
            fence,
            claim: claim.clone(),
            release,
            progress: progress.clone(),
            behind: Arc::default(),
            is_taken: Arc::default(),
        }
    }

    /// The same, kept nowhere.
    pub(super) fn nowhere(&self) -> Self {
        Self { release: None, ..self.clone() }
    }

    /// Tells it there from now on.
    pub(super) fn tell(&mut self, progress: &Progress) {
        self.progress = progress.clone();
    }

    /// A release of an environment that others can only take over: it is in a cluster, and nobody shares the journal.
    pub(super) fn alone(&self) -> Option<&Release> {
        self.release.as_ref()
    }

    /// The environment was taken where it runs.
    pub(crate) fn taken(&self) {
        self.is_taken.store(true, Ordering::Relaxed);
    }

    /// Keeps the run as the journal has it now. Answers why it was not kept.
    pub(crate) async fn keep(&self) -> Result<Option<Problem>, Gone> {
        match self.keep_if_any().await? {
            Keeping::Failed(problem) => Ok(Some(problem)),
            Keeping::Kept | Keeping::NoneThere => Ok(None),
        }
    }

    /// The same, and whether nothing was there that could be written over, nor could be made yet.
    pub(crate) async fn keep_if_any(&self) -> Result<Keeping, Gone> {
        let patience = if self.behind.load(Ordering::Relaxed) { WAIT_BEHIND } else { WAIT };
        self.keep_within(patience).await
    }

    /// Keeps how the run ended; where nothing of the environment stands any more, nothing is kept.
    pub(super) async fn end(&self, environment: &EnvironmentRecord) {
        let Some(release) = &self.release else { return };
        if environment.live.is_some() || environment.standby.is_some() {
            let _ = self.keep_within(WAIT_AT_THE_END).await;
            return;
        }
        let forget = self.ports.traffic.forget_mirror(self.fence, &self.claim, release);
        tokio::select! {
            _ = forget => {}
            () = self.ports.clock.sleep(WAIT_AT_THE_END) => {}
        }
    }

    async fn keep_within(&self, patience: Duration) -> Result<Keeping, Gone> {
        let Some(release) = &self.release else { return Ok(Keeping::Kept) };
        // Who does not have the environment yet may be one who does not know that it has gone elsewhere.
        let if_none = if self.is_taken.load(Ordering::Relaxed) { IfNone::Make } else { IfNone::Leave };
        let write = async {
            let vault = self.ports.vault.as_ref();
            let mirrored = mirror::of(self.journal.as_ref(), vault, &self.claim.run).await?;
            self.ports.traffic.mirror(self.fence, &self.claim, release, &mirrored, if_none).await
        };
        let written = tokio::select! {
            written = write => written,
            () = self.ports.clock.sleep(patience) => Err(too_slow(patience).into()),
        };
        let problem = match written {
            Ok(is_kept) => {
                self.behind.store(false, Ordering::Relaxed);
                return Ok(if is_kept { Keeping::Kept } else { Keeping::NoneThere });
            }
            Err(PortError::Fenced) => return Err(Gone::Fenced),
            Err(PortError::Elsewhere(home)) => return Err(Gone::Elsewhere(home)),
            Err(PortError::Problem(problem)) => problem,
        };
        if !self.behind.swap(true, Ordering::Relaxed) {
            let text = format!("no other machine could go on with this run as it is now: {problem}");
            self.progress.note(&self.claim.run, "mirror", text);
        }
        Ok(Keeping::Failed(problem))
    }
}

fn too_slow(patience: Duration) -> Problem {
    Problem::new(
        Code::ClusterUnavailable,
        format!("the run could not be kept beside its environment within {} ms", patience.as_millis()),
        "nothing to do: the run goes on, and this machine with it",
    )
}
