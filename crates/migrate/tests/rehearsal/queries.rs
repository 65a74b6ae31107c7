//! Queries of releases: which fit, which a migration breaks, and which were broken before.

use bascule_database_servers::Postgres;
use bascule_migrate::rehearse::{Outcome, Release, Request, Source, rehearse};
use bascule_migrations::{Part, Phase};
use bascule_sql::Dialect;

use crate::support::{Bench, phased, plain, statements};

const POSTGRES: Dialect = Dialect::Postgres;

#[tokio::test]
async fn a_query_that_breaks_is_named_with_its_release_and_its_migration() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE TABLE users (id int, name text, old text)").await;
    let pending = [
        plain(
            "1",
            "ALTER TABLE users ADD COLUMN mail text",
            Some("ALTER TABLE users DROP COLUMN mail"),
            POSTGRES,
        ),
        plain(
            "2",
            "ALTER TABLE users RENAME name TO label",
            Some("ALTER TABLE users RENAME label TO name"),
            POSTGRES,
        ),
        phased(
            "3",
            vec![Part::Contract { statements: statements("ALTER TABLE users DROP COLUMN old", POSTGRES) }],
            None,
            POSTGRES,
        ),
    ];
    let live = [
        "SELECT id FROM users WHERE id = $1;",
        "SELECT name FROM users",
        "SELECT * FROM users WHERE id = $1",
        "SELECT nothing FROM users",
    ]
    .map(str::to_owned);
    let next =
        ["SELECT mail FROM users", "SELECT old FROM users", "SELECT name FROM users"].map(str::to_owned);
    let request = Request { live: &live, next: &next, ..bench.request(&pending) };
    let rehearsal = rehearse(&request).await.unwrap();
    let outcome = |at: usize| &rehearsal.smoke[at].outcome;
    let version = |at: usize| pending[at].version.clone();
    assert_eq!(outcome(0), &Outcome::Fits);
    assert!(
        matches!(outcome(1), Outcome::Breaks { phase: Phase::Expand, since: Some(since), .. } if *since == version(1))
    );
    assert!(
        matches!(outcome(2), Outcome::PlanBreaks { since, error } if *since == version(0) && error.contains("cached plan")),
        "{rehearsal}"
    );
    assert!(matches!(outcome(3), Outcome::BrokenBefore { .. }));
    assert_eq!(outcome(4), &Outcome::Fits);
    assert!(matches!(outcome(5), Outcome::Breaks { phase: Phase::Contract, since: None, .. }), "{rehearsal}");
    assert!(matches!(outcome(6), Outcome::Breaks { phase: Phase::Expand, since: None, .. }));
    assert_eq!(rehearsal.smoke[6].release, Release::Next);
    assert!(!rehearsal.passed());
    assert!(
        rehearsal.to_string().contains("2 BREAKS a query of the live release: SELECT name FROM users"),
        "{rehearsal}"
    );
}

#[tokio::test]
async fn the_most_frequent_queries_that_were_counted_are_asked() {
    let Some(server) = Postgres::start(&["shared_preload_libraries=pg_stat_statements"]) else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE EXTENSION pg_stat_statements; CREATE TABLE users (id int, name text)").await;
    let mut client = bench.connect().await;
    for at in 0..5 {
        client.run(&format!("SELECT name FROM users WHERE id = {at}")).await.unwrap();
    }
    client.close().await;
    let pending = [plain("1", "ALTER TABLE users DROP COLUMN name", None, POSTGRES)];
    let rehearsal = rehearse(&Request { counted: 20, ..bench.request(&pending) }).await.unwrap();
    let broken: Vec<_> =
        rehearsal.smoke.iter().filter(|smoke| matches!(smoke.outcome, Outcome::Breaks { .. })).collect();
    assert_eq!(broken.len(), 1, "{rehearsal}");
    assert_eq!(broken[0].source, Source::Counted);
    assert_eq!(broken[0].sql, "SELECT name FROM users WHERE id = $1");
}
