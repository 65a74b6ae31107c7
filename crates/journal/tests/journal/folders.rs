//! Folders that cannot be used and disks that are full: said so with a remedy, and nothing is lost.
//!
//! The tests that need a disk of their own run again inside a mount namespace; where none can be had they say that they were not run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Driver, key, run};
use bascule_journal::{Journal, JournalError, SqliteJournal};
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Next;

const PART: &str = "BASCULE_TEST_FOLDER";

fn problem(error: JournalError) -> Problem {
    match error {
        JournalError::Unavailable(problem) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_or_none_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    // Nobody can make a file in /sys, not even root.
    for parent in [folder.path().join("missing"), folder.path().join("file"), "/sys".into()] {
        let problem = problem(SqliteJournal::open(parent.join("journal.db")).await.unwrap_err());
        assert_eq!(problem.code, Code::StateUnusable, "{}", problem.message);
        assert!(problem.remedy.contains("--state"), "{}", problem.remedy);
    }
}

/// Runs this test program's test again where these commands were run in a mount namespace; `$FOLDER` is a folder of the test's own.
/// Says so when the machine does not allow that.
fn again_in_namespace(test: &str, mounts: &str) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("FOLDER=${PART}\n{mounts}\nexec \"$@\"");
    let probe = |options: &[&str]| {
        let probe =
            Command::new("unshare").args(options).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
        probe.is_ok_and(|output| output.status.success())
    };
    let Some(options) = [&["-rm"][..], &["-m"]].into_iter().find(|options| probe(options)) else {
        println!("{test} was not run: this machine allows no mount namespace (unshare -rm)");
        return;
    };
    let output = Command::new("unshare")
        .args(options)
        .args(["sh", "-ec", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PART, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn namespace_folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the one way to give a test program its part")]
    std::env::var_os(PART).map(PathBuf::from)
}

async fn write_until_full(path: &Path) -> (Driver, SqliteJournal, JournalError) {
    let journal = SqliteJournal::open(path).await.unwrap();
    let key = key("shop/staging");
    for n in 0..100_000 {
        let run = run(&key, &format!("run-{n:06}"), n);
        match Driver::begin(&journal, &run, "one").await {
            Err(error) => {
                // The last run, to go on with: it is over.
                let last = journal.runs(&key, 1).await.unwrap().remove(0);
                let lease = bascule_journal::Lease {
                    key: key.clone(),
                    run: last.id.clone(),
                    owner: String::new(),
                    generation: Default::default(),
                    since: last.created_at,
                    until: last.created_at,
                };
                return (Driver::of(&journal, &last, lease).await, journal, error);
            }
            Ok(mut driver) => {
                if let Err(error) = driver.finish(&journal).await {
                    return (driver, journal, error);
                }
            }
        }
    }
    panic!("the disk never got full");
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing() {
    let Some(folder) = namespace_folder() else {
        again_in_namespace(
            "folders::a_full_disk_is_said_and_loses_nothing",
            "mount -t tmpfs -o size=1m none $FOLDER",
        );
        return;
    };
    let path = folder.join("journal.db");
    // Something that can be removed later.
    std::fs::write(folder.join("ballast"), vec![0; 200_000]).unwrap();
    let (mut driver, journal, error) = write_until_full(&path).await;
    let problem = problem(error);
    assert_eq!(problem.code, Code::DiskFull, "{}", problem.message);
    assert!(problem.remedy.contains(&folder.display().to_string()), "{}", problem.remedy);

    // What was written is there, the event that failed is not.
    let stored = journal.run(&driver.lease.run).await.unwrap().unwrap();
    assert_eq!(stored.state, driver.state);
    std::fs::remove_file(folder.join("ballast")).unwrap();
    if driver.state.next() != Next::Ended {
        driver.finish(&journal).await.unwrap();
    }
    journal.verify().await.unwrap();
    journal.close().await;
    SqliteJournal::open(&path).await.unwrap().verify().await.unwrap();
}

#[tokio::test]
async fn no_journal_is_made_on_a_full_disk() {
    let Some(folder) = namespace_folder() else {
        again_in_namespace(
            "folders::no_journal_is_made_on_a_full_disk",
            "mount -t tmpfs -o size=64k none $FOLDER",
        );
        return;
    };
    let path = folder.join("journal.db");
    std::fs::write(folder.join("ballast"), vec![0; 40_000]).unwrap();
    assert_eq!(problem(SqliteJournal::open(&path).await.unwrap_err()).code, Code::DiskFull);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left of the attempt");
}

#[tokio::test]
async fn a_read_only_folder_cannot_be_used() {
    let Some(folder) = namespace_folder() else {
        again_in_namespace(
            "folders::a_read_only_folder_cannot_be_used",
            "mount -t tmpfs none $FOLDER\nmkdir $FOLDER/old\nmount --bind $FOLDER/old $FOLDER/old",
        );
        return;
    };
    let journal = SqliteJournal::open(folder.join("old/journal.db")).await.unwrap();
    Driver::begin(&journal, &run(&key("shop/staging"), "run-1", 0), "one").await.unwrap();
    journal.close().await;
    let mounted =
        Command::new("mount").args(["-o", "remount,bind,ro"]).arg(folder.join("old")).status().unwrap();
    assert!(mounted.success());
    for name in ["journal.db", "another.db"] {
        let opened = async {
            let journal = SqliteJournal::open(folder.join("old").join(name)).await?;
            journal.environments().await
        };
        let problem = problem(opened.await.unwrap_err());
        assert_eq!(problem.code, Code::StateUnusable, "{}", problem.message);
    }
}
