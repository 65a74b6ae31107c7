//! The journal in memory, for simulations and tests: the same rules as the stores on disk, gone with the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, RunId};
use bascule_model::run::Event;
use jiff::Timestamp;

use crate::error::JournalError;
use crate::records::{
    Adopted, AuditRow, Commit, Deed, EnvironmentRecord, Lease, LeaseEnd, Owed, Recorded, ReleaseRecord,
    RunRecord, Take,
};
use crate::rules::{self, Owing};
use crate::store::Journal;

/// The journal in memory. Share it (behind an `Arc`) to let several engines meet.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    leases: BTreeMap<EnvironmentKey, (Generation, Option<Lease>)>,
    environments: BTreeMap<EnvironmentKey, EnvironmentRecord>,
    releases: BTreeMap<(EnvironmentKey, ReleaseId), ReleaseRecord>,
    runs: BTreeMap<RunId, KeptRun>,
    audit: Vec<AuditRow>,
}

#[derive(Debug)]
struct KeptRun {
    record: RunRecord,
    events: Vec<Recorded>,
    owed: Vec<Owed>,
}

impl Tables {
    fn lease(&self, key: &EnvironmentKey) -> (Generation, Option<&Lease>) {
        self.leases.get(key).map_or((Generation(0), None), |(highest, held)| (*highest, held.as_ref()))
    }

    fn unfinished(&self, key: &EnvironmentKey) -> Option<&RunRecord> {
        self.runs
            .values()
            .map(|run| &run.record)
            .find(|run| run.plan.key == *key && run.finished_at.is_none())
    }

    fn take(&mut self, run: &RunRecord, owner: &str, since: Timestamp, until: Timestamp) -> Lease {
        let key = run.plan.key.clone();
        let generation = self.lease(&key).0.next();
        let lease = Lease {
            key: key.clone(),
            run: run.id.clone(),
            owner: owner.to_owned(),
            generation,
            since,
            until,
        };
        self.leases.insert(key, (generation, Some(lease.clone())));
        lease
    }

    fn note(
        &mut self,
        at: Timestamp,
        actor: &str,
        action: &str,
        key: &EnvironmentKey,
        run: Option<&RunId>,
        detail: String,
    ) {
        let former = self.audit.last().map_or(AuditRow::NO_HASH.to_owned(), |row| row.hash.clone());
        let mut row = AuditRow {
            sequence: self.audit.len() as u64 + 1,
            at,
            actor: actor.to_owned(),
            action: action.to_owned(),
            key: key.clone(),
            run: run.cloned(),
            detail,
            hash: String::new(),
        };
        row.hash = row.hash_after(&former);
        self.audit.push(row);
    }

    /// Whether all of them can be written, one after the other.
    fn check(&self, commits: &[Commit]) -> Result<(), JournalError> {
        let mut following: Option<RunRecord> = None;
        for (index, commit) in commits.iter().enumerate() {
            let run = self.runs.get(&commit.run).ok_or_else(|| rules::unknown_run(&commit.run))?;
            let (generation, held) = self.lease(&commit.key);
            let earlier = commits[..index].iter().filter(|earlier| earlier.run == commit.run);
            let mut written =
                run.events.iter().map(|recorded| &recorded.event).chain(earlier.map(|it| &it.event));
            let is_there = written.any(|event| event.identity() == commit.event.identity());
            if is_there && commit.generation == generation {
                return Err(JournalError::Duplicate(rules::identity(&commit.event)));
            }
            let stored = following.as_ref().filter(|before| before.id == commit.run).unwrap_or(&run.record);
            rules::may_commit(commit, stored, held, generation)?;
            following = Some(RunRecord { state: commit.state.clone(), ..stored.clone() });
        }
        Ok(())
    }

    /// Writes one that was checked.
    fn write(&mut self, commit: &Commit) -> Recorded {
        let (generation, held) = self.lease(&commit.key);
        let owner = held.map(|lease| lease.owner.clone()).unwrap_or_default();
        let environment = rules::merged(&commit.environment, self.environments.get(&commit.key), generation);
        let recorded = match self.runs.get_mut(&commit.run) {
            Some(run) => run.append(commit),
            None => recorded(commit, 1),
        };
        self.environments.insert(commit.key.clone(), environment);
        if let Some(record) = &commit.release {
            self.put_release(record);
        }
        if commit.ends_lease == LeaseEnd::Release {
            self.leases.insert(commit.key.clone(), (generation, None));
        }
        let (kind, ..) = commit.event.identity();
        let actor = rules::actor(&commit.event, &owner);
        self.note(commit.at, actor, kind, &commit.key, Some(&commit.run), rules::detail(&commit.event));
        recorded
    }

    fn put_release(&mut self, record: &ReleaseRecord) {
        self.releases.insert((record.release.key.clone(), record.release.id.clone()), record.clone());
    }
}

fn recorded(commit: &Commit, sequence: u64) -> Recorded {
    let Commit { at, generation, event, .. } = commit;
    Recorded { sequence, at: *at, generation: *generation, event: event.clone() }
}

impl KeptRun {
    fn append(&mut self, commit: &Commit) -> Recorded {
        let recorded = recorded(commit, self.events.len() as u64 + 1);
        self.record.state = commit.state.clone();
        self.record.finished_at = commit.state.outcome.map(|_| commit.at);
        self.events.push(recorded.clone());
        self.owe(&commit.event, commit.at);
        recorded
    }

    fn owe(&mut self, event: &Event, since: Timestamp) {
        match Owing::of(event) {
            Owing::Begins { step, attempt, action } => {
                self.owed.retain(|owed| owed.step != step);
                self.owed.push(Owed { step: step.to_owned(), attempt, action, since });
            }
            Owing::Ends { step } => self.owed.retain(|owed| owed.step != step),
            Owing::EndsAll => self.owed.clear(),
            Owing::Nothing => {}
        }
    }
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // No method leaves the tables half changed, so what a panicking holder left is whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn begin(
        &self,
        run: &RunRecord,
        owner: &str,
        until: Timestamp,
        take: Take,
        release: Option<&ReleaseRecord>,
    ) -> Result<Lease, JournalError> {
        let mut tables = self.tables();
        let key = &run.plan.key;
        let (generation, held) = tables.lease(key);
        rules::may_begin(run, held, tables.unfinished(key), generation, take)?;
        if tables.runs.contains_key(&run.id) {
            return Err(JournalError::Duplicate(run.id.to_string()));
        }
        let environment =
            tables.environments.get(key).cloned().unwrap_or_else(|| EnvironmentRecord::new(key.clone()));
        rules::is_of_now(&run.plan, release, &environment)?;
        let lease = tables.take(run, owner, run.created_at, until);
        let environment = rules::with_release(environment, release, lease.generation);
        tables.environments.insert(key.clone(), environment);
        if let Some(record) = release {
            tables.put_release(record);
        }
        let kept = KeptRun { record: run.clone(), events: Vec::new(), owed: Vec::new() };
        tables.runs.insert(run.id.clone(), kept);
        tables.note(
            run.created_at,
            &run.actor,
            "run_begun",
            key,
            Some(&run.id),
            run.plan.kind.as_str().to_owned(),
        );
        Ok(lease)
    }

    async fn resume(
        &self,
        run: &RunId,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        take: Take,
    ) -> Result<Lease, JournalError> {
        let mut tables = self.tables();
        let record = tables.runs.get(run).ok_or_else(|| rules::unknown_run(run))?.record.clone();
        rules::may_resume(&record, tables.lease(&record.plan.key).1, now, take)?;
        let lease = tables.take(&record, owner, now, until);
        if let Some(environment) = tables.environments.get_mut(&lease.key) {
            environment.generation = lease.generation;
        }
        tables.note(now, owner, "lease_taken", &lease.key, Some(run), format!("#{}", lease.generation));
        Ok(lease)
    }

    async fn adopt(&self, adopted: &Adopted) -> Result<(), JournalError> {
        let mut tables = self.tables();
        let (key, run) = (&adopted.environment.key, &adopted.run.id);
        let (generation, held) = tables.lease(key);
        rules::may_adopt(adopted, held, tables.unfinished(key), generation)?;
        let known = tables.runs.get(run).map(|kept| kept.events.clone()).unwrap_or_default();
        let (begun, following) = rules::what_follows(adopted, &known)?;
        let kept = tables.runs.entry(run.clone()).or_insert_with(|| KeptRun {
            record: begun,
            events: Vec::new(),
            owed: Vec::new(),
        });
        for commit in following {
            kept.append(&commit);
        }
        for record in &adopted.releases {
            tables.put_release(record);
        }
        let environment = rules::adopted_into(adopted, tables.environments.get(key));
        tables.environments.insert(key.clone(), environment);
        tables.leases.insert(key.clone(), (adopted.environment.generation, None));
        let (action, detail) = rules::adoption(adopted);
        tables.note(adopted.at, &adopted.actor, action, key, Some(run), detail);
        Ok(())
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<(), JournalError> {
        let mut tables = self.tables();
        match tables.leases.get_mut(&lease.key) {
            Some((highest, Some(held))) if *highest == lease.generation && held.run == lease.run => {
                held.until = held.until.max(until);
                Ok(())
            }
            _ => Err(JournalError::Fenced(lease.key.clone())),
        }
    }

    async fn commit_together(&self, commits: &[Commit]) -> Result<Vec<Recorded>, JournalError> {
        let mut tables = self.tables();
        tables.check(commits)?;
        Ok(commits.iter().map(|commit| tables.write(commit)).collect())
    }

    async fn put_environment(&self, environment: &EnvironmentRecord) -> Result<(), JournalError> {
        let mut tables = self.tables();
        let (generation, _) = tables.lease(&environment.key);
        rules::may_put(environment, generation)?;
        let merged = rules::merged(environment, tables.environments.get(&environment.key), generation);
        tables.environments.insert(environment.key.clone(), merged);
        Ok(())
    }

    async fn environment(&self, key: &EnvironmentKey) -> Result<Option<EnvironmentRecord>, JournalError> {
        Ok(self.tables().environments.get(key).cloned())
    }

    async fn environments(&self) -> Result<Vec<EnvironmentRecord>, JournalError> {
        Ok(self.tables().environments.values().cloned().collect())
    }

    async fn lease(&self, key: &EnvironmentKey) -> Result<Option<Lease>, JournalError> {
        Ok(self.tables().lease(key).1.cloned())
    }

    async fn release(
        &self,
        key: &EnvironmentKey,
        id: &ReleaseId,
    ) -> Result<Option<ReleaseRecord>, JournalError> {
        Ok(self.tables().releases.get(&(key.clone(), id.clone())).cloned())
    }

    async fn releases(&self, key: &EnvironmentKey, limit: u32) -> Result<Vec<ReleaseRecord>, JournalError> {
        let tables = self.tables();
        let mut releases: Vec<_> =
            tables.releases.values().filter(|record| record.release.key == *key).cloned().collect();
        releases.sort_by(|a, b| (b.release.number, &b.release.id).cmp(&(a.release.number, &a.release.id)));
        releases.truncate(limit as usize);
        Ok(releases)
    }

    async fn artifacts(&self) -> Result<Vec<(EnvironmentKey, ReleaseId, String)>, JournalError> {
        let tables = self.tables();
        Ok(tables
            .releases
            .iter()
            .map(|((key, id), record)| (key.clone(), id.clone(), record.release.artifact.clone()))
            .collect())
    }

    async fn run(&self, id: &RunId) -> Result<Option<RunRecord>, JournalError> {
        let tables = self.tables();
        let Some(run) = tables.runs.get(id) else { return Ok(None) };
        rules::check_fold(&run.record, run.events.iter().map(|recorded| &recorded.event))?;
        Ok(Some(run.record.clone()))
    }

    async fn events(&self, id: &RunId, after: u64) -> Result<Vec<Recorded>, JournalError> {
        let tables = self.tables();
        let events = tables.runs.get(id).map(|run| run.events.as_slice()).unwrap_or_default();
        Ok(events.iter().filter(|recorded| recorded.sequence > after).cloned().collect())
    }

    async fn runs(&self, key: &EnvironmentKey, limit: u32) -> Result<Vec<RunRecord>, JournalError> {
        let tables = self.tables();
        let mut runs: Vec<_> =
            tables.runs.values().map(|run| &run.record).filter(|run| run.plan.key == *key).collect();
        runs.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(runs.into_iter().take(limit as usize).cloned().collect())
    }

    async fn unfinished(&self) -> Result<Vec<RunRecord>, JournalError> {
        let tables = self.tables();
        let mut runs: Vec<_> = tables
            .runs
            .values()
            .map(|run| &run.record)
            .filter(|run| run.finished_at.is_none())
            .cloned()
            .collect();
        runs.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(runs)
    }

    async fn active(&self, key: &EnvironmentKey) -> Result<Option<RunRecord>, JournalError> {
        Ok(self.tables().unfinished(key).cloned())
    }

    async fn owed(&self, id: &RunId) -> Result<Vec<Owed>, JournalError> {
        Ok(self.tables().runs.get(id).map(|run| run.owed.clone()).unwrap_or_default())
    }

    async fn note(&self, deed: &Deed) -> Result<(), JournalError> {
        let Deed { at, actor, action, key, detail } = deed;
        self.tables().note(*at, actor, action, key, None, detail.clone());
        Ok(())
    }

    async fn deeds(
        &self,
        key: &EnvironmentKey,
        action: &str,
        since: Timestamp,
    ) -> Result<Vec<AuditRow>, JournalError> {
        let is_asked =
            |row: &&AuditRow| row.run.is_none() && row.key == *key && row.action == action && row.at >= since;
        Ok(self.tables().audit.iter().filter(is_asked).cloned().collect())
    }

    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>, JournalError> {
        let tables = self.tables();
        Ok(tables.audit.iter().filter(|row| row.sequence > after).take(limit as usize).cloned().collect())
    }
}
