//! A pooler in between.

use bascule_database_servers::{PgBouncer, Pooling, Postgres};
use bascule_migrate::{Address, Connection, Error, Leads, Migrator, Phases, Wish, leads};
use bascule_sql::Dialect;

use crate::support::{migration, settings};

#[tokio::test]
async fn a_pooler_that_shares_sessions_is_refused() {
    let Some(server) = Postgres::shared() else { return };
    let set = [migration(Dialect::Postgres, "1", "CREATE TABLE a (id int)", None)];
    for pooling in [Pooling::Transaction, Pooling::Statement, Pooling::Session] {
        let Some(pooler) = PgBouncer::start(server, pooling) else { return };
        let database = server.database();
        let mut migrator = Migrator::open(settings(&pooler.address(&database))).await.unwrap();
        let outcome = migrator.up(&set, &Wish::new(Phases::Expand)).await;
        match (pooling, outcome) {
            (Pooling::Session, Ok(_)) => {}
            (Pooling::Transaction | Pooling::Statement, Err(error @ Error::Pooler { .. })) => {
                assert!(error.remedy().contains("directly"), "{}", error.remedy());
                let there =
                    server.ask(&database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'bascule'");
                assert_eq!(there, "0");
                let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                             (SELECT oid FROM pg_database WHERE datname = current_database())";
                assert_eq!(server.ask(&database, locks), "0");
            }
            (pooling, outcome) => panic!("{pooling:?}: {outcome:?}"),
        }
    }
}

/// Through whatever pooler, the app's own address is known to lead to the database, or to another one.
#[tokio::test]
async fn an_address_leads_to_the_same_database_or_elsewhere() {
    let Some(server) = Postgres::shared() else { return };
    let (database, other) = (server.database(), server.database());
    let open = |text: String| Address::parse(&text).unwrap();
    let mut direct = Connection::open(&open(server.address(&database)), "test").await.unwrap();
    for pooling in [Pooling::Transaction, Pooling::Session] {
        let Some(pooler) = PgBouncer::start(server, pooling) else { return };
        let same = leads(&mut direct, &open(pooler.address(&database))).await.unwrap();
        assert_eq!(same, Leads::ThereToo, "{pooling:?}");
        let elsewhere = leads(&mut direct, &open(pooler.address(&other))).await.unwrap();
        assert_eq!(elsewhere, Leads::Elsewhere("it is another database of the same server"));
    }
    let Some(second) = Postgres::start(&[]) else { return };
    let elsewhere = leads(&mut direct, &open(second.address(&second.database()))).await.unwrap();
    assert_eq!(elsewhere, Leads::Elsewhere("it is another server"));
}
