//! The server is killed.

use std::time::Duration;

use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::{Migrator, Phases, Wish};

use crate::boundaries::{order, set, whole};
use crate::child::Runner;
use crate::support::database::Database;
use crate::support::settings;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_killed_at_any_moment() {
    let Some(mut server) = Postgres::start(&[]) else { return };
    for at in 0..8_u64 {
        let database = Database::at(server.fresh());
        let mut runner = Runner::start(&order(&database, None));
        runner.until(&["part begun"]);
        std::thread::sleep(Duration::from_micros(at * 13_700 % 110_000));
        server.kill();
        let words = runner.end();
        server.restart();
        assert!(
            words.contains("failed Lost") || words.contains("failed Connect") || words.contains("ended"),
            "{words}"
        );
        let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
        let outcome = migrator.up(&set(database.dialect()), &Wish::new(Phases::Everything)).await;
        assert!(outcome.is_ok(), "{at}: {outcome:?}");
        whole(&database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_is_killed_at_any_moment() {
    let Some(mut server) = MariaDb::start(&[]) else { return };
    for at in 0..6_u64 {
        let database = Database::at(server.fresh());
        let mut runner = Runner::start(&order(&database, None));
        runner.until(&["part begun"]);
        std::thread::sleep(Duration::from_micros(at * 23_700 % 140_000));
        server.kill();
        let words = runner.end();
        server.restart();
        assert!(
            words.contains("failed Lost") || words.contains("failed Connect") || words.contains("ended"),
            "{words}"
        );
        let mut migrator = Migrator::open(settings(&database.address)).await.unwrap();
        let outcome = migrator.up(&set(database.dialect()), &Wish::new(Phases::Everything)).await;
        assert!(outcome.is_ok(), "{at}: {outcome:?}");
        whole(&database).await;
    }
}
