//! PostgreSQL.

use bascule_backup::{BackupError, Counted, Existing, Freshness, Id, freshness};
use bascule_database_servers::Postgres;
use bascule_migrate::Address;

use crate::support::{Bench, names, now};

const SCHEMA: &str = "\
CREATE TYPE mood AS ENUM ('a', 'b'); CREATE SCHEMA app; \
CREATE TABLE users (id serial PRIMARY KEY, x int, name text, at timestamptz, price float8, raw bytea, mood mood); \
CREATE TABLE app.orders (id int REFERENCES users); CREATE TABLE parts (a int) PARTITION BY RANGE (a); \
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100); ALTER TABLE users DROP COLUMN x; \
INSERT INTO users (name, at, price, raw, mood) SELECT 'n' || g, now(), random(), decode('00ff', 'hex'), 'b' FROM generate_series(1, 1000) g; \
INSERT INTO app.orders SELECT id FROM users; INSERT INTO parts SELECT g % 100 FROM generate_series(1, 300) g; \
CREATE VIEW v AS SELECT name FROM users; GRANT SELECT ON users TO pg_monitor; \
CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql";

#[tokio::test]
async fn a_backup_is_taken_proven_and_put_back() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let bench = Bench::of(&server.address(&database));
    bench.run(SCHEMA).await;
    server.psql("postgres", &format!("ALTER DATABASE {database} SET work_mem = '5MB'; ALTER DATABASE {database} SET search_path = app, public"));
    let taken = bench.backups.create(&bench.address, "shop-main", now()).await.unwrap();
    assert_eq!(taken.tables.len(), 3);
    assert!(
        matches!(&taken.tables[2].rows, Counted::Exactly { count: 1000, sum: Some(sum) } if sum.len() > 10)
    );
    assert_eq!(taken.verified, None);
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
    let sealed = std::fs::read(bench.place.join(format!("{}.backup", taken.id))).unwrap();
    assert_eq!(sealed.len() as u64, taken.bytes);
    assert!(!sealed.windows(5).any(|window| window == b"PGDMP"), "it is sealed");

    let listed = bench.backups.list("shop-main").await.unwrap().0;
    assert_eq!(listed, std::slice::from_ref(&taken));
    assert_eq!(bench.backups.list("shop").await.unwrap().0, []);
    assert_eq!(freshness(&listed, now(), std::time::Duration::from_secs(60)), Freshness::Unverified);

    // What is written after it is not in it.
    bench.run("DELETE FROM app.orders WHERE id = 7; UPDATE users SET name = 'changed'").await;
    let proven = bench.backups.verify(&taken.id, &bench.address, now()).await.unwrap();
    assert_eq!(proven.verified.unwrap().at, now());
    let listed = bench.backups.list("shop-main").await.unwrap().0;
    assert!(freshness(&listed, now(), std::time::Duration::from_secs(60)).allows());

    let refused = bench.backups.restore(&taken.id, &bench.address, Existing::Refuse, now()).await;
    assert!(
        matches!(&refused, Err(BackupError::Occupied { table, .. }) if table == "app.orders"),
        "{refused:?}"
    );
    assert_eq!(bench.ask("SELECT count(*) FROM users WHERE name = 'changed'").await, "1000");

    // Somebody is connected, and has to go.
    let mut idle = bench.connect().await;
    idle.run("BEGIN").await.unwrap();
    let restored = bench.backups.restore(&taken.id, &bench.address, Existing::Replace, now()).await.unwrap();
    assert!(idle.run("SELECT 1").await.is_err());
    assert_eq!(bench.ask("SELECT count(*) FROM users WHERE name = 'changed'").await, "0");
    assert_eq!(bench.ask("SELECT count(*) FROM app.orders").await, "1000");
    assert_eq!(bench.ask("SHOW work_mem").await, "5MB");
    assert_eq!(bench.ask("SHOW search_path").await, "app, public");
    let former = restored.former.unwrap();
    assert_eq!(server.ask(&former, "SELECT count(*) FROM users WHERE name = 'changed'"), "1000");

    // A database that is not there yet.
    let other = Address::parse(&server.address(&format!("{database}_new"))).unwrap();
    let restored = bench.backups.restore(&taken.id, &other, Existing::Refuse, now()).await.unwrap();
    assert_eq!(restored.former, None);
    assert_eq!(server.ask(&format!("{database}_new"), "SELECT count(*) FROM users"), "1000");
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'bascule_restore%'";
    assert_eq!(server.ask("postgres", left), "0");
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
    drop(bench.folder);
}

#[tokio::test]
async fn while_it_is_written_to_all_of_a_backup_is_of_one_moment() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench
        .run("CREATE TABLE a (n int); CREATE TABLE b (n int); INSERT INTO a SELECT generate_series(1, 20000)")
        .await;
    let mut writer = bench.connect().await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        while stopped.try_recv().is_err() {
            writer.run("WITH gone AS (DELETE FROM a WHERE n IN (SELECT n FROM a LIMIT 10) RETURNING n) INSERT INTO b SELECT n FROM gone").await.unwrap();
        }
    });
    let taken = bench.backups.create(&bench.address, "main", now()).await.unwrap();
    stop.send(()).unwrap();
    writing.await.unwrap();
    let rows = |at: usize| match &taken.tables[at].rows {
        Counted::Exactly { count, .. } => *count,
        Counted::Moving { .. } => panic!("it is of one moment"),
    };
    assert_eq!(rows(0) + rows(1), 20_000);
    bench.backups.verify(&taken.id, &bench.address, now()).await.unwrap();
}

#[tokio::test]
async fn one_that_is_not_what_was_taken_is_never_verified() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.run("CREATE TABLE a (n int); INSERT INTO a SELECT generate_series(1, 100)").await;
    let taken = bench.backups.create(&bench.address, "main", now()).await.unwrap();
    let path = bench.place.join(format!("{}.backup", taken.id));
    let good = std::fs::read(&path).unwrap();
    for damaged in [
        good[..good.len() - 20].to_vec(),
        {
            let mut bytes = good.clone();
            bytes[100] ^= 1;
            bytes
        },
        Vec::new(),
    ] {
        std::fs::write(&path, damaged).unwrap();
        assert!(bench.backups.verify(&taken.id, &bench.address, now()).await.is_err());
        let restored = bench.backups.restore(&taken.id, &bench.address, Existing::Replace, now()).await;
        assert!(restored.is_err());
    }
    assert_eq!(bench.ask("SELECT count(*) FROM a").await, "100", "what was there stays");
    assert_eq!(bench.backups.manifest(&taken.id).await.unwrap().verified, None);
    std::fs::write(&path, good).unwrap();
    bench.backups.verify(&taken.id, &bench.address, now()).await.unwrap();

    // Another key reads nothing, and says so.
    let place = bascule_backup::Place::Folder(bascule_backup::Folder::open(bench.place.clone()).unwrap());
    let stranger = bascule_backup::Backups::new(
        place,
        bascule_backup::Key::new([1; 32]),
        crate::support::tools(&bench.scratch),
    );
    let (good, bad) = stranger.list("main").await.unwrap();
    assert_eq!((good.len(), bad.len()), (0, 1));
    assert!(matches!(stranger.manifest(&taken.id).await, Err(BackupError::Manifest { .. })));
    let unknown = Id::new("main", now(), [0, 0]).unwrap();
    assert!(matches!(bench.backups.manifest(&unknown).await, Err(BackupError::Unknown { .. })));
}

#[tokio::test]
async fn old_ones_go_and_the_last_verified_one_stays() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.run("CREATE TABLE a (n int)").await;
    let at = |hour: i64| now() + jiff::SignedDuration::from_hours(hour);
    let first = bench.backups.create(&bench.address, "main", at(0)).await.unwrap();
    bench.backups.verify(&first.id, &bench.address, at(0)).await.unwrap();
    for hour in 1..4 {
        bench.backups.create(&bench.address, "main", at(hour)).await.unwrap();
    }
    let retention = bascule_backup::Retention { last: 1, daily: 0, weekly: 0 };
    let gone = bench.backups.prune("main", retention).await.unwrap();
    assert_eq!(gone.len(), 2);
    let left = bench.backups.list("main").await.unwrap().0;
    assert_eq!(left.len(), 2);
    assert_eq!(left[0].id, first.id);
    assert_eq!(bench.kept().len(), 4);
}
