//! The journal in one SQLite file.
//!
//! One connection writes and a few read. Every change is one `BEGIN IMMEDIATE` transaction that is on disk when the call returns
//! (write-ahead log, `synchronous=FULL`); every read that needs more than one statement sees one snapshot. A damaged file is
//! reported, never repaired or replaced.

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
mod verify;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bascule_model::ids::{EnvironmentKey, ReleaseId, RunId};
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection as _, SqliteConnection};

use crate::error::JournalError;
use crate::failure::Failure;
use crate::records::{
    Adopted, AuditRow, Commit, Deed, EnvironmentRecord, Lease, LeaseEnd, Owed, Recorded, ReleaseRecord,
    RunRecord, Take,
};
use crate::rules;
use crate::store::Journal;

/// Runs a block of queries in one transaction, which is committed when it went well: of the writing connection, or of a reading one
/// (that sees one snapshot then).
macro_rules! within {
    ($journal:ident.write, |$tx:ident| $body:expr) => {
        within!(@ $journal, $journal.writer, "BEGIN IMMEDIATE", |$tx| $body)
    };
    ($journal:ident.read, |$tx:ident| $body:expr) => {
        within!(@ $journal, $journal.readers, "BEGIN", |$tx| $body)
    };
    (@ $journal:ident, $pool:expr, $begin:literal, |$tx:ident| $body:expr) => {{
        let mut connection = $pool.acquire().await.map_err(|error| $journal.explain(error.into()))?;
        let result: Result<_, Failure> = async {
            let mut tx = connection.begin_with($begin).await?;
            let value: Result<_, Failure> = {
                let $tx = &mut *tx;
                async { $body }.await
            };
            // An error drops the transaction, which rolls it back.
            let value = value?;
            tx.commit().await?;
            Ok(value)
        }
        .await;
        if matches!(result, Err(Failure::Sql(_))) {
            // After some errors (a full disk) SQLite has rolled back by itself, and the connection's count of transactions is wrong
            // from then on: what comes next gets a new one.
            let _ = connection.detach().close().await;
        }
        result.map_err(|failure| $journal.explain(failure))
    }};
}

/// The journal in one SQLite file. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct SqliteJournal {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteJournal {
    /// Opens the journal, and makes it (mode 0600) where there is none. The folder must exist.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] when the file is damaged or none of ours, [`JournalError::Newer`] when a newer version wrote it,
    /// [`JournalError::Unavailable`] when the folder cannot be used or the disk is full.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        open::open(path.as_ref()).await
    }

    /// Reads everything: the file's structure, every run against its events, the audit trail's chain. Takes time with a large
    /// journal; [`SqliteJournal::open`] looks only at what it can see at once.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] with the first thing that is wrong.
    pub async fn verify(&self) -> Result<(), JournalError> {
        within!(self.read, |tx| verify::everything(tx).await)
    }

    /// Closes the file; the write-ahead log is folded into it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    fn explain(&self, failure: Failure) -> JournalError {
        failure::explain(failure, &self.path)
    }
}

#[async_trait]
impl Journal for SqliteJournal {
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
async fn write(connection: &mut SqliteConnection, commit: &Commit) -> Result<Recorded, Failure> {
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

/// Opens one connection, and closes it whatever happens in between.
async fn with_connection<T>(
    options: &sqlx::sqlite::SqliteConnectOptions,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    use sqlx::ConnectOptions as _;
    let mut connection = options.connect().await?;
    let result = work(&mut connection).await;
    let closed = connection.close().await;
    let value = result?;
    closed?;
    Ok(value)
}
