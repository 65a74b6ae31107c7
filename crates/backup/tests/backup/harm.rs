//! Full disks, killed runs, programs that fail, and secrets: nothing that looks like a backup is left, and nothing is told.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use bascule_backup::{BackupError, Backups, Folder, Place};
use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::tools::Tools;

use crate::support::{Bench, PATH, key, names, now, tools};

const PART: &str = "BASCULE_TEST_FOLDER";

/// Runs a test again where its folder is a small disk of its own. Says so when the machine does not allow that.
#[expect(clippy::print_stdout, reason = "a test that was not run says so")]
fn again_on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size=300k none ${PART}\nexec \"$@\"");
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

#[tokio::test]
async fn a_full_disk_keeps_nothing_that_looks_like_a_backup() {
    #[expect(clippy::disallowed_methods, reason = "the one way to give a test program its part")]
    let Some(folder) = std::env::var_os(PART).map(PathBuf::from) else {
        return again_on_a_small_disk("harm::a_full_disk_keeps_nothing_that_looks_like_a_backup");
    };
    let bench = Bench::of("sqlite:FOLDER/live.db");
    bench.run("CREATE TABLE a (x blob); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100) INSERT INTO a SELECT randomblob(10000) FROM c").await;
    let place = Place::Folder(Folder::open(folder.clone()).unwrap());
    let backups = Backups::new(place, key(), tools(&bench.scratch));
    let failed = backups.create(&bench.address, "main", now()).await;
    assert!(
        matches!(&failed, Err(BackupError::Full { folder: named }) if *named == folder.display().to_string()),
        "{failed:?}"
    );
    assert_eq!(names(&folder), Vec::<String>::new());
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
    // With room it goes on.
    bench.run("DELETE FROM a WHERE rowid > 10; VACUUM").await;
    backups.create(&bench.address, "main", now()).await.unwrap();
    assert_eq!(names(&folder).len(), 2);
}

#[tokio::test]
async fn what_a_killed_run_left_goes_and_is_no_backup_before() {
    let bench = Bench::of("sqlite:FOLDER/live.db");
    bench.run("CREATE TABLE a (x int)").await;
    let part = bench.place.join("main-20260101T000000Z-0000.part");
    let content = bench.place.join("main-20260101T000000Z-0001.backup");
    std::fs::write(&part, "half").unwrap();
    std::fs::write(&content, "whole, but its manifest was not written").unwrap();
    let held = bench.place.join("main-20260101T000000Z-0002.part");
    std::fs::write(&held, "of one that lives").unwrap();
    let clear = bench.scratch.join("main-20260101T000000Z-0003.copy");
    std::fs::write(&clear, "in the clear").unwrap();
    let lock = std::fs::File::open(&held).unwrap();
    lock.lock().unwrap();
    std::fs::write(bench.place.join("notes.txt"), "not ours").unwrap();
    assert_eq!(bench.backups.list("main").await.unwrap().0, []);
    bench.backups.create(&bench.address, "main", now()).await.unwrap();
    assert!(!part.exists() && !content.exists() && !clear.exists() && held.exists());
    assert!(bench.place.join("notes.txt").exists());
}

#[tokio::test]
async fn a_program_that_fails_keeps_nothing() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.run("CREATE TABLE a (n int)").await;
    let programs = bench.folder.path().join("programs");
    script(
        &programs,
        "pg_dump",
        "if [ \"$1\" = --version ]; then echo 'pg_dump (PostgreSQL) 99.1'; exit; fi\nhead -c 500000 /dev/zero; echo 'no space for the query' >&2; exit 1",
    );
    let place = Place::Folder(Folder::open(bench.place.clone()).unwrap());
    let backups = Backups::new(
        place,
        key(),
        Tools::new(&format!("{}:{PATH}", programs.display()), bench.scratch.clone()),
    );
    let failed = backups.create(&bench.address, "main", now()).await.unwrap_err();
    assert!(failed.to_string().contains("no space for the query"), "{failed}");
    assert_eq!(bench.kept(), Vec::<String>::new());
}

fn script(folder: &std::path::Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Programs that first write down what the system shows of them to everybody.
fn watched(bench: &Bench, names: &[&str], real: impl Fn(&str) -> PathBuf) -> Backups {
    let programs = bench.folder.path().join("programs");
    for name in names {
        let seen = bench.folder.path().join("seen");
        script(
            &programs,
            name,
            &format!(
                "tr '\\0' ' ' < /proc/$$/cmdline >> {seen}\necho >> {seen}\nexec {real} \"$@\"",
                seen = seen.display(),
                real = real(name).display()
            ),
        );
    }
    let place = Place::Folder(Folder::open(bench.place.clone()).unwrap());
    Backups::new(place, key(), Tools::new(&programs.display().to_string(), bench.scratch.clone()))
}

#[tokio::test]
async fn no_password_of_postgres_is_in_an_argument_list() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.psql("postgres", &format!("CREATE ROLE r{database} SUPERUSER LOGIN PASSWORD 'hunter2-secret'"));
    let bench = Bench::of(&server.address_over_tcp(&format!("r{database}"), "hunter2-secret", &database));
    bench.run("CREATE TABLE a (n int)").await;
    let backups = watched(&bench, &["pg_dump", "pg_restore"], |name| Postgres::tool(name).unwrap());
    let taken = backups.create(&bench.address, "main", now()).await.unwrap();
    backups.verify(&taken.id, &bench.address, now()).await.unwrap();
    let seen = std::fs::read_to_string(bench.folder.path().join("seen")).unwrap();
    assert!(seen.contains("--format=custom") && seen.contains("--no-owner"), "{seen}");
    assert!(!seen.contains("hunter2-secret"), "{seen}");
}

#[tokio::test]
async fn no_password_of_mariadb_is_in_an_argument_list() {
    let Some(server) = MariaDb::shared() else { return };
    let database = server.database();
    server.run("mysql", &format!("CREATE USER '{database}'@'%' IDENTIFIED BY 'hunter2-\"#\\\\secret'; GRANT ALL ON *.* TO '{database}'@'%'"));
    let bench = Bench::of(&server.address_over_tcp(&database, "hunter2-%22%23%5Csecret", &database));
    bench.run("CREATE TABLE a (n int)").await;
    let backups = watched(&bench, &["mariadb-dump", "mariadb"], |name| MariaDb::tool(name).unwrap());
    let taken = backups.create(&bench.address, "main", now()).await.unwrap();
    backups.verify(&taken.id, &bench.address, now()).await.unwrap();
    let seen = std::fs::read_to_string(bench.folder.path().join("seen")).unwrap();
    assert!(seen.contains("--single-transaction"), "{seen}");
    assert!(!seen.contains("hunter2"), "{seen}");
    assert_eq!(names(&bench.scratch), Vec::<String>::new(), "the option files are gone");
}
