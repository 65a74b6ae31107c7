//! The journal in a PostgreSQL database, in a schema of its own (`bascule_journal`), which several control planes can share.
//!
//! Every change is one transaction that is on the server's disk when the call returns; writers go one after the other. A lost
//! connection is made again; when the answer to a COMMIT gets lost, the server is asked what became of that transaction, and
//! nothing is written twice. Damage is reported, never repaired.

mod address;
mod audit;
mod environments;
mod failure;
mod leases;
mod open;
mod outbox;
#[cfg(test)]
mod query_plans;
mod releases;
mod runs;
mod schema;
mod transaction;
mod verify;

use async_trait::async_trait;
use bascule_model::ids::{EnvironmentKey, ReleaseId, RunId};
use jiff::Timestamp;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

use crate::error::JournalError;
use crate::failure::Failure;
use crate::records::{
    Adopted, AuditRow, Commit, Deed, EnvironmentRecord, Lease, LeaseEnd, Owed, Recorded, ReleaseRecord,
    RunRecord, Take,
};
use crate::rules;
use crate::store::Journal;
use transaction::{Fate, within};

/// What is there before a journal is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Host, port and database, without user and password.
    pub place: String,
    /// Whether there is a journal; opening makes one where there is none.
    pub is_there: bool,
}

/// The journal in a PostgreSQL database. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct PostgresJournal {
    /// Host, port and database: what may be shown.
    place: String,
    id: String,
    writer: PgPool,
    readers: PgPool,
}

impl PostgresJournal {
    /// Opens the journal in the database at this address (`postgres://…`, which may hold a password and is never repeated), and makes
    /// it where there is none.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] when what is there is damaged or none of ours, [`JournalError::Newer`] when a newer version wrote it,
    /// [`JournalError::Unavailable`] when the server cannot be reached or does not let us in.
    pub async fn open(address: &str) -> Result<Self, JournalError> {
        open::open(address).await
    }

    /// Looks what is there, and changes nothing.
    ///
    /// # Errors
    /// As [`PostgresJournal::open`].
    pub async fn look(address: &str) -> Result<Look, JournalError> {
        open::look(address).await
    }

    /// Tells this journal from every other, whichever control plane writes to it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Host, port and database, without user and password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Reads everything: every run against its events, the audit trail's chain. Takes time with a large journal.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] with the first thing that is wrong.
    pub async fn verify(&self) -> Result<(), JournalError> {
        within!(self.read, |tx| verify::everything(tx).await)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn connection(&self, pool: &PgPool) -> Result<PoolConnection<Postgres>, JournalError> {
        pool.acquire().await.map_err(|error| self.explain(error.into()))
    }

    /// What became of a transaction whose COMMIT was answered by this error.
    async fn fate(&self, number: &str, error: &sqlx::Error) -> Fate {
        if failure::is_refused(error) {
            return Fate::Unknown;
        }
        transaction::fate(&self.readers, number).await
    }

    /// Whether a transaction that failed before its COMMIT can be begun again. Its connection is given back only when it is sound.
    fn may_go_on(&self, failure: &Failure, connection: PoolConnection<Postgres>) -> bool {
        let repeat = failure::may_be_repeated(failure);
        if repeat {
            transaction::forget(connection);
        }
        repeat
    }

    fn explain(&self, failure: Failure) -> JournalError {
        failure::explain(failure, &self.place)
    }
}

#[async_trait]
impl Journal for PostgresJournal {
    async fn begin(
        &self,
        run: &RunRecord,
        owner: &str,
        until: Timestamp,
        take: Take,
        release: Option<&ReleaseRecord>,
    ) -> Result<Lease, JournalError> {
        within!(self.write, |tx| {
            let key = &run.plan.key;
            let (generation, held) = leases::get(tx, key).await?;
            let unfinished = runs::active(tx, key).await?;
            rules::may_begin(run, held.as_ref(), unfinished.as_ref(), generation, take)?;
            if runs::exists(tx, &run.id).await? {
                return Err(JournalError::Duplicate(run.id.to_string()).into());
            }
            let environment =
                environments::get(tx, key).await?.unwrap_or_else(|| EnvironmentRecord::new(key.clone()));
            rules::is_of_now(&run.plan, release, &environment)?;
            let lease = leases::take(tx, run, generation.next(), owner, run.created_at, until).await?;
            environments::put(tx, &rules::with_release(environment, release, lease.generation)).await?;
            if let Some(record) = release {
                releases::put(tx, record).await?;
            }
            runs::insert(tx, run).await?;
            let kind = run.plan.kind.as_str();
            audit::note(tx, run.created_at, &run.actor, "run_begun", key, Some(&run.id), kind).await?;
            Ok(lease)
        })
    }

    async fn resume(
        &self,
        run: &RunId,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        take: Take,
    ) -> Result<Lease, JournalError> {
        within!(self.write, |tx| {
            let record = runs::get_checked(tx, run).await?.ok_or_else(|| rules::unknown_run(run))?;
            let key = &record.plan.key;
            let (generation, held) = leases::get(tx, key).await?;
            rules::may_resume(&record, held.as_ref(), now, take)?;
            let lease = leases::take(tx, &record, generation.next(), owner, now, until).await?;
            let detail = format!("#{}", lease.generation);
            audit::note(tx, now, owner, "lease_taken", key, Some(run), &detail).await?;
            Ok(lease)
        })
    }

    async fn adopt(&self, adopted: &Adopted) -> Result<(), JournalError> {
        within!(self.write, |tx| {
            let (key, run) = (&adopted.environment.key, &adopted.run.id);
            let (generation, held) = leases::get(tx, key).await?;
            let unfinished = runs::active(tx, key).await?;
            rules::may_adopt(adopted, held.as_ref(), unfinished.as_ref(), generation)?;
            let known = runs::events(tx, run, 0).await?;
            let (begun, following) = rules::what_follows(adopted, &known)?;
            if !runs::exists(tx, run).await? {
                runs::insert(tx, &begun).await?;
            }
            for commit in &following {
                runs::append(tx, commit).await?;
                outbox::follow(tx, run, &commit.event, commit.at).await?;
            }
            for record in &adopted.releases {
                releases::put(tx, record).await?;
            }
            let former = environments::get(tx, key).await?;
            environments::put(tx, &rules::adopted_into(adopted, former.as_ref())).await?;
            leases::raise(tx, key, adopted.environment.generation).await?;
            let (action, detail) = rules::adoption(adopted);
            audit::note(tx, adopted.at, &adopted.actor, action, key, Some(run), &detail).await?;
            Ok(())
        })
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), JournalError> {
        within!(self.write, |tx| leases::renew(tx, lease, until).await)
    }

    async fn commit_together(&self, commits: &[Commit]) -> Result<Vec<Recorded>, JournalError> {
        within!(self.write, |tx| {
            let mut recorded = Vec::with_capacity(commits.len());
            for commit in commits {
                recorded.push(write(tx, commit).await?);
            }
            Ok(recorded)
        })
    }

    async fn put_environment(&self, environment: &EnvironmentRecord) -> Result<(), JournalError> {
        within!(self.write, |tx| {
            let (generation, _) = leases::get(tx, &environment.key).await?;
            rules::may_put(environment, generation)?;
            let former = environments::get(tx, &environment.key).await?;
            environments::put(tx, &rules::merged(environment, former.as_ref(), generation)).await
        })
    }

    async fn environment(&self, key: &EnvironmentKey) -> Result<Option<EnvironmentRecord>, JournalError> {
        within!(self.read, |tx| environments::get(tx, key).await)
    }

    async fn environments(&self) -> Result<Vec<EnvironmentRecord>, JournalError> {
        within!(self.read, |tx| environments::all(tx).await)
    }

    async fn lease(&self, key: &EnvironmentKey) -> Result<Option<Lease>, JournalError> {
        within!(self.read, |tx| Ok(leases::get(tx, key).await?.1))
    }

    async fn release(
        &self,
        key: &EnvironmentKey,
        id: &ReleaseId,
    ) -> Result<Option<ReleaseRecord>, JournalError> {
        within!(self.read, |tx| releases::get(tx, key, id).await)
    }

    async fn releases(&self, key: &EnvironmentKey, limit: u32) -> Result<Vec<ReleaseRecord>, JournalError> {
        within!(self.read, |tx| releases::newest(tx, key, limit).await)
    }

    async fn artifacts(&self) -> Result<Vec<(EnvironmentKey, ReleaseId, String)>, JournalError> {
        within!(self.read, |tx| releases::artifacts(tx).await)
    }

    async fn run(&self, id: &RunId) -> Result<Option<RunRecord>, JournalError> {
        within!(self.read, |tx| runs::get_checked(tx, id).await)
    }

    async fn events(&self, id: &RunId, after: u64) -> Result<Vec<Recorded>, JournalError> {
        within!(self.read, |tx| runs::events(tx, id, after).await)
    }

    async fn runs(&self, key: &EnvironmentKey, limit: u32) -> Result<Vec<RunRecord>, JournalError> {
        within!(self.read, |tx| runs::newest(tx, key, limit).await)
    }

    async fn unfinished(&self) -> Result<Vec<RunRecord>, JournalError> {
        within!(self.read, |tx| runs::unfinished(tx).await)
    }

    async fn active(&self, key: &EnvironmentKey) -> Result<Option<RunRecord>, JournalError> {
        within!(self.read, |tx| runs::active(tx, key).await)
    }

    async fn owed(&self, id: &RunId) -> Result<Vec<Owed>, JournalError> {
        within!(self.read, |tx| outbox::owed(tx, id).await)
    }

    async fn note(&self, deed: &Deed) -> Result<(), JournalError> {
        let Deed { at, actor, action, key, detail } = deed;
        within!(self.write, |tx| audit::note(tx, *at, actor, action, key, None, detail).await)
    }

    async fn deeds(
        &self,
        key: &EnvironmentKey,
        action: &str,
        since: Timestamp,
    ) -> Result<Vec<AuditRow>, JournalError> {
        within!(self.read, |tx| audit::deeds(tx, key, action, since).await)
    }

    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>, JournalError> {
        within!(self.read, |tx| audit::after(tx, after, limit).await)
    }
}

/// Writes one event, and all that is written with it.
async fn write(connection: &mut PgConnection, commit: &Commit) -> Result<Recorded, Failure> {
    let stored = runs::get(connection, &commit.run).await?.ok_or_else(|| rules::unknown_run(&commit.run))?;
    let (generation, held) = leases::get(connection, &commit.key).await?;
    if commit.generation == generation && runs::has_event(connection, &commit.run, &commit.event).await? {
        return Err(JournalError::Duplicate(rules::identity(&commit.event)).into());
    }
    rules::may_commit(commit, &stored, held.as_ref(), generation)?;
    let recorded = runs::append(connection, commit).await?;
    outbox::follow(connection, &commit.run, &commit.event, commit.at).await?;
    let former = environments::get(connection, &commit.key).await?;
    let environment = rules::merged(&commit.environment, former.as_ref(), generation);
    environments::put(connection, &environment).await?;
    if let Some(record) = &commit.release {
        releases::put(connection, record).await?;
    }
    if commit.ends_lease == LeaseEnd::Release {
        leases::release(connection, &commit.key).await?;
    }
    let owner = held.map(|lease| lease.owner).unwrap_or_default();
    audit::note(
        connection,
        commit.at,
        rules::actor(&commit.event, &owner),
        commit.event.identity().0,
        &commit.key,
        Some(&commit.run),
        &rules::detail(&commit.event),
    )
    .await?;
    Ok(recorded)
}
