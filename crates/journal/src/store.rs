//! The trait that every store of the journal implements.

use async_trait::async_trait;
use bascule_model::ids::{EnvironmentKey, ReleaseId, RunId};
use jiff::Timestamp;

use crate::error::JournalError;
use crate::records::{
    Adopted, AuditRow, Commit, Deed, EnvironmentRecord, Lease, Owed, Recorded, ReleaseRecord, RunRecord, Take,
};

/// The store. Effects to perform are part of the event (`StepStarted` names the step whose `apply` is owed, `UndoStarted` the
/// step whose `undo` is): a store keeps them in an outbox until the event that ends them.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Takes the environment for a new run and writes the run, in one transaction. The lease's generation is one above the highest.
    /// Refused with [`JournalError::Held`] while another run of the environment is unfinished, even when its lease has run out:
    /// that run is resumed first; with [`JournalError::Moved`] when the plan was made for another live release than there is, or the
    /// new release has a number that is taken. The time is the run's `created_at`.
    async fn begin(
        &self,
        run: &RunRecord,
        owner: &str,
        until: Timestamp,
        take: Take,
        release: Option<&ReleaseRecord>,
    ) -> Result<Lease, JournalError>;

    /// Takes the lease of an unfinished run over, with a higher generation.
    async fn resume(
        &self,
        run: &RunId,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        take: Take,
    ) -> Result<Lease, JournalError>;

    /// Takes over what another journal told of an environment, in one transaction: its record, its releases, its last run with what
    /// happened in it. Nobody holds the lease then. [`JournalError::Fenced`] when a generation as high was seen here,
    /// [`JournalError::Held`] while another run of the environment is unfinished here, [`JournalError::Parted`] when that very run went
    /// another way here, [`JournalError::Corrupt`] when the parts do not fit.
    async fn adopt(&self, adopted: &Adopted) -> Result<(), JournalError>;

    /// Renews a lease.
    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), JournalError>;

    /// Writes one event and everything that follows from it. [`JournalError::Fenced`] when the lease is not held under that
    /// generation for that run, [`JournalError::Duplicate`] when the event is there already, [`JournalError::Corrupt`] when it
    /// cannot follow, or `state` is not what it makes of the stored state.
    async fn commit(&self, commit: &Commit) -> Result<Recorded, JournalError> {
        let mut recorded = self.commit_together(std::slice::from_ref(commit)).await?;
        recorded.pop().ok_or_else(|| JournalError::Corrupt("a commit recorded nothing".to_owned()))
    }

    /// Writes events that follow one another, each as [`Journal::commit`] does, in one transaction: all of them, or none and the
    /// error of the first that cannot be written.
    async fn commit_together(&self, commits: &[Commit]) -> Result<Vec<Recorded>, JournalError>;

    /// Changes the environment's record outside a run (a standby that died and was forgotten, …); fenced like a commit.
    async fn put_environment(&self, environment: &EnvironmentRecord) -> Result<(), JournalError>;

    /// An environment, if it was ever used.
    async fn environment(&self, key: &EnvironmentKey) -> Result<Option<EnvironmentRecord>, JournalError>;

    /// All of them.
    async fn environments(&self) -> Result<Vec<EnvironmentRecord>, JournalError>;

    /// The lease that is held on an environment, if one is.
    async fn lease(&self, key: &EnvironmentKey) -> Result<Option<Lease>, JournalError>;

    /// A release.
    async fn release(
        &self,
        key: &EnvironmentKey,
        id: &ReleaseId,
    ) -> Result<Option<ReleaseRecord>, JournalError>;

    /// The releases of an environment, the newest first.
    async fn releases(&self, key: &EnvironmentKey, limit: u32) -> Result<Vec<ReleaseRecord>, JournalError>;

    /// Digests of the artifacts of these releases, over all environments the newest `keep` each plus what stands in a slot, is for
    /// the engine to choose; this answers every release's id and artifact digest.
    async fn artifacts(&self) -> Result<Vec<(EnvironmentKey, ReleaseId, String)>, JournalError>;

    /// A run. Its state is checked against its events: what does not fit is [`JournalError::Corrupt`], here and in
    /// [`Journal::unfinished`], [`Journal::active`] and [`Journal::resume`].
    async fn run(&self, id: &RunId) -> Result<Option<RunRecord>, JournalError>;

    /// Its events after a position, in order.
    async fn events(&self, id: &RunId, after: u64) -> Result<Vec<Recorded>, JournalError>;

    /// The runs of an environment, the newest first. Made for long lists: the events are not read.
    async fn runs(&self, key: &EnvironmentKey, limit: u32) -> Result<Vec<RunRecord>, JournalError>;

    /// Every run that is not over.
    async fn unfinished(&self) -> Result<Vec<RunRecord>, JournalError>;

    /// The run of an environment that is not over, if there is one.
    async fn active(&self, key: &EnvironmentKey) -> Result<Option<RunRecord>, JournalError>;

    /// The calls of a run that were announced and whose outcome is not recorded, in the order they were announced.
    async fn owed(&self, id: &RunId) -> Result<Vec<Owed>, JournalError>;

    /// Adds a row to the audit trail for what was done outside of a run.
    async fn note(&self, deed: &Deed) -> Result<(), JournalError>;

    /// What was done outside of runs in an environment since a moment, of one kind ([`Deed::action`]), in order.
    async fn deeds(
        &self,
        key: &EnvironmentKey,
        action: &str,
        since: Timestamp,
    ) -> Result<Vec<AuditRow>, JournalError>;

    /// The audit trail after a position, in order.
    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>, JournalError>;
}
