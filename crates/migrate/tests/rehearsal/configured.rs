//! Where no database may be made: what is said, and a database that somebody named for it.

use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::Address;
use bascule_migrate::rehearse::{Down, Place, RehearseError, Request, rehearse};
use bascule_sql::Dialect;

use crate::support::{Bench, plain};

#[tokio::test]
async fn who_may_make_no_database_is_told_what_helps() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.psql(
        &database,
        &format!("CREATE ROLE poor_{database} LOGIN; ALTER DATABASE {database} OWNER TO poor_{database}"),
    );
    let bench = Bench::of(&server.address_as(&format!("poor_{database}"), &database));
    let error = rehearse(&bench.request(&[])).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("CREATEDB") && text.contains("shadow_url"), "{text}");

    let shadow = server.database();
    server.psql("postgres", &format!("ALTER DATABASE {shadow} OWNER TO poor_{database}"));
    let address = Address::parse(&server.address_as(&format!("poor_{database}"), &shadow)).unwrap();
    bench.given("CREATE TABLE users (id int PRIMARY KEY)").await;
    let pending = [
        plain("1", "CREATE INDEX CONCURRENTLY i ON users (id)", Some("SELECT 1"), Dialect::Postgres),
        plain("2", "CREATE TABLE b (id int)", Some("DROP TABLE b"), Dialect::Postgres),
    ];
    // Twice: what the first one left is ours.
    for _ in 0..2 {
        let request = Request { place: Place::At(address.clone()), ..bench.request(&pending) };
        let rehearsal = rehearse(&request).await.unwrap();
        assert!(rehearsal.copy.differences.is_empty(), "{rehearsal}");
        assert!(matches!(rehearsal.migrations[0].down, Down::Irreversible { .. }));
        assert_eq!(rehearsal.migrations[1].down, Down::Restores);
    }
}

#[tokio::test]
async fn a_named_database_is_used_only_when_it_is_empty_and_another_one() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    let at = |address: &str| Place::At(Address::parse(address).unwrap());
    let refused = rehearse(&Request { place: Place::At(bench.address.clone()), ..bench.request(&[]) }).await;
    assert!(matches!(refused, Err(RehearseError::ShadowIsDatabase)), "{refused:?}");
    let full = server.database();
    server.psql(&full, "CREATE TABLE precious (id int)");
    let refused = rehearse(&Request { place: at(&server.address(&full)), ..bench.request(&[]) }).await;
    assert!(
        matches!(&refused, Err(RehearseError::ShadowHolds { found }) if found == "table public.precious"),
        "{refused:?}"
    );
    assert_eq!(server.ask(&full, "SELECT count(*) FROM precious"), "0");
}

#[tokio::test]
async fn a_named_database_of_mariadb() {
    let Some(server) = MariaDb::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE TABLE users (id int PRIMARY KEY)").await;
    let shadow = Address::parse(&server.fresh()).unwrap();
    let pending = [
        plain("1", "CREATE TABLE a (id int)", Some("DO 1"), Dialect::Mysql),
        plain("2", "CREATE TABLE b (id int)", Some("DROP TABLE b"), Dialect::Mysql),
    ];
    for _ in 0..2 {
        let request = Request { place: Place::At(shadow.clone()), ..bench.request(&pending) };
        let rehearsal = rehearse(&request).await.unwrap();
        assert!(matches!(rehearsal.migrations[0].down, Down::Irreversible { .. }));
        assert_eq!(rehearsal.migrations[1].down, Down::Restores);
    }
}
