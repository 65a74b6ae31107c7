//! Promises about events, and all that is written with them.

use bascule_journal::{Action, AuditRow, Deed, Journal, JournalError, Standard, Standby};
use bascule_model::ids::{RunId, Slot};
use bascule_model::plan::Standing;
use bascule_model::run::{Event, Outcome};

use crate::support::{
    Driver, at, done, failed, finished, key, release, run, started, undo_done, undo_started,
};

pub async fn events_are_numbered_and_fold_to_the_state(journal: &dyn Journal) {
    let key = key("shop/staging");
    let run = run(&key, "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    let mut written = Vec::new();
    for event in [started("lease", 1), done("lease", 1), started("start", 1), failed("start", 1)] {
        written.push(driver.write(journal, event).await.unwrap());
    }
    assert_eq!(written.iter().map(|recorded| recorded.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(journal.events(&run.id, 0).await.unwrap(), written);
    assert_eq!(journal.events(&run.id, 2).await.unwrap(), written[2..]);
    assert_eq!(journal.events(&run.id, 99).await.unwrap(), []);
    assert_eq!(journal.run(&run.id).await.unwrap().unwrap().state, driver.state);

    driver.finish(journal).await.unwrap();
    let over = journal.run(&run.id).await.unwrap().unwrap();
    assert_eq!(over.state.outcome, Some(Outcome::RolledBack));
    assert_eq!(over.finished_at, Some(at(driver.clock)));
    assert_eq!(journal.active(&key).await.unwrap(), None);
    assert_eq!(journal.unfinished().await.unwrap(), []);
}

pub async fn an_event_is_written_once(journal: &dyn Journal) {
    let run = run(&key("shop/staging"), "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    driver.write(journal, started("lease", 1)).await.unwrap();
    let before = driver.state.clone();
    let again = journal.commit(&driver.commit(started("lease", 1))).await.unwrap_err();
    assert_eq!(again, JournalError::Duplicate("step_started of lease #1".to_owned()));
    assert_eq!(journal.run(&run.id).await.unwrap().unwrap().state, before);
    assert_eq!(journal.events(&run.id, 0).await.unwrap().len(), 1);
    // A second attempt is another event.
    driver.write(journal, started("lease", 2)).await.unwrap();
}

pub async fn an_illegal_event_changes_nothing(journal: &dyn Journal) {
    let run = run(&key("shop/staging"), "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    driver.write(journal, started("lease", 1)).await.unwrap();
    let audit = journal.audit(0, 100).await.unwrap();
    for illegal in [
        done("start", 1),
        done("lease", 2),
        undo_started("lease", 1),
        finished(Outcome::Live),
        started("nowhere", 1),
        Event::Abandoned { by: "ada".to_owned(), reason: "…".to_owned() },
    ] {
        let error = journal.commit(&driver.commit(illegal)).await.unwrap_err();
        assert!(matches!(error, JournalError::Corrupt(_)), "{error:?}");
    }
    assert_eq!(journal.run(&run.id).await.unwrap().unwrap().state, driver.state);
    assert_eq!(journal.events(&run.id, 0).await.unwrap().len(), 1);
    assert_eq!(journal.audit(0, 100).await.unwrap(), audit);
}

pub async fn a_state_that_does_not_follow_is_refused(journal: &dyn Journal) {
    let key = key("shop/staging");
    let run = run(&key, "run-1", 0);
    let driver = Driver::begin(journal, &run, "one").await.unwrap();
    let mut commit = driver.commit(started("lease", 1));
    commit.state.retries = 1;
    assert!(matches!(journal.commit(&commit).await, Err(JournalError::Corrupt(_))));

    let mut commit = driver.commit(started("lease", 1));
    commit.environment.key = "shop/production".parse().unwrap();
    assert!(matches!(journal.commit(&commit).await, Err(JournalError::Corrupt(_))));

    let mut begun = crate::support::run(&"shop/production".parse().unwrap(), "run-2", 0);
    begun.state.on(&started("lease", 1)).unwrap();
    let refused = Driver::begin(journal, &begun, "one").await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, JournalError::Corrupt(_)), "{refused:?}");
    assert_eq!(journal.events(&run.id, 0).await.unwrap(), []);
}

pub async fn a_commit_changes_everything_at_once(journal: &dyn Journal) {
    let key = key("shop/staging");
    let run = run(&key, "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    let mut changed = release(&key, 3);
    changed.standard = Standard::Settled;
    changed.source = None;
    let standing = Standing { release: changed.release.id.clone(), slot: Slot::Green };
    driver.environment.live = Some(standing.clone());
    driver.environment.live_since = Some(at(1));
    driver.environment.standby = Some(Standby { standing, warm_until: Some(at(600)) });
    driver.environment.settled = vec![changed.release.id.clone()];
    driver.environment.project = Some("/srv/shop".to_owned());
    let mut commit = driver.commit(started("lease", 1));
    commit.release = Some(changed.clone());

    let mut stale = commit.clone();
    stale.generation = stale.generation.next();
    assert_eq!(journal.commit(&stale).await, Err(JournalError::Fenced(key.clone())));
    assert_eq!(journal.release(&key, &changed.release.id).await.unwrap(), None);
    assert_eq!(journal.environment(&key).await.unwrap().unwrap().live, None);

    journal.commit(&commit).await.unwrap();
    assert_eq!(journal.release(&key, &changed.release.id).await.unwrap(), Some(changed));
    assert_eq!(journal.environment(&key).await.unwrap(), Some(commit.environment));
}

pub async fn what_is_written_together_is_all_there_or_not_at_all(journal: &dyn Journal) {
    let key = key("shop/staging");
    let run = run(&key, "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    driver.write(journal, started("lease", 1)).await.unwrap();
    let audit = journal.audit(0, 100).await.unwrap();
    let stored = journal.run(&run.id).await.unwrap().unwrap();

    let end = driver.commit(done("lease", 1));
    let mut following = Driver::of(journal, &run, driver.lease.clone()).await;
    following.state = end.state.clone();
    let next = following.commit(started("start", 1));
    let mut stale = next.clone();
    stale.generation = stale.generation.next();
    let mut elsewhere = next.clone();
    elsewhere.state.retries = 1;
    for (second, error) in [
        (end.clone(), "Duplicate"),
        (stale, "Fenced"),
        (elsewhere, "Corrupt"),
        (following.commit(done("start", 1)), "Corrupt"),
    ] {
        let refused = journal.commit_together(&[end.clone(), second]).await.unwrap_err();
        assert!(format!("{refused:?}").starts_with(error), "{refused:?}");
        assert_eq!(journal.run(&run.id).await.unwrap().unwrap(), stored);
        assert_eq!(journal.audit(0, 100).await.unwrap(), audit);
    }

    let recorded = journal.commit_together(&[end, next.clone()]).await.unwrap();
    assert_eq!(recorded.iter().map(|recorded| recorded.sequence).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(journal.events(&run.id, 1).await.unwrap(), recorded);
    assert_eq!(journal.run(&run.id).await.unwrap().unwrap().state, next.state);
    let owed = journal.owed(&run.id).await.unwrap();
    assert_eq!(owed.iter().map(|owed| owed.step.as_str()).collect::<Vec<_>>(), ["start"]);
    assert_eq!(journal.audit(0, 100).await.unwrap().len(), audit.len() + 2);

    driver.state = next.state;
    driver.write(journal, failed("start", 1)).await.unwrap();
    driver.write(journal, undo_started("start", 1)).await.unwrap();
    let end = driver.commit(undo_done("start", 1));
    driver.state = end.state.clone();
    let over = driver.commit(finished(Outcome::RolledBack));
    journal.commit_together(&[end, over]).await.unwrap();
    assert_eq!(journal.lease(&key).await.unwrap(), None);
    assert_eq!(journal.active(&key).await.unwrap(), None);
}

pub async fn what_is_announced_is_owed_until_it_ends(journal: &dyn Journal) {
    let run = run(&key("shop/staging"), "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    let owed = async || {
        let owed = journal.owed(&run.id).await.unwrap();
        owed.into_iter().map(|owed| (owed.step, owed.attempt, owed.action)).collect::<Vec<_>>()
    };
    assert_eq!(owed().await, []);
    driver.write(journal, started("lease", 1)).await.unwrap();
    assert_eq!(owed().await, [("lease".to_owned(), 1, Action::Apply)]);
    driver.write(journal, started("lease", 2)).await.unwrap();
    assert_eq!(owed().await, [("lease".to_owned(), 2, Action::Apply)]);
    driver.write(journal, done("lease", 2)).await.unwrap();
    assert_eq!(owed().await, []);
    driver.write(journal, started("start", 1)).await.unwrap();
    driver.write(journal, Event::AbortRequested { by: "ada".to_owned() }).await.unwrap();
    assert_eq!(owed().await, [("start".to_owned(), 1, Action::Apply)]);
    driver.write(journal, undo_started("start", 1)).await.unwrap();
    assert_eq!(owed().await, [("start".to_owned(), 1, Action::Undo)]);
    driver.write(journal, undo_done("start", 1)).await.unwrap();
    assert_eq!(owed().await, []);
}

pub async fn the_audit_trail_is_a_chain(journal: &dyn Journal) {
    let run = run(&key("shop/staging"), "run-1", 0);
    let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
    driver.write(journal, started("lease", 1)).await.unwrap();
    driver.write(journal, Event::AbortRequested { by: "grace".to_owned() }).await.unwrap();
    driver.finish(journal).await.unwrap();
    let rows = journal.audit(0, 100).await.unwrap();
    let told: Vec<_> =
        rows.iter().map(|row| (row.actor.as_str(), row.action.as_str(), row.detail.as_str())).collect();
    assert_eq!(
        told,
        [
            ("ada", "run_begun", "deploy"),
            ("one", "step_started", "lease #1"),
            ("grace", "abort_requested", "#1"),
            ("one", "finished", "refused"),
        ]
    );
    let mut former = AuditRow::NO_HASH.to_owned();
    for (row, sequence) in rows.iter().zip(1..) {
        assert_eq!((row.sequence, &row.hash), (sequence, &row.hash_after(&former)));
        assert_eq!(row.run, Some(RunId::from_text("run-1")));
        former.clone_from(&row.hash);
    }
    assert_eq!(journal.audit(2, 1).await.unwrap(), rows[2..3]);
    let deed = Deed {
        at: run.created_at,
        actor: "grace".to_owned(),
        action: "exec",
        key: key("shop/staging"),
        detail: "r1-abcdef web rails".to_owned(),
    };
    journal.note(&deed).await.unwrap();
    let [row] = &journal.audit(4, 9).await.unwrap()[..] else { panic!("one row more") };
    assert_eq!((row.run.as_ref(), row.action.as_str(), &row.hash), (None, "exec", &row.hash_after(&former)));
    let (staging, other, later) =
        (key("shop/staging"), key("shop/production"), deed.at + jiff::SignedDuration::from_secs(1));
    for (key, action, since, expected) in [
        (&staging, "exec", deed.at, 1),
        (&staging, "exec", later, 0),
        (&staging, "approved", deed.at, 0),
        (&other, "exec", deed.at, 0),
        // What a run did is no deed.
        (&staging, "run_begun", deed.at, 0),
    ] {
        let found = journal.deeds(key, action, since).await.unwrap();
        assert_eq!(found.len(), expected, "{key} {action} {since}");
        assert!(found.iter().all(|found| found == row));
    }
}
