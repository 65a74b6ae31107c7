//! Others that are in the way.

use std::time::{Duration, Instant};

use bascule_migrate::{Connection, Error, Event, Migrator, Phases, Wish};
use bascule_sql::Dialect;

use crate::support::database::Database;
use crate::support::{eventually, migration, recorded};

/// Somebody who reads and forgets to end his transaction.
async fn reader(database: &Database) -> Connection {
    let mut reader = database.open().await;
    let begin = if database.dialect() == Dialect::Postgres { "BEGIN" } else { "START TRANSACTION" };
    reader.run(begin).await.unwrap();
    reader.rows("SELECT * FROM a").await.unwrap();
    reader
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_sleeps_does_not_stop_the_table() {
    for database in [Database::postgres(), Database::maria()].into_iter().flatten() {
        database.run("CREATE TABLE a (id int PRIMARY KEY)").await;
        let mut sleeper = reader(&database).await;
        let (mut settings, recorder) = recorded(&database.address);
        settings.lock_timeout = match database.dialect() {
            // The finest that it knows.
            Dialect::Mysql => Duration::from_secs(1),
            // The usual one.
            _ => Duration::from_millis(500),
        };
        let lock_timeout = settings.lock_timeout;
        let dialect = database.dialect();
        let address = database.address.clone();
        let run = tokio::spawn(async move {
            let mut migrator = Migrator::open(settings).await.unwrap();
            let set = [migration(dialect, "1", "ALTER TABLE a ADD COLUMN b int", None)];
            migrator.up(&set, &Wish::new(Phases::Expand)).await
        });
        // Others go on reading meanwhile.
        let mut other = database.open().await;
        let mut worst = Duration::ZERO;
        let tries = || recorder.events().iter().filter(|event| matches!(event, Event::Retry { .. })).count();
        eventually("three tries", async || {
            let begin = Instant::now();
            other.rows("SELECT count(*) FROM a").await.unwrap();
            worst = worst.max(begin.elapsed());
            tries() >= 3
        })
        .await;
        sleeper.run("COMMIT").await.unwrap();
        run.await.unwrap().unwrap();
        println!("{dialect}: the longest read took {worst:?} with a lock timeout of {lock_timeout:?}");
        // What is promised to others, not how quick a machine is: a read waits for our lock, and then has it.
        assert!(worst <= lock_timeout.mul_f64(1.5), "{worst:?}");
        let events = recorder.events();
        let named = events.iter().any(|event| match event {
            Event::Retry { blockers, .. } => blockers.iter().any(|blocker| {
                blocker.since.is_some()
                    && (dialect == Dialect::Mysql || blocker.to_string().contains("idle in transaction"))
            }),
            _ => false,
        });
        assert!(named, "{events:?}");
        let retries = match dialect {
            Dialect::Postgres => "SELECT retries > 2, lock_wait > 0 FROM bascule.step",
            _ => "SELECT retries > 2, lock_wait > 0 FROM bascule_step",
        };
        let yes = if dialect == Dialect::Postgres { "t|t" } else { "1|1" };
        assert_eq!(Database::at(address).ask(retries).await, yes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_to_be_had_is_given_up_with_the_name_of_who_holds_it() {
    let Some(database) = Database::postgres() else { return };
    database.run("CREATE TABLE a (id int PRIMARY KEY)").await;
    let sleeper = reader(&database).await;
    let (mut settings, _) = recorded(&database.address);
    settings.lock_budget = Duration::from_millis(700);
    let mut migrator = Migrator::open(settings).await.unwrap();
    let set = [migration(Dialect::Postgres, "1", "SELECT 1;\nALTER TABLE a ADD COLUMN b int", None)];
    let error = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap_err();
    let Error::Locked { line, blockers, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*line, 2);
    assert!(blockers[0].to_string().contains("bascule-test, idle in transaction"), "{blockers:?}");
    assert!(error.remedy().contains("SELECT * FROM a"), "{}", error.remedy());
    sleeper.close().await;
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_waits_for_whoever_writes() {
    let database = Database::sqlite();
    let mut other = database.open().await;
    other.run("CREATE TABLE a (id int); BEGIN IMMEDIATE; INSERT INTO a VALUES (1)").await.unwrap();
    let (settings, _) = recorded(&database.address);
    let run = tokio::spawn(async move {
        let mut migrator = Migrator::open(settings).await.unwrap();
        let set = [migration(Dialect::Sqlite, "1", "ALTER TABLE a ADD COLUMN b int", None)];
        migrator.up(&set, &Wish::new(Phases::Expand)).await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    other.run("COMMIT").await.unwrap();
    run.await.unwrap().unwrap();
    assert_eq!(database.ask("SELECT * FROM a").await, "1|");
}
