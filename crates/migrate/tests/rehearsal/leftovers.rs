//! What a rehearsal that is killed leaves is gone after the next one, and nothing else is.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::rehearse::{Request, rehearse};
use bascule_sql::Dialect;

use crate::support::{Bench, plain};

/// A rehearsal that does not end by itself, in a process of its own.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the one way to give a test program its part")]
async fn to_be_killed() {
    let Ok(address) = std::env::var("BASCULE_TEST_KILLED") else { return };
    let scratch = std::env::var("BASCULE_TEST_SCRATCH").unwrap();
    let bench = Bench::of(&address);
    let tools = crate::support::tools(std::path::Path::new(&scratch));
    let up = match bench.address.dialect() {
        Dialect::Postgres => "CREATE TABLE t (id int); SELECT pg_sleep(600)",
        Dialect::Mysql => "CREATE TABLE t (id int); DO SLEEP(600)",
        Dialect::Sqlite => {
            "CREATE TABLE t (id int); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) INSERT INTO t SELECT n FROM c WHERE n < 0"
        }
    };
    let pending = [plain("1", up, None, bench.address.dialect())];
    rehearse(&Request { tools: &tools, ..bench.request(&pending) }).await.unwrap();
}

/// Kills one when the copy is there, and gives what the next one cleaned.
async fn kill_and_go_on(bench: &Bench, mut copies: impl FnMut() -> usize) {
    let mut killed = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leftovers::to_be_killed"])
        .env("BASCULE_TEST_KILLED", bench.address.reveal())
        .env("BASCULE_TEST_SCRATCH", &bench.scratch)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while copies() < 1 {
        assert!(begin.elapsed() < Duration::from_secs(60), "no copy came");
        std::thread::sleep(Duration::from_millis(5));
    }
    // While it lives, its copy is left alone.
    let pending = [plain("1", "CREATE TABLE t (id int)", Some("DROP TABLE t"), bench.address.dialect())];
    let beside = bench.rehearse(&pending).await;
    assert_eq!(beside.cleaned, Vec::<String>::new());
    killed.kill().unwrap();
    killed.wait().unwrap();
    let begin = Instant::now();
    // The server may take a moment to see that the other side is gone.
    while copies() > 0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "the copy stays");
        let after = bench.rehearse(&pending).await;
        assert!(after.cleaned.len() <= 1);
    }
}

#[tokio::test]
async fn of_postgres() {
    let Some(server) = Postgres::start(&["client_connection_check_interval=500ms"]) else { return };
    let bench = Bench::of(&server.fresh());
    // Nothing of ours, although it looks like it.
    server.psql("postgres", "CREATE DATABASE bascule_shadow_0102030405060708");
    server.psql("postgres", "CREATE DATABASE bascule_shadow");
    kill_and_go_on(&bench, || {
        let count =
            server.ask("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'bascule_shadow%'");
        count.parse::<usize>().unwrap() - 2
    })
    .await;
}

#[tokio::test]
async fn of_mariadb() {
    let Some(server) = MariaDb::shared() else { return };
    let bench = Bench::of(&server.fresh());
    server.run("mysql", "CREATE DATABASE bascule_shadow_0102030405060708");
    kill_and_go_on(&bench, || {
        let count = server.ask(
            "mysql",
            "SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'bascule_shadow%'",
        );
        count.parse::<usize>().unwrap() - 1
    })
    .await;
}

#[tokio::test]
async fn of_sqlite() {
    let bench = Bench::sqlite();
    bench.given("CREATE TABLE a (id int)").await;
    std::fs::write(bench.scratch.join("bascule_shadow_0102030405060708.db"), "no").unwrap();
    std::fs::write(bench.scratch.join("bascule_shadow_0102030405060708.lock"), "no").unwrap();
    let scratch = bench.scratch.clone();
    kill_and_go_on(&bench, move || {
        let files = std::fs::read_dir(&scratch).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "db")).count() - 1
    })
    .await;
}
