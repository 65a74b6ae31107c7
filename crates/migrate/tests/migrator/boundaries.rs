//! Killed at every boundary, and at any other moment: the next run converges, and every statement is applied once.

use std::time::Duration;

use bascule_migrate::{Migrator, Phases, Wish};
use bascule_migrations::{Migration, Transactions};
use bascule_sql::Dialect;

use crate::child::{Order, Runner};
use crate::support::database::Database;
use crate::support::{migration, phased, settings};

/// Files of every kind. What they insert tells how often they were applied.
pub fn set(dialect: Dialect) -> Vec<Migration> {
    let mut set = vec![
        migration(
            dialect,
            "1",
            "CREATE TABLE log (n int NOT NULL, t varchar(20));\nCREATE TABLE a (id int PRIMARY KEY, x int);\n\
             INSERT INTO a VALUES (1, 10), (2, 20);\nINSERT INTO log VALUES (1, 'one')",
            Some("DROP TABLE a;\nDROP TABLE log"),
        ),
        phased(
            dialect,
            "2",
            "ALTER TABLE a ADD COLUMN y int",
            Some(("a", "UPDATE a SET y = x")),
            "ALTER TABLE a DROP COLUMN x",
            "ALTER TABLE a DROP COLUMN y",
        ),
        migration(dialect, "3", "INSERT INTO log VALUES (3, 'three')", Some("DELETE FROM log WHERE n = 3")),
    ];
    match dialect {
        Dialect::Postgres => {
            let mut none = migration(
                dialect,
                "4",
                "CREATE INDEX CONCURRENTLY a_y ON a (y);\nINSERT INTO log VALUES (4, 'four');\n\
                 CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_u ON a (y, id);\nREINDEX INDEX CONCURRENTLY a_y;\n\
                 CREATE INDEX CONCURRENTLY ON a (y, id);\nALTER TABLE log ADD COLUMN m int;\nVACUUM a;\n\
                 DROP INDEX CONCURRENTLY a_y",
                None,
            );
            none.transactions = Transactions::None;
            set.push(none);
        }
        Dialect::Mysql => set.push(migration(
            dialect,
            "4",
            "CREATE INDEX a_y ON a (y);\nINSERT INTO log VALUES (4, 'four');\nCREATE TABLE b (id int);\n\
             RENAME TABLE b TO c;\nALTER TABLE log ADD COLUMN m int, ADD COLUMN k int;\n\
             CREATE VIEW v AS SELECT * FROM a;\nCREATE TABLE d (id int);\nDROP TABLE d;\nDROP VIEW v;\n\
             CREATE TRIGGER log_m BEFORE INSERT ON log FOR EACH ROW SET NEW.m = 1",
            None,
        )),
        Dialect::Sqlite => set.push(migration(
            dialect,
            "4",
            "CREATE TABLE a_new (id int PRIMARY KEY, y int NOT NULL);\nINSERT INTO a_new SELECT id, y FROM a;\n\
             DROP TABLE a;\nALTER TABLE a_new RENAME TO a;\nINSERT INTO log VALUES (4, 'four')",
            None,
        )),
    }
    set.push(migration(dialect, "5", "INSERT INTO log (n, t) VALUES (5, 'five')", None));
    // Where the server can, these share a transaction.
    for number in ["6", "7"] {
        set.push(migration(
            dialect,
            number,
            &format!("CREATE TABLE new_{number} (id int PRIMARY KEY)"),
            None,
        ));
    }
    set
}

/// What is there when all is applied once.
pub async fn whole(database: &Database) {
    assert_eq!(database.ask("SELECT n, count(*) FROM log GROUP BY n ORDER BY n").await, "1|1\n3|1\n4|1\n5|1");
    assert_eq!(database.ask("SELECT id, y FROM a ORDER BY id").await, "1|10\n2|20");
    if database.dialect() == Dialect::Postgres {
        let indexes = "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                       WHERE i.indrelid = 'a'::regclass ORDER BY 1";
        assert_eq!(database.ask(indexes).await, "a_pkey|t\na_u|t\na_y_id_idx|t");
    }
    if database.dialect() == Dialect::Mysql {
        assert_eq!(database.ask("SELECT count(*) FROM c").await, "0");
    }
    assert_eq!(database.ask("SELECT count(*) FROM new_6, new_7").await, "0");
    let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
    let history = migrator.history().await.unwrap();
    assert!(history.iter().all(|entry| entry.open == 0 && entry.finished.is_some()), "{history:?}");
    assert!(migrator.status(&set(database.dialect())).await.unwrap().clean());
    assert!(migrator.ailments(&set(database.dialect())).await.unwrap().is_empty());
}

pub fn order(database: &Database, stop_at: Option<usize>) -> Order {
    Order {
        address: database.address.clone(),
        set: set(database.dialect()),
        owner: "killed".to_owned(),
        stop_at,
        lock_timeout: Duration::from_millis(200),
    }
}

async fn every_boundary(dialect: Dialect) {
    for at in 0.. {
        let Some(database) = Database::of(dialect) else { return };
        let mut runner = Runner::start(&order(&database, Some(at)));
        let line = runner.until(&["stopped", "ended", "failed"]);
        if line.as_deref() != Some("stopped") {
            assert!(line.as_ref().is_some_and(|line| line.contains("ended 9 0")), "{at}: {line:?}");
            assert!(at > 15, "it told of {at} things only");
            return;
        }
        runner.kill();
        let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
        let outcome = migrator.up(&set(dialect), &Wish::new(Phases::Everything)).await;
        assert!(outcome.is_ok(), "{at}: {outcome:?}");
        whole(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_killed_at_every_boundary_on_postgres() {
    every_boundary(Dialect::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_killed_at_every_boundary_on_mariadb() {
    every_boundary(Dialect::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_killed_at_every_boundary_on_sqlite() {
    every_boundary(Dialect::Sqlite).await;
}

/// Moments that come one after the other through a whole run, and then from its beginning again.
async fn any_moment(dialect: Dialect, kills: u32) {
    for at in 0..kills {
        let Some(database) = Database::of(dialect) else { return };
        let mut runner = Runner::start(&order(&database, None));
        runner.until(&["part begun"]);
        std::thread::sleep(Duration::from_micros(u64::from(at) * 1_900 % 120_000));
        runner.kill();
        let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
        let outcome = migrator.up(&set(dialect), &Wish::new(Phases::Everything)).await;
        assert!(outcome.is_ok(), "{at}: {outcome:?}");
        whole(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_killed_at_any_moment_on_postgres() {
    any_moment(Dialect::Postgres, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_killed_at_any_moment_on_mariadb() {
    any_moment(Dialect::Mysql, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_killed_at_any_moment_on_sqlite() {
    any_moment(Dialect::Sqlite, 30).await;
}
