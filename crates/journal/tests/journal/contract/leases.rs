//! Promises about leases and generations.

use bascule_journal::{Journal, JournalError, Take};
use bascule_model::ids::{Generation, ReleaseId, RunId, Slot};
use bascule_model::plan::Standing;
use bascule_model::problem::Code;
use bascule_model::run::Outcome;

use crate::support::{Driver, at, failed, finished, key, release, run, started};

pub async fn a_run_and_its_release_read_back_as_they_were_written(journal: &dyn Journal) {
    let key = key("shop/staging");
    let (run, release) = (run(&key, "run-1", 0), release(&key, 7));
    let lease = journal.begin(&run, "engine", at(30), Take::IfFree, Some(&release)).await.unwrap();
    assert_eq!((lease.generation, lease.since, lease.until), (Generation(1), at(0), at(30)));
    assert_eq!(journal.lease(&key).await.unwrap(), Some(lease));
    assert_eq!(journal.run(&run.id).await.unwrap(), Some(run.clone()));
    assert_eq!(journal.active(&key).await.unwrap(), Some(run));
    assert_eq!(journal.release(&key, &release.release.id).await.unwrap(), Some(release));
    let environment = journal.environment(&key).await.unwrap().unwrap();
    assert_eq!((environment.last_number, environment.generation), (7, Generation(1)));
}

pub async fn a_lease_is_held_by_one(journal: &dyn Journal) {
    let key = key("shop/staging");
    let first = run(&key, "run-1", 0);
    let mut driver = Driver::begin(journal, &first, "one").await.unwrap();
    let second = run(&key, "run-2", 1);
    let refused = journal.begin(&second, "two", at(60), Take::IfFree, None).await.unwrap_err();
    assert_eq!(refused, JournalError::Held(Box::new(driver.lease.clone())));
    assert_eq!(journal.run(&second.id).await.unwrap(), None, "a refused run is not written");
    let refused = journal.resume(&first.id, "two", at(29), at(60), Take::IfFree).await.unwrap_err();
    assert_eq!(refused, JournalError::Held(Box::new(driver.lease.clone())));

    driver.finish(journal).await.unwrap();
    assert_eq!(journal.lease(&key).await.unwrap(), None);
    let lease = journal.begin(&second, "two", at(60), Take::IfFree, None).await.unwrap();
    assert_eq!((lease.owner.as_str(), lease.generation), ("two", Generation(2)));
}

pub async fn an_unfinished_run_keeps_its_environment_when_its_lease_has_run_out(journal: &dyn Journal) {
    let key = key("shop/staging");
    let first = run(&key, "run-1", 0);
    let driver = Driver::begin(journal, &first, "one").await.unwrap();
    for take in [Take::IfFree, Take::FromTheDead] {
        let late = run(&key, "run-2", 1000);
        let refused = journal.begin(&late, "two", at(2000), take, None).await.unwrap_err();
        assert_eq!(refused, JournalError::Held(Box::new(driver.lease.clone())));
    }
    let lease = journal.resume(&first.id, "two", at(1000), at(1030), Take::IfFree).await.unwrap();
    assert_eq!((lease.owner.as_str(), lease.run.as_str()), ("two", "run-1"));
}

pub async fn a_plan_for_what_is_no_more_does_not_begin(journal: &dyn Journal) {
    let key = key("shop/staging");
    let first = run(&key, "run-1", 0);
    let lease = journal.begin(&first, "one", at(30), Take::IfFree, Some(&release(&key, 7))).await.unwrap();
    let mut driver = Driver::of(journal, &first, lease).await;
    let live = Standing { release: ReleaseId::new(7, "abcdef"), slot: Slot::Blue };
    driver.environment.live = Some(live.clone());
    driver.finish(journal).await.unwrap();

    let moved = Err(JournalError::Moved(key.clone()));
    let mut second = run(&key, "run-2", 1);
    assert_eq!(journal.begin(&second, "two", at(60), Take::IfFree, None).await, moved, "nothing was live");
    second.plan.live = Some(live);
    let same = release(&key, 7);
    assert_eq!(journal.begin(&second, "two", at(60), Take::IfFree, Some(&same)).await, moved, "its number");
    assert_eq!(journal.run(&second.id).await.unwrap(), None, "a refused run is not written");
    assert_eq!(journal.lease(&key).await.unwrap(), None);
    journal.begin(&second, "two", at(60), Take::IfFree, Some(&release(&key, 8))).await.unwrap();
}

pub async fn a_lease_of_the_dead_is_taken(journal: &dyn Journal) {
    let key = key("shop/staging");
    let first = run(&key, "run-1", 0);
    Driver::begin(journal, &first, "one").await.unwrap();
    let lease = journal.resume(&first.id, "two", at(1), at(31), Take::FromTheDead).await.unwrap();
    assert_eq!((lease.generation, lease.since, lease.until), (Generation(2), at(1), at(31)));
    assert_eq!(journal.lease(&key).await.unwrap(), Some(lease));
    assert_eq!(journal.environment(&key).await.unwrap().unwrap().generation, Generation(2));
}

pub async fn generations_only_grow(journal: &dyn Journal) {
    let key = key("shop/staging");
    for n in 1..=5_u32 {
        let run = run(&key, &format!("run-{n}"), i64::from(n) * 100);
        let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
        assert_eq!(driver.lease.generation, Generation(u64::from(n)));
        driver.finish(journal).await.unwrap();
        assert_eq!(journal.environment(&key).await.unwrap().unwrap().generation.0, u64::from(n));
    }
}

pub async fn who_lost_the_lease_changes_nothing(journal: &dyn Journal) {
    let key = key("shop/staging");
    let first = run(&key, "run-1", 0);
    let mut old = Driver::begin(journal, &first, "one").await.unwrap();
    old.write(journal, started("lease", 1)).await.unwrap();
    let lease = journal.resume(&first.id, "two", at(1), at(31), Take::FromTheDead).await.unwrap();

    let before = journal.run(&first.id).await.unwrap().unwrap();
    let fenced = Err(JournalError::Fenced(key.clone()));
    assert_eq!(old.write(journal, failed("lease", 1)).await, fenced);
    // Not even what it wrote before: it has to learn that it is no longer its own.
    assert_eq!(old.write(journal, started("lease", 1)).await, fenced);
    assert_eq!(journal.renew(&old.lease, at(900)).await, Err(JournalError::Fenced(key.clone())));
    let mut environment = old.environment.clone();
    environment.project = Some("/elsewhere".to_owned());
    assert_eq!(journal.put_environment(&environment).await, Err(JournalError::Fenced(key.clone())));

    assert_eq!(journal.run(&first.id).await.unwrap().unwrap(), before);
    assert_eq!(journal.events(&first.id, 0).await.unwrap().len(), 1);
    assert_eq!(journal.lease(&key).await.unwrap(), Some(lease.clone()));
    assert_eq!(journal.environment(&key).await.unwrap().unwrap().project, None);

    let mut new = Driver::of(journal, &before, lease).await;
    new.finish(journal).await.unwrap();
    // After its end nobody writes to a run, not even under the highest generation.
    let again = new.commit(finished(Outcome::Live));
    assert!(matches!(journal.commit(&again).await, Err(JournalError::Duplicate(_))));
    assert_eq!(journal.commit(&new.commit(started("lease", 9))).await, fenced);
}

pub async fn a_lease_is_renewed_by_its_holder_alone(journal: &dyn Journal) {
    let key = key("shop/staging");
    let run = run(&key, "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    journal.renew(&driver.lease, at(90)).await.unwrap();
    assert_eq!(journal.lease(&key).await.unwrap().unwrap().until, at(90));
    journal.renew(&driver.lease, at(60)).await.unwrap();
    assert_eq!(journal.lease(&key).await.unwrap().unwrap().until, at(90), "never shorter than was promised");
    driver.finish(journal).await.unwrap();
    assert_eq!(journal.renew(&driver.lease, at(99)).await, Err(JournalError::Fenced(key.clone())));
    assert_eq!(journal.lease(&key).await.unwrap(), None);
}

pub async fn what_is_not_there_cannot_be_resumed(journal: &dyn Journal) {
    let code = |error| match error {
        JournalError::Unavailable(problem) => problem.code,
        other => panic!("{other:?}"),
    };
    let nowhere = RunId::from_text("run-0");
    let error = journal.resume(&nowhere, "one", at(0), at(30), Take::FromTheDead).await.unwrap_err();
    assert_eq!(code(error), Code::RunUnknown);
    assert_eq!(journal.run(&nowhere).await.unwrap(), None);
    assert_eq!(journal.events(&nowhere, 0).await.unwrap(), []);

    let key = key("shop/staging");
    let run = run(&key, "run-1", 0);
    Driver::begin(journal, &run, "one").await.unwrap().finish(journal).await.unwrap();
    let error = journal.resume(&run.id, "one", at(0), at(30), Take::FromTheDead).await.unwrap_err();
    assert_eq!(code(error), Code::RunNotThere);
    assert_eq!(journal.lease(&key).await.unwrap(), None);
}
