//! Indexes that are built beside the writes: their remains are dropped, and they are built anew.

use bascule_migrate::{Error, Event, Migrator, Phases, Wish};
use bascule_migrations::Migration;
use bascule_sql::Dialect;

use crate::boundaries::order;
use crate::child::{Order, Runner};
use crate::support::database::Database;
use crate::support::{eventually, migration, recorded, settings};

const VALID: &str = "SELECT string_agg(c.relname || ':' || i.indisvalid, ' ' ORDER BY c.relname) FROM pg_index i \
                     JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'a'::regclass";

async fn table() -> Option<Database> {
    let database = Database::postgres()?;
    database.run("CREATE TABLE a (id int PRIMARY KEY, x int); INSERT INTO a SELECT g, g FROM generate_series(1, 1000) g").await;
    Some(database)
}

fn index(sql: &str) -> Vec<Migration> {
    vec![migration(Dialect::Postgres, "1", sql, Some("DROP INDEX CONCURRENTLY a_x"))]
}

/// A transaction that the index has to wait for, at the end of its building.
async fn snapshot(database: &Database) -> bascule_migrate::Connection {
    let mut old = database.open().await;
    old.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    old.rows("SELECT 1").await.unwrap();
    old
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_index_of_that_name_is_never_trusted() {
    for sql in
        ["CREATE INDEX CONCURRENTLY a_x ON a (x)", "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_x ON a (x)"]
    {
        let Some(database) = table().await else { return };
        database.run("CREATE INDEX a_x ON a (x); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_x'::regclass").await;
        let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
        migrator.up(&index(sql), &Wish::new(Phases::Expand)).await.unwrap();
        assert_eq!(database.ask(VALID).await, "a_pkey:true a_x:true");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_unique_are_shown_and_the_invalid_index_goes() {
    let Some(database) = table().await else { return };
    database.run("UPDATE a SET x = 7 WHERE id < 3").await;
    let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
    let set = index("CREATE UNIQUE INDEX CONCURRENTLY a_x ON a (x)");
    let Err(Error::Statement(failed)) = migrator.up(&set, &Wish::new(Phases::Expand)).await else { panic!() };
    assert_eq!(failed.server.code.as_deref(), Some("23505"));
    assert!(failed.server.whole().contains("(x)=(7) is duplicated"), "{:?}", failed.server);
    assert_eq!(database.ask(VALID).await, "a_pkey:true");
    let ailments = migrator.ailments(&set).await.unwrap();
    assert!(
        ailments[0].journal.contains("statement 1 is failed: could not create unique index"),
        "{ailments:?}"
    );
    database.run("UPDATE a SET x = id").await;
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(database.ask(VALID).await, "a_pkey:true a_x:true");
    migrator.down(&bascule_migrate::Goal::Nothing).await.unwrap();
    assert_eq!(database.ask(VALID).await, "a_pkey:true");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_snapshot_is_named_and_waited_for_without_a_timeout() {
    let Some(database) = table().await else { return };
    let mut old = snapshot(&database).await;
    let (settings, recorder) = recorded(&database.address);
    let run = tokio::spawn(async move {
        let mut migrator = Migrator::open(settings).await.unwrap();
        migrator.up(&index("CREATE INDEX CONCURRENTLY a_x ON a (x)"), &Wish::new(Phases::Expand)).await
    });
    let told = |what: &dyn Fn(&Event) -> bool| recorder.events().iter().any(what);
    eventually("the name of who is waited for", async || {
        told(&|event| matches!(event, Event::LockWait { blockers, .. } if blockers[0].to_string().contains("bascule-test")))
            && told(&|event| matches!(event, Event::Progress { .. }))
    })
    .await;
    old.run("COMMIT").await.unwrap();
    run.await.unwrap().unwrap();
    assert!(!told(&|event| matches!(event, Event::Retry { .. })));
    assert_eq!(database.ask(VALID).await, "a_pkey:true a_x:true");
}

/// The runner is killed while the server builds, and the build is cancelled or ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_killed_inside_of_a_build() {
    for sql in [
        "CREATE INDEX CONCURRENTLY a_x ON a (x)",
        "CREATE INDEX CONCURRENTLY ON a (x)",
        "REINDEX INDEX CONCURRENTLY a_pkey",
    ] {
        let Some(database) = table().await else { return };
        let mut old = snapshot(&database).await;
        let mut runner = Runner::start(&Order { set: index(sql), ..order(&database, None) });
        let waits = "SELECT count(*) FROM pg_stat_progress_create_index p JOIN pg_stat_activity a USING (pid) \
                     WHERE a.wait_event_type = 'Lock' AND a.datname = current_database()";
        eventually("the build", async || database.ask(waits).await == "1").await;
        runner.kill();
        // The server sees it within a second, or the next runner does.
        let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
        let run = tokio::spawn(async move { migrator.up(&index(sql), &Wish::new(Phases::Expand)).await });
        eventually("the next build", async || {
            let others = "SELECT count(*) FROM bascule.lease WHERE owner = 'test'";
            database.ask(others).await == "1"
        })
        .await;
        old.run("COMMIT").await.unwrap();
        run.await.unwrap().unwrap();
        let valid = database.ask(VALID).await;
        assert!(
            valid == "a_pkey:true a_x:true" || valid == "a_pkey:true a_x_idx:true" || valid == "a_pkey:true",
            "{valid}"
        );
        assert_eq!(valid == "a_pkey:true", sql.starts_with("REINDEX"), "{valid}");
    }
}
