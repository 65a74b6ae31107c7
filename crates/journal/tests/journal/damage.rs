//! A damaged, foreign or newer file: said so, never a panic, never written over.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::{Driver, at, key, release, run};
use bascule_journal::{Journal, JournalError, SqliteJournal, Take};
use bascule_model::problem::{Code, Problem};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

/// A journal with some runs in it, closed.
async fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("journal.db");
    let journal = SqliteJournal::open(&path).await.unwrap();
    let key = key("shop/staging");
    for n in 1..=12_u64 {
        let seconds = i64::try_from(n).unwrap() * 100;
        let run = run(&key, &format!("run-{n:02}"), seconds);
        let until = at(seconds + 30);
        let lease = journal.begin(&run, "one", until, Take::IfFree, Some(&release(&key, n))).await.unwrap();
        Driver::of(&journal, &run, lease).await.finish(&journal).await.unwrap();
    }
    let left = run(&key, "run-99", 5000);
    Driver::begin(&journal, &left, "one").await.unwrap();
    journal.verify().await.unwrap();
    journal.close().await;
    path
}

/// Uses everything once; the first error, if there is one.
async fn use_all(path: &Path) -> Result<(), JournalError> {
    let journal = SqliteJournal::open(path).await?;
    let key = key("shop/staging");
    journal.environments().await?;
    journal.artifacts().await?;
    journal.releases(&key, 99).await?;
    journal.audit(0, 999).await?;
    journal.lease(&key).await?;
    for run in journal.runs(&key, 99).await? {
        journal.run(&run.id).await?;
        journal.owed(&run.id).await?;
    }
    if let Some(run) = journal.unfinished().await?.first() {
        let lease = journal.resume(&run.id, "two", at(9000), at(9030), Take::FromTheDead).await?;
        Driver::of(&journal, run, lease).await.finish(&journal).await?;
    }
    let verified = journal.verify().await;
    journal.close().await;
    verified
}

fn is_corrupt(result: Result<(), JournalError>) -> String {
    match result {
        Err(JournalError::Corrupt(what)) => what,
        other => panic!("{other:?}"),
    }
}

/// Numbers that look random and are the same every time (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

async fn filled_bytes() -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path()).await;
    assert!(!folder.path().join("journal.db-wal").exists(), "a closed journal is one file");
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

#[tokio::test]
async fn a_cut_file_is_damage_and_stays_as_it_is() {
    let (_folder, path, bytes) = filled_bytes().await;
    for length in [0, 1, 15, 99, 100, 512, 4095, 4096, 8192, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let what = is_corrupt(use_all(&path).await);
        assert!(what.contains("journal.db"), "{what}");
        assert_eq!(fs::read(&path).unwrap(), &bytes[..length], "cut at {length}");
    }
}

#[tokio::test]
async fn garbage_in_a_page_is_damage_and_stays_as_it_is() {
    let (_folder, path, bytes) = filled_bytes().await;
    let pages = bytes.len() / 4096;
    assert!(pages > 15, "{pages}");
    for page in 0..pages {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ page as u64);
        let mut damaged = bytes.clone();
        damaged[page * 4096..(page + 1) * 4096].fill_with(|| numbers.below(256).to_le_bytes()[0]);
        fs::write(&path, &damaged).unwrap();
        is_corrupt(use_all(&path).await);
        assert_eq!(fs::read(&path).unwrap(), damaged, "page {page}");
    }
}

#[tokio::test]
async fn a_changed_byte_never_panics_and_is_never_another_error() {
    let (_folder, path, bytes) = filled_bytes().await;
    let mut numbers = Numbers(42);
    let mut found = 0;
    for _ in 0..150 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + numbers.below(3) {
            let place = numbers.below(damaged.len());
            damaged[place] = damaged[place].wrapping_add(1 + u8::try_from(numbers.below(255)).unwrap());
        }
        fs::write(&path, &damaged).unwrap();
        match use_all(&path).await {
            // An unused byte, or one that tells nothing by itself.
            Ok(()) => {}
            Err(JournalError::Corrupt(_) | JournalError::Newer { .. }) => found += 1,
            other => panic!("{other:?}"),
        }
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(path.with_file_name(format!("journal.db{suffix}")));
        }
    }
    assert!(found > 30, "{found}");
}

#[tokio::test]
async fn what_is_no_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    fs::write(&path, "app = \"shop\"\n".repeat(1000)).unwrap();
    assert!(is_corrupt(use_all(&path).await).contains("does not begin like an SQLite file"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "app = \"shop\"\n".repeat(1000));

    let foreign = folder.path().join("foreign.db");
    execute(&foreign, "CREATE TABLE t (a)").await;
    assert!(is_corrupt(use_all(&foreign).await).contains("no journal of Bascule"));

    fs::create_dir(folder.path().join("folder.db")).unwrap();
    assert!(is_corrupt(use_all(&folder.path().join("folder.db")).await).contains("not a file"));
}

#[tokio::test]
async fn a_log_without_its_file_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.db-wal"), [1; 4096]).unwrap();
    let path = folder.path().join("journal.db");
    assert!(is_corrupt(use_all(&path).await).contains("-wal"));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_newer_versions_file_is_refused_with_its_name() {
    let (_folder, path, _) = filled_bytes().await;
    execute(&path, "INSERT INTO migrations (version, written_by) VALUES (77, '9.1.0')").await;
    let error = use_all(&path).await.unwrap_err();
    assert_eq!(error, JournalError::Newer { found: 77, known: 2, by: "9.1.0".to_owned() });
    let problem = Problem::from(error);
    assert_eq!(problem.code, Code::JournalCorrupt);
    assert!(problem.message.contains("newer version of Bascule (9.1.0)"), "{}", problem.message);
    assert!(problem.remedy.contains("Bascule 9.1.0 or newer"), "{}", problem.remedy);
}

#[tokio::test]
async fn contents_that_do_not_fit_together_are_damage() {
    let cases = [
        ("UPDATE runs SET state = replace(state, '\"done\"', '\"pending\"') WHERE id = 'run-03'", "run-03"),
        ("DROP TRIGGER events_are_kept; DELETE FROM events WHERE run = 'run-04' AND sequence = 2", "event 2"),
        ("UPDATE runs SET outcome = 'stuck' WHERE id = 'run-05'", "run-05"),
        ("UPDATE runs SET plan = '{' WHERE id = 'run-06'", "plan of run-06"),
        ("UPDATE environments SET record = '[]'", "shop/staging"),
        ("UPDATE releases SET standard = 'splendid' WHERE number = 2", "splendid"),
        ("DROP TRIGGER audit_stays; UPDATE audit SET actor = 'mallory' WHERE sequence = 3", "row 3"),
        ("DROP TRIGGER audit_is_kept; DELETE FROM audit WHERE sequence = 5", "row 5"),
        ("PRAGMA foreign_keys = OFF; INSERT INTO outbox VALUES ('run-0', 's', 1, 'apply', 1, 1)", "outbox"),
    ];
    let (_folder, path, bytes) = filled_bytes().await;
    for (damage, named) in cases {
        fs::write(&path, &bytes).unwrap();
        execute(&path, damage).await;
        let what = is_corrupt(use_all(&path).await);
        assert!(what.contains(named), "{damage}: {what}");
    }
}

#[tokio::test]
async fn events_and_the_audit_trail_are_only_added_to() {
    let (_folder, path, _) = filled_bytes().await;
    for change in
        ["DELETE FROM events", "UPDATE events SET at = 0", "DELETE FROM audit", "UPDATE audit SET at = 0"]
    {
        let mut connection = options(&path).connect().await.unwrap();
        let error = sqlx::raw_sql(change).execute(&mut connection).await.unwrap_err().to_string();
        assert!(error.contains("never"), "{error}");
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_file_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let journal = SqliteJournal::open(&path).await.unwrap();
    let mut driver = Driver::begin(&journal, &run(&key("shop/staging"), "run-1", 0), "one").await.unwrap();
    driver.finish(&journal).await.unwrap();
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 3, "the file, its log and the log's index: {files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    journal.close().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    SqliteJournal::open(&path).await.unwrap().close().await;
    assert_eq!(mode(&path), 0o600);
}

fn options(path: &Path) -> sqlx::sqlite::SqliteConnectOptions {
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true)
}

async fn execute(path: &Path, statements: &'static str) {
    let mut connection = options(path).connect().await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
