//! Applying, taking back and the rest, on a real PostgreSQL.

use crate::support::{migration, open, phased, settings, version};
use bascule_database_servers::Postgres;
use bascule_migrate::{
    Bears, Choice, Difference, Error, Goal, Migrator, Missing, Order, Phases, Standing, StepPhase, Wish,
};
use bascule_migrations::{Migration, Transactions};
use bascule_sql::Dialect;

const PG: Dialect = Dialect::Postgres;

fn two() -> Vec<Migration> {
    vec![
        migration(
            PG,
            "1",
            "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1)",
            Some("DROP TABLE a"),
        ),
        migration(PG, "2", "ALTER TABLE a ADD COLUMN b text", Some("ALTER TABLE a DROP COLUMN b")),
    ]
}

#[tokio::test]
async fn what_is_pending_is_applied_once_and_taken_back_without_its_files() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let set = two();
    let plan = migrator.plan(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(plan.versions, [version("1"), version("2")]);
    assert_eq!(plan.statements.len(), 3);
    // A plan leaves nothing.
    assert_eq!(server.ask(&database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'bascule'"), "0");

    let outcome = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(outcome.versions(StepPhase::Expand), [version("1"), version("2")]);
    assert_eq!(server.ask(&database, "SELECT id, b FROM a"), "1|");
    let status = migrator.status(&set).await.unwrap();
    assert!(status.clean());
    let again = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert!(again.applied.is_empty());

    let history = migrator.history().await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!((history[0].statements, history[0].open, history[0].owner.as_str()), (2, 0, "test"));

    let reverted = migrator.down(&Goal::To { version: version("1") }).await.unwrap();
    assert_eq!(reverted.len(), 1);
    assert_eq!(server.ask(&database, "SELECT * FROM a"), "1");
    let status = migrator.status(&set).await.unwrap();
    assert_eq!(status.lines[1].standing, Standing::Reverted);
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    migrator.down(&Goal::Nothing).await.unwrap();
    assert_eq!(server.ask(&database, "SELECT to_regclass('a') IS NULL"), "t");
    // Both attempts of the second one are in the history.
    assert_eq!(migrator.history().await.unwrap().len(), 6);
}

#[tokio::test]
async fn files_that_only_make_new_things_share_transactions_and_fail_alone() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let table = |number: u32| format!("CREATE TABLE t{number} (id int PRIMARY KEY)");
    let file = |number: u32, text: &str| migration(PG, &number.to_string(), text, None);
    let mut set: Vec<Migration> = (10..50).map(|number| file(number, &table(number))).collect();
    // Its table is there already; and one that changes what is there is never together with others.
    set[30] = file(40, &table(10));
    set[5] = file(15, "ALTER TABLE t10 ADD COLUMN b int");
    let Err(Error::Statement(failed)) = migrator.up(&set, &Wish::new(Phases::Expand)).await else { panic!() };
    assert_eq!((failed.path.as_str(), failed.server.code.as_deref()), (set[30].path.as_str(), Some("42P07")));
    assert_eq!(server.ask(&database, "SELECT count(*), max(version) FROM bascule.migration"), "30|39");
    assert_eq!(server.ask(&database, "SELECT to_regclass('t39') IS NULL, to_regclass('t41') IS NULL"), "f|t");

    set[30] = file(40, &table(40));
    let outcome = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(outcome.applied.len(), 10);
    let of = |first: u32, last: u32| {
        let sql = format!(
            "SELECT count(DISTINCT xmin::text) FROM bascule.migration WHERE version BETWEEN '{first}' AND '{last}'"
        );
        server.ask(&database, &sql)
    };
    assert_eq!((of(10, 14), of(14, 16), of(40, 49)), ("1".to_owned(), "3".to_owned(), "1".to_owned()));
    let history = migrator.history().await.unwrap();
    assert_eq!(history.len(), 40);
    assert!(history.iter().all(|entry| entry.open == 0 && entry.statements == 1), "{history:?}");
    assert!(migrator.status(&set).await.unwrap().clean());
}

#[tokio::test]
async fn a_file_that_fails_leaves_nothing_and_says_where() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let text = "CREATE TABLE a (id int);\n\n-- the next one\nALTER TABLE a\n  ADD COLUMN b inte;\n";
    let set = [migration(PG, "1", text, None)];
    let Err(Error::Statement(failed)) = migrator.up(&set, &Wish::new(Phases::Expand)).await else { panic!() };
    assert_eq!((failed.line, failed.server.code.as_deref()), (5, Some("42704")));
    assert!(
        failed.excerpt.contains("    5 |   ADD COLUMN b inte;\n      |                ^"),
        "{}",
        failed.excerpt
    );
    assert_eq!(server.ask(&database, "SELECT to_regclass('a') IS NULL"), "t");
    assert_eq!(server.ask(&database, "SELECT count(*) FROM bascule.migration"), "0");
    // The file may be corrected, and the connection is as good as before.
    let set = [migration(PG, "1", "CREATE TABLE a (id int)", None)];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
}

#[tokio::test]
async fn a_text_that_does_not_parse_is_named_at_its_place() {
    let Some(server) = Postgres::shared() else { return };
    let mut migrator = open(&server.fresh()).await;
    let set = [migration(PG, "1", "SELECT 'ü';\nSELECT 1;\nCREATE TABEL x ();\nSELECT 2", None)];
    let Err(Error::Statement(failed)) = migrator.up(&set, &Wish::new(Phases::Expand)).await else { panic!() };
    assert_eq!((failed.line, failed.server.code.as_deref()), (3, Some("42601")));
    assert!(failed.excerpt.contains("    3 | CREATE TABEL x ();\n      |        ^"), "{}", failed.excerpt);
}

#[tokio::test]
async fn literals_survive_whatever_is_in_them() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let up =
        "CREATE TABLE a (t text DEFAULT E'it''s \\\\ ;\n;');\nCOMMENT ON TABLE a IS 'a;\n;\n$$ü'; -- end";
    let set = [migration(PG, "it's", up, Some("DROP TABLE a; -- ;\n"))];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    let details = migrator.details(&[version("it's")]).await.unwrap();
    assert_eq!(details[0].up, up);
    migrator.down(&Goal::Last { count: 1 }).await.unwrap();
}

#[tokio::test]
async fn a_file_may_bring_its_own_transaction_and_settings() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let set = [
        migration(
            PG,
            "1",
            "BEGIN;\nCREATE SCHEMA s;\nSET search_path = s;\nCREATE TABLE a (id int);\nCOMMIT;",
            None,
        ),
        migration(
            PG,
            "2",
            "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.b (id int)",
            None,
        ),
        migration(PG, "3", "CREATE TABLE c (id int)", None),
    ];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    let places = "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY 1) FROM pg_tables WHERE schemaname IN ('s', 'public')";
    let found = server.ask(&database, &places.replace("ORDER BY 1", "ORDER BY tablename"));
    assert_eq!(found, "s.a public.b public.c");
    let set = [set.to_vec(), vec![migration(PG, "4", "CREATE TABLE d ();\nROLLBACK", None)]].concat();
    let Err(Error::Transactions { line, .. }) = migrator.up(&set, &Wish::new(Phases::Expand)).await else {
        panic!()
    };
    assert_eq!(line, 2);
}

#[tokio::test]
async fn statements_of_a_file_without_a_transaction_stay_one_by_one() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let text =
        |last: &str| format!("CREATE TABLE a (id int);\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n{last}");
    let mut broken = migration(PG, "1", &text("CREATE TABLE b (id inte)"), None);
    broken.transactions = Transactions::None;
    let Err(Error::Statement(failed)) = migrator.up(&[broken.clone()], &Wish::new(Phases::Expand)).await
    else {
        panic!()
    };
    assert_eq!(failed.line, 3);
    let status = migrator.status(&[broken.clone()]).await.unwrap();
    assert_eq!(status.lines[0].standing, Standing::Applying);
    // Corrected, it goes on where it stopped; what is done must not be changed.
    let mut changed = migration(PG, "1", &text("CREATE TABLE b (id int)").replace("a_id", "a_other"), None);
    changed.transactions = Transactions::None;
    let Err(Error::Differ(list)) = migrator.up(&[changed], &Wish::new(Phases::Expand)).await else {
        panic!()
    };
    assert!(matches!(&list[0], Difference::Edited { applied, .. } if applied.contains("a_id")));
    let mut corrected = migration(PG, "1", &text("CREATE TABLE b (id int)"), None);
    corrected.transactions = Transactions::None;
    migrator.up(&[corrected.clone()], &Wish::new(Phases::Expand)).await.unwrap();
    assert!(migrator.status(&[corrected]).await.unwrap().clean());
    assert_eq!(server.ask(&database, "SELECT to_regclass('b') IS NOT NULL"), "t");
}

#[tokio::test]
async fn phases_and_the_floor() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let set = [
        migration(
            PG,
            "1",
            "CREATE TABLE a (id int PRIMARY KEY, x int); INSERT INTO a SELECT 1, 2",
            Some("DROP TABLE a"),
        ),
        phased(
            PG,
            "2",
            "ALTER TABLE a ADD COLUMN y int",
            Some(("a", "UPDATE a SET y = x")),
            "ALTER TABLE a DROP COLUMN x",
            "ALTER TABLE a DROP COLUMN y",
        ),
    ];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    let status = migrator.status(&set).await.unwrap();
    assert_eq!(status.lines[1].standing, Standing::ContractWaits);
    assert_eq!(migrator.bears(&[version("1")]).await.unwrap(), Bears::Yes);
    let Err(Error::ContractWaits { .. }) = migrator.up(&set, &Wish::new(Phases::Contract)).await else {
        panic!()
    };
    // With nothing that runs on it, all of it is done one after the other.
    migrator.up(&set, &Wish::new(Phases::Everything)).await.unwrap();
    assert_eq!(server.ask(&database, "SELECT * FROM a"), "1|2");
    assert_eq!(server.ask(&database, "SELECT version FROM bascule.compat"), "2");
    assert_eq!(migrator.bears(&[version("1")]).await.unwrap(), Bears::No { contracted: vec![version("2")] });
    let Err(Error::Irreversible { .. }) = migrator.down(&Goal::Nothing).await else { panic!() };
}

#[tokio::test]
async fn checks_that_return_rows_take_the_file_back() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let mut set = [migration(PG, "1", "CREATE TABLE a (id int); INSERT INTO a VALUES (7)", None)];
    set[0].checks = crate::support::statements(PG, "SELECT id FROM a WHERE id > 5");
    let Err(Error::Check { rows, .. }) = migrator.up(&set, &Wish::new(Phases::Expand)).await else {
        panic!()
    };
    assert_eq!(rows, ["7"]);
    assert_eq!(server.ask(&database, "SELECT to_regclass('a') IS NULL"), "t");
    set[0].checks = crate::support::statements(PG, "SELECT id FROM a WHERE id > 9");
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
}

#[tokio::test]
async fn differences_are_shown_and_decided_on() {
    let Some(server) = Postgres::shared() else { return };
    let mut migrator = open(&server.fresh()).await;
    let set = two();
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    let mut edited = set.clone();
    edited[1] = migration(PG, "2", "ALTER TABLE a ADD COLUMN b text -- a remark", None);
    let Err(Error::Differ(list)) = migrator.up(&edited, &Wish::new(Phases::Expand)).await else { panic!() };
    let [Difference::Edited { applied, file, .. }] = list.as_slice() else { panic!() };
    assert_eq!((applied.as_str(), file.as_str()), (set[1].up.as_str(), edited[1].up.as_str()));
    let ailments = migrator.ailments(&edited).await.unwrap();
    migrator.repair(&ailments[0].choices).await.unwrap();
    assert!(migrator.status(&edited).await.unwrap().clean());
    // The former text is still as good.
    assert!(migrator.status(&set).await.unwrap().clean());

    let fewer = &set[..1];
    let Err(Error::Differ(_)) = migrator.up(fewer, &Wish::new(Phases::Expand)).await else { panic!() };
    let borne = Wish { missing: Missing::Borne, ..Wish::new(Phases::Expand) };
    migrator.up(fewer, &borne).await.unwrap();
    migrator.repair(&[Choice::Removed { version: version("2") }]).await.unwrap();
    migrator.up(fewer, &Wish::new(Phases::Expand)).await.unwrap();

    let late = [vec![migration(PG, "0", "CREATE TABLE z ()", None)], set].concat();
    let Err(Error::Differ(list)) = migrator.up(&late, &Wish::new(Phases::Expand)).await else { panic!() };
    assert!(matches!(&list[0], Difference::OutOfOrder { version, .. } if version == "0"));
    let loose = Wish { order: Order::Loose, ..Wish::new(Phases::Expand) };
    let outcome = migrator.up(&late, &loose).await.unwrap();
    assert_eq!(outcome.versions(StepPhase::Expand), [version("0")]);
}

#[tokio::test]
async fn a_database_that_was_there_begins_with_a_baseline() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.psql(&database, "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)");
    let mut migrator = open(&server.address(&database)).await;
    let set = two();
    assert_eq!(migrator.baseline(&set, &version("1")).await.unwrap(), [version("1")]);
    let outcome = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(outcome.versions(StepPhase::Expand), [version("2")]);
    assert_eq!(migrator.history().await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_speaks_against_a_connection_is_said() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.psql(&database, "CREATE ROLE nobody LOGIN PASSWORD 'right'");
    let refused = async |address: String| match Migrator::open(settings(&address)).await {
        Ok(_) => panic!("it was let in"),
        Err(error) => error,
    };
    let error = refused(server.address_over_tcp("nobody", "wrong", &database)).await;
    assert!(matches!(error, Error::Credentials { .. }), "{error:?}");
    let error = refused(server.address("nothing_there")).await;
    assert!(matches!(error, Error::NoDatabase { .. }), "{error:?}");
    let closed = format!("postgres://x@127.0.0.1:{}/x", bascule_database_servers::free_port());
    let error = refused(closed).await;
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");

    let mut migrator = Migrator::open(settings(&server.address_as("nobody", &database))).await.unwrap();
    let error = migrator.up(&two(), &Wish::new(Phases::Expand)).await.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    assert!(error.remedy().contains("GRANT CREATE ON DATABASE"), "{}", error.remedy());
    server.psql(&database, &format!("ALTER DATABASE {database} SET default_transaction_read_only = on"));
    let error =
        open(&server.address(&database)).await.up(&two(), &Wish::new(Phases::Expand)).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn what_repeats_is_applied_again_when_it_changes() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let view = |column: &str| {
        let up = format!("CREATE OR REPLACE VIEW v AS SELECT {column} AS x");
        let mut migration = migration(PG, "R__v", &up, None);
        migration.origin.turn = bascule_migrations::Turn::Repeatable;
        migration
    };
    let first = vec![migration(PG, "1", "SELECT 1", None), view("1")];
    migrator.up(&first, &Wish::new(Phases::Expand)).await.unwrap();
    let later = vec![first[0].clone(), migration(PG, "2", "SELECT 2", None), view("2")];
    let outcome = migrator.up(&later, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(outcome.versions(StepPhase::Expand), [version("2"), version("R__v")]);
    assert_eq!(server.ask(&database, "SELECT x FROM v"), "2");
    assert!(migrator.status(&later).await.unwrap().clean());
}

#[tokio::test]
async fn a_replica_is_refused() {
    let Some(server) = Postgres::start_replica() else { return };
    let mut migrator = open(&server.address("postgres")).await;
    assert!(!migrator.status(&two()).await.unwrap().clean());
    let error = migrator.up(&two(), &Wish::new(Phases::Expand)).await.unwrap_err();
    let Error::ReadOnly { why, .. } = &error else { panic!("{error:?}") };
    assert!(why.contains("replica"), "{why}");
    assert!(error.remedy().contains("primary"));
}
