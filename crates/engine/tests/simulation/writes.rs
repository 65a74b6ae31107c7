//! How often the engine waits for the journal: a journal that keeps what was written together.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bascule_engine::engine::Engine;
use bascule_engine::executor::Driven;
use bascule_engine::home::{Seat, Shares};
use bascule_journal::{
    Adopted, AuditRow, Commit, Deed, EnvironmentRecord, Journal, JournalError, Lease, MemoryJournal, Owed,
    Recorded, ReleaseRecord, RunRecord, Take,
};
use bascule_model::ids::{EnvironmentKey, ReleaseId, RunId};
use jiff::Timestamp;

use crate::fakes::{self, Counted};
use crate::scenario::wish;
use crate::world::World;

/// Passes everything on.
#[derive(Default)]
struct Noting {
    journal: MemoryJournal,
    writes: Mutex<Vec<Vec<String>>>,
}

/// Methods that are passed on as they are.
macro_rules! passed_on {
    ($journal:ty: $($name:ident($($argument:ident: $given:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Journal for $journal {
            async fn commit_together(&self, commits: &[Commit]) -> Result<Vec<Recorded>, JournalError> {
                let told = commits.iter().map(|commit| commit.event.identity());
                let told = told.map(|(kind, step, _)| format!("{kind} {step}")).collect();
                self.writes.lock().expect("no panic").push(told);
                self.journal.commit_together(commits).await
            }

            $(async fn $name(&self, $($argument: $given),*) -> Result<$answer, JournalError> {
                self.journal.$name($($argument),*).await
            })*
        }
    };
}

passed_on! { Noting:
    begin(
        run: &RunRecord,
        owner: &str,
        until: Timestamp,
        take: Take,
        release: Option<&ReleaseRecord>
    ) -> Lease;
    resume(run: &RunId, owner: &str, now: Timestamp, until: Timestamp, take: Take) -> Lease;
    adopt(adopted: &Adopted) -> ();
    renew(lease: &Lease, until: Timestamp) -> ();
    put_environment(environment: &EnvironmentRecord) -> ();
    environment(key: &EnvironmentKey) -> Option<EnvironmentRecord>;
    environments() -> Vec<EnvironmentRecord>;
    lease(key: &EnvironmentKey) -> Option<Lease>;
    release(key: &EnvironmentKey, id: &ReleaseId) -> Option<ReleaseRecord>;
    releases(key: &EnvironmentKey, limit: u32) -> Vec<ReleaseRecord>;
    artifacts() -> Vec<(EnvironmentKey, ReleaseId, String)>;
    run(id: &RunId) -> Option<RunRecord>;
    events(id: &RunId, after: u64) -> Vec<Recorded>;
    runs(key: &EnvironmentKey, limit: u32) -> Vec<RunRecord>;
    unfinished() -> Vec<RunRecord>;
    active(key: &EnvironmentKey) -> Option<RunRecord>;
    owed(id: &RunId) -> Vec<Owed>;
    note(deed: &Deed) -> ();
    deeds(key: &EnvironmentKey, action: &str, since: Timestamp) -> Vec<AuditRow>;
    audit(after: u64, limit: u32) -> Vec<AuditRow>;
}

/// What each write of a deploy of a first release held, and how the deploy ended.
pub async fn of_a_deploy(checks_pass: bool) -> (Vec<String>, Driven) {
    let world = World::new(1);
    world.state().starts_well = true;
    world.state().checks_pass = checks_pass;
    let journal = Arc::new(Noting::default());
    let ids: Arc<Counted> = Arc::default();
    let logs = PathBuf::from("/nonexistent");
    let seat = Seat::new(1, "here".to_owned(), Shares::Nothing);
    let engine = Engine::new(fakes::ports(&world), journal.clone(), ids, seat, logs);
    let begun = engine.deploy(&wish(), None, "somebody").await.expect("a run");
    let driven = engine.drive(begun).await;
    let writes = journal.writes.lock().expect("no panic").iter().map(|told| told.join(", ")).collect();
    (writes, driven)
}
