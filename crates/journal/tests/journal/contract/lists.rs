//! Promises about what is listed, and about several environments and writers.

use bascule_journal::{Journal, JournalError};
use bascule_model::ids::{EnvironmentKey, Generation};

use crate::support::{Driver, at, key, release, run};
use bascule_journal::{EnvironmentRecord, Take};

pub async fn runs_come_newest_first(journal: &dyn Journal) {
    let key = key("shop/staging");
    for n in [1, 2, 3] {
        let run = run(&key, &format!("run-{n}"), i64::from(n) * 100);
        let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
        if n < 3 {
            driver.finish(journal).await.unwrap();
        }
    }
    let names = |runs: Vec<bascule_journal::RunRecord>| {
        runs.into_iter().map(|run| run.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(journal.runs(&key, 10).await.unwrap()), ["run-3", "run-2", "run-1"]);
    assert_eq!(names(journal.runs(&key, 2).await.unwrap()), ["run-3", "run-2"]);
    assert_eq!(names(journal.unfinished().await.unwrap()), ["run-3"]);
    let listed = journal.runs(&key, 10).await.unwrap();
    for run in listed {
        assert_eq!(journal.run(&run.id).await.unwrap(), Some(run));
    }
}

pub async fn releases_come_newest_first(journal: &dyn Journal) {
    let key = key("shop/staging");
    for n in [1_u64, 2, 10] {
        let run = run(&key, &format!("run-{n}"), i64::try_from(n).unwrap() * 100);
        let lease =
            journal.begin(&run, "one", at(9999), Take::IfFree, Some(&release(&key, n))).await.unwrap();
        Driver::of(journal, &run, lease).await.finish(journal).await.unwrap();
    }
    let numbers = async |limit| {
        let releases = journal.releases(&key, limit).await.unwrap();
        releases.into_iter().map(|record| record.release.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(10).await, [10, 2, 1]);
    assert_eq!(numbers(1).await, [10]);
    let mut artifacts = journal.artifacts().await.unwrap();
    artifacts.sort();
    assert_eq!(artifacts.len(), 3);
    assert!(artifacts.iter().all(|(of, _, digest)| of == &key && digest.starts_with("sha256:")));
    assert_eq!(journal.environment(&key).await.unwrap().unwrap().last_number, 10);
}

pub async fn environments_are_kept_apart(journal: &dyn Journal) {
    let keys: Vec<EnvironmentKey> = ["blog/staging", "shop/production", "shop/staging"].map(key).to_vec();
    assert_eq!(journal.environments().await.unwrap(), []);
    assert_eq!(journal.environment(&keys[0]).await.unwrap(), None);
    let mut drivers = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        let run = run(key, &format!("run-{n}"), 0);
        drivers.push(Driver::begin(journal, &run, "one").await.unwrap());
    }
    let listed = journal.environments().await.unwrap();
    assert_eq!(listed.iter().map(|record| &record.key).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    drivers[1].finish(journal).await.unwrap();
    assert_eq!(journal.unfinished().await.unwrap().len(), 2);
    assert_eq!(journal.active(&keys[1]).await.unwrap(), None);
    assert_eq!(journal.active(&keys[2]).await.unwrap().unwrap().id.as_str(), "run-2");
    assert_eq!(journal.runs(&keys[0], 9).await.unwrap().len(), 1);
    // A commit for a run of another environment is no commit of the lease's holder.
    let mut commit = drivers[0].commit(crate::support::started("lease", 1));
    commit.key = keys[2].clone();
    commit.environment.key = keys[2].clone();
    assert_eq!(journal.commit(&commit).await, Err(JournalError::Fenced(keys[2].clone())));
}

pub async fn an_environment_is_changed_by_who_saw_the_last_generation(journal: &dyn Journal) {
    let key = key("shop/staging");
    let mut record = EnvironmentRecord::new(key.clone());
    record.project = Some("/srv/shop".to_owned());
    record.last_number = 4;
    journal.put_environment(&record).await.unwrap();
    assert_eq!(journal.environment(&key).await.unwrap(), Some(record.clone()));

    let run = run(&key, "run-1", 0);
    Driver::begin(journal, &run, "one").await.unwrap().finish(journal).await.unwrap();
    assert_eq!(journal.put_environment(&record).await, Err(JournalError::Fenced(key.clone())));
    record.generation = Generation(1);
    record.last_number = 2;
    record.project = None;
    journal.put_environment(&record).await.unwrap();
    let read = journal.environment(&key).await.unwrap().unwrap();
    assert_eq!((read.project, read.last_number), (None, 4), "numbers of releases are not given twice");
}

pub async fn many_writers_at_once_lose_nothing(journal: &dyn Journal) {
    let writers = (0..8).map(|writer| async move {
        let key = key(&format!("shop/e{writer}"));
        for n in 0..5 {
            let run = run(&key, &format!("run-{writer}-{n}"), n);
            let mut driver = Driver::begin(journal, &run, "one").await.unwrap();
            driver.finish(journal).await.unwrap();
            assert!(journal.run(&run.id).await.unwrap().unwrap().finished_at.is_some());
        }
        journal.runs(&key, 99).await.unwrap().len()
    });
    let mut left: Vec<_> = writers.map(Box::pin).collect();
    // All of them at once, in one task: each is polled whenever one of them can go on.
    let counts = std::future::poll_fn(|context| {
        let mut counts = Vec::new();
        left.retain_mut(|writer| match writer.as_mut().poll(context) {
            std::task::Poll::Ready(count) => {
                counts.push(count);
                false
            }
            std::task::Poll::Pending => true,
        });
        assert!(counts.iter().all(|count| *count == 5));
        if left.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    counts.await;
    // Seven events of each run and its beginning, one after the other.
    assert_eq!(journal.audit(0, 9999).await.unwrap().len(), 8 * 5 * 8);
}
