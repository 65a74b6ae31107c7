//! Promises about taking over what another journal told of an environment.

use bascule_journal::{Adopted, Journal, JournalError, MemoryJournal, Take};
use bascule_model::ids::Generation;
use bascule_model::run::Outcome;

use crate::support::{Driver, at, done, failed, key, release, run, started};

/// Far above what the other journal gave.
const GENERATION: Generation = Generation(1 << 32);

/// What another journal tells of a run in the midst of its second step.
async fn told() -> Adopted {
    let other = MemoryJournal::new();
    let key = key("shop/staging");
    let (run, release) = (run(&key, "run-1", 0), release(&key, 7));
    let lease = other.begin(&run, "other", at(30), Take::IfFree, Some(&release)).await.unwrap();
    let mut driver = Driver::of(&other, &run, lease).await;
    for event in [started("lease", 1), done("lease", 1), started("start", 1)] {
        driver.write(&other, event).await.unwrap();
    }
    told_by(&other, "run-1").await
}

async fn told_by(journal: &dyn Journal, run: &str) -> Adopted {
    let key = key("shop/staging");
    let run = journal.run(&bascule_model::ids::RunId::from_text(run)).await.unwrap().unwrap();
    let mut environment = journal.environment(&key).await.unwrap().unwrap();
    environment.generation = GENERATION;
    environment.owner = Some("0123456789ab".to_owned());
    Adopted {
        environment,
        events: journal.events(&run.id, 0).await.unwrap(),
        run,
        releases: journal.releases(&key, 9).await.unwrap(),
        at: at(100),
        actor: "ada".to_owned(),
    }
}

pub async fn what_another_journal_told_is_taken_over_whole(journal: &dyn Journal) {
    let (key, told) = (key("shop/staging"), told().await);
    journal.adopt(&told).await.unwrap();
    assert_eq!(journal.run(&told.run.id).await.unwrap(), Some(told.run.clone()));
    assert_eq!(journal.active(&key).await.unwrap(), Some(told.run.clone()));
    assert_eq!(journal.events(&told.run.id, 0).await.unwrap(), told.events);
    assert_eq!(journal.releases(&key, 9).await.unwrap(), told.releases);
    assert_eq!(journal.environment(&key).await.unwrap(), Some(told.environment.clone()));
    assert_eq!(journal.lease(&key).await.unwrap(), None);
    let owed = journal.owed(&told.run.id).await.unwrap();
    assert_eq!(owed.iter().map(|owed| owed.step.as_str()).collect::<Vec<_>>(), ["start"]);
    let audit = journal.audit(0, 9).await.unwrap();
    assert_eq!((audit[0].actor.as_str(), audit[0].action.as_str()), ("ada", "environment_adopted"));

    // It goes on as if it had begun here.
    let lease = journal.resume(&told.run.id, "here", at(101), at(131), Take::IfFree).await.unwrap();
    assert_eq!(lease.generation, GENERATION.next());
    let mut driver = Driver::of(journal, &told.run, lease).await;
    driver.finish(journal).await.unwrap();
    assert_eq!(driver.state.outcome, Some(Outcome::Live));

    // And back to where it came from, with what happened since.
    let mut back = told_by(journal, "run-1").await;
    back.environment.generation = Generation(2 << 32);
    let other = MemoryJournal::new();
    other.adopt(&told).await.unwrap();
    back.environment.last_number = 0;
    other.adopt(&back).await.unwrap();
    let number = other.environment(&key).await.unwrap().unwrap().last_number;
    assert_eq!(number, told.environment.last_number, "a number that was given is not given again");
    assert_eq!(other.run(&told.run.id).await.unwrap(), Some(back.run));
    assert_eq!(other.active(&key).await.unwrap(), None);
}

pub async fn what_is_known_better_is_not_taken_over(journal: &dyn Journal) {
    let (key, told) = (key("shop/staging"), told().await);
    journal.adopt(&told).await.unwrap();
    let before = journal.audit(0, 9).await.unwrap();
    assert_eq!(journal.adopt(&told).await, Err(JournalError::Fenced(key.clone())), "a generation as high");

    let mut newer = told.clone();
    newer.environment.generation = Generation(2 << 32);
    newer.run.id = bascule_model::ids::RunId::from_text("run-2");
    let held = journal.adopt(&newer).await;
    assert!(matches!(&held, Err(JournalError::Held(lease)) if lease.run == told.run.id), "{held:?}");

    for break_it in [
        |told: &mut Adopted| told.environment.key = "shop/production".parse().unwrap(),
        |told: &mut Adopted| told.run.plan.key = "shop/production".parse().unwrap(),
        |told: &mut Adopted| drop(told.events.pop()),
        |told: &mut Adopted| told.events[1].sequence = 7,
        |told: &mut Adopted| told.releases[0].release.key = "shop/production".parse().unwrap(),
    ] {
        let mut broken = told.clone();
        broken.environment.generation = Generation(2 << 32);
        break_it(&mut broken);
        let refused = journal.adopt(&broken).await;
        assert!(matches!(refused, Err(JournalError::Corrupt(_))), "{refused:?}");
    }
    assert_eq!(journal.audit(0, 9).await.unwrap(), before, "nothing was written");
}

pub async fn a_run_that_went_another_way_is_not_taken_over(journal: &dyn Journal) {
    let (key, told) = (key("shop/staging"), told().await);
    let first = run(&key, "run-1", 0);
    let lease = journal.begin(&first, "here", at(30), Take::IfFree, Some(&release(&key, 7))).await.unwrap();
    let mut driver = Driver::of(journal, &first, lease).await;
    driver.write(journal, started("lease", 1)).await.unwrap();
    driver.write(journal, failed("lease", 1)).await.unwrap();
    let before = journal.environment(&key).await.unwrap();
    assert_eq!(journal.adopt(&told).await, Err(JournalError::Parted(told.run.id.clone())));
    assert_eq!(journal.events(&first.id, 0).await.unwrap().len(), 2);
    assert_eq!(journal.environment(&key).await.unwrap(), before);
}
