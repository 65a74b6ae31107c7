//! Replicas that fall behind, and disks that get full: a backfill waits, and goes on when they have caught up or have room again.

use std::time::Duration;

use bascule_database_servers::Postgres;
use bascule_migrate::Connection;
use bascule_migrate::backfill::{self, Error, Floor, Limits, Outcome, Report, Waiting};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Database, done, go_on, id, names, number, quick};

type Running = JoinHandle<(Connection, Result<Outcome, Error>)>;

/// Runs it with those limits, which are looked at before each batch.
fn run(
    mut connection: Connection,
    limits: Limits,
    stop: CancellationToken,
) -> (Running, UnboundedReceiver<Report>) {
    let (tell, told) = unbounded_channel();
    let running = tokio::spawn(async move {
        let mut options = quick(&connection);
        options.pace.ceiling = 100;
        options.least_rest = Duration::from_millis(5);
        options.limits = Limits { every: Duration::ZERO, ..limits };
        let tell = |report| drop(tell.send(report));
        let outcome = backfill::run(&mut connection, &id(), "test", &options, &stop, tell).await;
        (connection, outcome)
    });
    (running, told)
}

/// The next thing that it waits for.
async fn waiting(told: &mut UnboundedReceiver<Report>) -> Waiting {
    loop {
        if let Report::Waiting(waiting) = told.recv().await.expect("it waits before it ends") {
            return waiting;
        }
    }
}

/// Waits until the replica has not replayed for a while.
async fn behind(connection: &mut Connection) {
    let behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lag > interval '300 ms'";
    for _ in 0..600 {
        if number(connection, behind).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the replica does not fall behind");
}

#[tokio::test]
async fn it_waits_for_a_replica_that_falls_behind() {
    let Some(primary) = Postgres::start(&[]) else { return };
    let replica = Postgres::follow(&primary);
    let database = Database::at(&primary.fresh());
    let mut connection = database.users(3_000).await;
    backfill::define(&mut connection, &id(), &names()).await.unwrap();
    replica.psql("postgres", "SELECT pg_wal_replay_pause()");
    let mut other = database.open().await;
    other.run("CREATE TABLE written (n int)").await.unwrap();
    behind(&mut other).await;
    let limits = Limits { replica_lag: Some(Duration::from_millis(300)), ..Limits::default() };
    let (running, mut told) = run(connection, limits, CancellationToken::new());
    let Waiting::Replica(lag) = waiting(&mut told).await else { panic!("it waits for something else") };
    assert!(lag > Duration::from_millis(300));
    let filled = number(&mut other, "SELECT count(*) FROM users WHERE touched > 0").await;
    assert!(filled < 3_000, "{filled}");
    // It stays so for as long as the replica does.
    for _ in 0..2 {
        assert!(matches!(waiting(&mut told).await, Waiting::Replica(_)));
    }
    assert_eq!(number(&mut other, "SELECT count(*) FROM users WHERE touched > 0").await, filled);
    replica.psql("postgres", "SELECT pg_wal_replay_resume()");
    let (mut connection, outcome) = running.await.unwrap();
    assert_eq!(outcome.unwrap(), done());
    assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE touched = 1").await, 3_000);
}

#[tokio::test]
async fn it_waits_for_log_that_a_replica_does_not_fetch() {
    let Some(primary) = Postgres::start(&[]) else { return };
    let database = Database::at(&primary.fresh());
    let mut connection = database.users(1_000).await;
    backfill::define(&mut connection, &id(), &names()).await.unwrap();
    primary.psql("postgres", "SELECT pg_create_physical_replication_slot('gone', true)");
    let limits = Limits { retained: Some(20_000), ..Limits::default() };
    let (running, mut told) = run(connection, limits, CancellationToken::new());
    assert!(matches!(waiting(&mut told).await, Waiting::Log(bytes) if bytes > 20_000));
    primary.psql("postgres", "SELECT pg_drop_replication_slot('gone')");
    let (mut connection, outcome) = running.await.unwrap();
    assert_eq!(outcome.unwrap(), done());
    assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE touched = 1").await, 1_000);
}

#[tokio::test]
async fn it_writes_nothing_to_a_disk_that_is_full() {
    for database in Database::all() {
        let mut connection = database.users(1_000).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let stop = CancellationToken::new();
        // More than any disk has.
        let room = Some(Floor { bytes: u64::MAX, share: 2.0 });
        let (running, mut told) = run(connection, Limits { room, ..Limits::default() }, stop.clone());
        assert!(matches!(waiting(&mut told).await, Waiting::Disk(free) if free > 0));
        stop.cancel();
        let (mut connection, outcome) = running.await.unwrap();
        assert_eq!(outcome.unwrap(), Outcome::Stopped);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE touched > 0").await, 0);
        // With room it goes on.
        assert_eq!(go_on(&mut connection, |_| {}).await.unwrap(), done());
        assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE touched = 1").await, 1_000);
    }
}
