//! Several processes and one journal: killed at any moment it stays consistent, and a lease is taken by one of them.
//!
//! Each test starts its own test program again, as the other process; a variable tells that one its part.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Driver, at, key, run};
use bascule_journal::{Journal, JournalError, SqliteJournal, Take};
use bascule_model::ids::EnvironmentKey;
use bascule_model::run::Next;

const PART: &str = "BASCULE_TEST_JOURNAL";

/// The journal of the parent, when this process is a child of a test.
pub fn parent_journal() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the one way to give a test program its part")]
    std::env::var_os(PART).map(PathBuf::from)
}

pub fn child(test: &str, journal: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PART, journal)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills and reaps the child whatever becomes of the test.
pub struct Reaped(pub Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Goes on where the last one was killed, and writes run after run. Says on standard output how many events are on disk.
pub async fn write_for_ever(journal: &dyn Journal) {
    let key = key("shop/staging");
    let mut out = std::io::stdout();
    for left in journal.unfinished().await.unwrap() {
        let lease = journal.resume(&left.id, "next", at(0), at(30), Take::FromTheDead).await.unwrap();
        Driver::of(journal, &left, lease).await.finish(journal).await.unwrap();
    }
    loop {
        let count = journal.runs(&key, 99_999).await.unwrap().len();
        let run = run(&key, &format!("run-{count:05}"), i64::try_from(count).unwrap());
        let mut driver = Driver::begin(journal, &run, "next").await.unwrap();
        while driver.state.next() != Next::Ended {
            let event = match driver.state.next() {
                Next::Apply { step, attempt } => {
                    crate::support::started(&driver.state.steps[step].name, attempt)
                }
                Next::ObserveApply { step } => crate::support::done(&driver.state.steps[step].name, 1),
                Next::Finish(outcome) => crate::support::finished(outcome),
                other => unreachable!("{other:?}"),
            };
            let recorded = driver.write(journal, event).await.unwrap();
            // Only what is on disk may be said.
            writeln!(out, "written {} {}", run.id, recorded.sequence).unwrap();
        }
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_is_consistent() {
    if let Some(path) = parent_journal() {
        return write_for_ever(&SqliteJournal::open(&path).await.unwrap()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let key = key("shop/staging");
    let mut seed = 88_172_645_463_325_252_u64;
    for round in 0..40_u32 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut writer = Reaped(child("processes::killed_at_any_moment_it_is_consistent", &path));
        let lines = BufReader::new(writer.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = lines.filter(|line| line.starts_with("written "));
        // The first rounds kill while the file is made, the others somewhere among the commits.
        if round < 8 {
            std::thread::sleep(Duration::from_micros(seed % 30_000));
        } else {
            for _ in 0..1 + seed % 25 {
                assert!(said.next().is_some(), "round {round}: the writer gave up by itself");
            }
            std::thread::sleep(Duration::from_micros(seed % 3_000));
        }
        writer.0.kill().unwrap();
        let last = said.last();
        drop(writer);

        let journal = SqliteJournal::open(&path).await.unwrap();
        journal.verify().await.unwrap();
        if let Some(last) = last {
            let mut words = last.split(' ').skip(1);
            let run = bascule_model::ids::RunId::from_text(words.next().unwrap());
            let sequence: usize = words.next().unwrap().parse().unwrap();
            let events = journal.events(&run, 0).await.unwrap();
            assert!(
                events.len() >= sequence,
                "round {round}: event {sequence} of {run} was said and is not there"
            );
        }
        check_together(&journal, &key).await;
        journal.close().await;
    }
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "journal.db")
        .collect();
    assert_eq!(left, Vec::<String>::new(), "a closed journal is one file");
}

/// What is written in one transaction is there together.
pub async fn check_together(journal: &dyn Journal, key: &EnvironmentKey) {
    let active = journal.active(key).await.unwrap();
    let lease = journal.lease(key).await.unwrap();
    assert_eq!(active.as_ref().map(|run| &run.id), lease.as_ref().map(|lease| &lease.run));
    for run in journal.runs(key, 99_999).await.unwrap() {
        let owed: Vec<_> = journal.owed(&run.id).await.unwrap().into_iter().map(|owed| owed.step).collect();
        let under_way: Vec<_> = run.state.current().map(|step| step.name.clone()).into_iter().collect();
        assert_eq!(owed, under_way, "{}", run.id);
    }
}

#[tokio::test]
async fn of_two_processes_one_gets_the_lease() {
    let key = key("shop/staging");
    if let Some(path) = parent_journal() {
        let journal = SqliteJournal::open(&path).await.unwrap();
        let mut name = String::new();
        println!("\nready");
        std::io::stdin().lock().read_line(&mut name).unwrap();
        let run = run(&key, name.trim(), 0);
        match journal.begin(&run, name.trim(), at(30), Take::IfFree, None).await {
            Ok(_) => println!("\ntaken"),
            Err(JournalError::Held(lease)) => println!("\nheld by {}", lease.owner),
            Err(error) => panic!("{error:?}"),
        }
        return;
    }
    for round in 0..15 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        // Both make the file, too.
        let mut racers: Vec<_> =
            (0..2).map(|_| Reaped(child("processes::of_two_processes_one_gets_the_lease", &path))).collect();
        let mut outputs: Vec<_> =
            racers.iter_mut().map(|racer| BufReader::new(racer.0.stdout.take().unwrap())).collect();
        for output in &mut outputs {
            assert!(output.lines().any(|line| line.unwrap() == "ready"));
        }
        for (n, racer) in racers.iter_mut().enumerate() {
            writeln!(racer.0.stdin.take().unwrap(), "run-{n}").unwrap();
        }
        let said: Vec<String> = outputs
            .into_iter()
            .map(|mut output| {
                let mut said = String::new();
                output.read_to_string(&mut said).unwrap();
                said
            })
            .collect();
        let winner = said.iter().position(|said| said.contains("taken")).unwrap();
        assert!(said[1 - winner].contains(&format!("held by run-{winner}")), "round {round}: {said:?}");
        let journal = SqliteJournal::open(&path).await.unwrap();
        let runs = journal.runs(&key, 9).await.unwrap();
        assert_eq!(runs.iter().map(|run| run.id.to_string()).collect::<Vec<_>>(), [format!("run-{winner}")]);
        assert_eq!(journal.lease(&key).await.unwrap().unwrap().owner, format!("run-{winner}"));
    }
}
