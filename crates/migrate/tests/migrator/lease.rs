//! Several runners at once, and dead ones.

use std::time::Duration;

use bascule_migrate::{Error, Migrator, Phases, Wish};
use bascule_sql::Dialect;

use crate::boundaries::{order, whole};
use crate::child::{Order, Runner};
use crate::support::database::Database;
use crate::support::{eventually, migration, open, recorded, settings};

/// How often eight run at once; `BASCULE_TEST_ROUNDS=100` for the whole of it.
fn rounds() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "how thorough a test is, is said from outside")]
    let rounds = std::env::var("BASCULE_TEST_ROUNDS");
    rounds.ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20)
}

async fn eight_at_once(dialect: Dialect) {
    for round in 0..rounds() {
        let Some(database) = Database::of(dialect) else { return };
        let mut runners: Vec<Runner> = (0..8)
            .map(|at| Runner::start(&Order { owner: format!("runner {at}"), ..order(&database, None) }))
            .collect();
        let words: Vec<String> = runners.iter_mut().map(Runner::end).collect();
        let applied = words.iter().filter(|line| line.contains("ended 9 0")).count();
        let idle = words.iter().filter(|line| line.contains("ended 0")).count();
        assert_eq!((applied, idle), (1, 7), "round {round}: {words:?}");
        whole(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_runners_one_applies_on_postgres() {
    eight_at_once(Dialect::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_runners_one_applies_on_mariadb() {
    eight_at_once(Dialect::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_runners_one_applies_on_sqlite() {
    eight_at_once(Dialect::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_for_whom_and_not_for_ever() {
    for database in [Database::postgres(), Database::maria(), Some(Database::sqlite())].into_iter().flatten()
    {
        // Between two files the lease is held and nothing else is.
        let mut runner = Runner::start(&order(&database, Some(5)));
        assert_eq!(runner.until(&["stopped"]).as_deref(), Some("stopped"));
        let mut settings = settings(&database.address);
        settings.lease_wait = Duration::from_millis(300);
        let mut migrator = Migrator::open(settings).await.unwrap();
        let set = [migration(database.dialect(), "9", "CREATE TABLE z (n int)", None)];
        let wish = Wish { missing: bascule_migrate::Missing::Borne, ..Wish::new(Phases::Expand) };
        let error = migrator.up(&set, &wish).await.unwrap_err();
        let Error::LeaseHeld { holder } = error else { panic!("{error:?}") };
        assert_eq!(holder.owner, "killed");
        runner.go_on();
        assert!(runner.end().contains("ended 9 0"));
        whole(&database).await;
    }
}

/// What a dead runner had the server do is ended, and the next one begins within seconds.
async fn orphan(database: Database, slow: &str) {
    let dialect = database.dialect();
    let set = vec![migration(dialect, "1", slow, None)];
    let mut runner = Runner::start(&Order { set, ..order(&database, None) });
    runner.until(&["event begun"]);
    let running = match dialect {
        Dialect::Postgres => {
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(100)%' AND pid <> pg_backend_pid()"
        }
        _ => {
            "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(100)%' AND id <> connection_id()"
        }
    };
    eventually("the slow statement", async || database.ask(running).await == "1").await;
    runner.kill();
    let (settings, _) = recorded(&database.address);
    let mut migrator = Migrator::open(settings).await.unwrap();
    let begin = std::time::Instant::now();
    let set = [migration(dialect, "1", "CREATE TABLE z (n int)", None)];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    println!("the next runner had ended {:?} after the kill", begin.elapsed());
    assert_eq!(database.ask("SELECT count(*) FROM z").await, "0");
    eventually("the end of the orphan", async || database.ask(running).await == "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_runner_left_running_is_ended_on_postgres() {
    let Some(database) = Database::postgres() else { return };
    orphan(database, "CREATE TABLE y (n int); SELECT pg_sleep(100)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_runner_left_running_is_ended_on_mariadb() {
    let Some(database) = Database::maria() else { return };
    orphan(
        database,
        "INSERT INTO bascule_accepted (version, checksum, owner, noted_at) SELECT 'x', SLEEP(100), '', now()",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_was_taken_over_writes_nothing_more() {
    let Some(database) = Database::postgres() else { return };
    let mut runner = Runner::start(&order(&database, Some(1)));
    assert_eq!(runner.until(&["stopped"]).as_deref(), Some("stopped"));
    // Somebody takes the lease without the lock, as after a failover.
    database.run("UPDATE bascule.lease SET epoch = epoch + 1").await;
    runner.go_on();
    let words = runner.end();
    assert!(words.contains("Fenced"), "{words}");
    assert_eq!(database.ask("SELECT count(*) FROM bascule.migration").await, "0");
    drop(open(&database.address).await);
}
