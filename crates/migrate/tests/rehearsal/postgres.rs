//! PostgreSQL: down sides, locks, rewrites, and that the real database is not touched.

use bascule_database_servers::Postgres;

use crate::cases::{RIGHT, WRONG};
use crate::support::{Bench, all_right, all_wrong};

#[tokio::test]
async fn every_wrong_down_side_is_found() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    all_wrong(bench.cases(&WRONG).await);
}

#[tokio::test]
async fn no_right_down_side_is_flagged() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    all_right(bench.cases(&RIGHT).await);
}

use bascule_migrate::rehearse::{Down, Held, How, Order, Rows, Seen, Why, rehearse};
use bascule_migrate::schema::{Filter, snapshot};
use bascule_migrations::{Backfill, Gate, Part, Phase};
use bascule_sql::{Dialect, LockMode};

use crate::support::{phased, plain, statements};

const POSTGRES: Dialect = Dialect::Postgres;

fn held(table: &str, mode: LockMode) -> Held {
    Held { table: table.to_owned(), mode }
}

#[tokio::test]
async fn locks_rewrites_and_rows_are_those_that_were_seen() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE TABLE users (id int PRIMARY KEY, a int); CREATE TABLE orders (id int, u int); INSERT INTO users SELECT g, g FROM generate_series(1, 500) g").await;
    let up = "ALTER TABLE users ADD COLUMN b int; ALTER TABLE users ALTER a TYPE bigint; UPDATE users SET b = 1; \
              ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (u) REFERENCES users NOT VALID; CREATE TABLE new (id int)";
    let rehearsal = bench.rehearse(&[plain("1", up, None, POSTGRES)]).await;
    let runs = &rehearsal.migrations[0].statements;
    assert_eq!(runs[0].locks, [held("public.users", LockMode::AccessExclusive)]);
    assert!(runs[0].rewrites.is_empty());
    assert_eq!(runs[1].rewrites, ["public.users"]);
    assert_eq!(runs[2].rows, 500);
    assert!(runs[2].rewrites.is_empty());
    assert!(
        runs[3].locks.contains(&held("public.orders", LockMode::ShareRowExclusive)),
        "{:?}",
        runs[3].locks
    );
    assert!(runs[4].locks.is_empty(), "what is new has nobody to wait for it");
    assert!(runs.iter().all(|run| run.seen == Seen::All));
    assert_eq!(rehearsal.copy.rows, Rows::All);
    assert!(
        matches!(&rehearsal.migrations[0].down, Down::Irreversible { why: Why::Missing, difference } if !difference.is_empty())
    );
    assert!(rehearsal.to_string().contains("ACCESS EXCLUSIVE on public.users"), "{rehearsal}");
}

#[tokio::test]
async fn an_index_that_is_built_beside_its_users_is_tried_in_no_transaction() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE TABLE users (id int, a int); INSERT INTO users SELECT g, g FROM generate_series(1, 50000) g").await;
    let pending = [
        plain(
            "1",
            "ALTER TABLE users ADD COLUMN b int; CREATE INDEX CONCURRENTLY users_a ON users (a)",
            Some("DROP INDEX CONCURRENTLY users_a; ALTER TABLE users DROP COLUMN b"),
            POSTGRES,
        ),
        plain(
            "2",
            "CREATE INDEX CONCURRENTLY users_b ON users (b)",
            Some("ALTER TABLE users ADD COLUMN c int; DROP INDEX CONCURRENTLY users_b"),
            POSTGRES,
        ),
        plain("3", "CREATE INDEX users_id ON users (id)", Some("DROP INDEX users_id"), POSTGRES),
    ];
    let rehearsal = bench.rehearse(&pending).await;
    let run = &rehearsal.migrations[0].statements[1];
    assert_eq!(run.seen, Seen::Some);
    assert!(run.locks.contains(&held("public.users", LockMode::ShareUpdateExclusive)), "{run}");
    assert_eq!(rehearsal.migrations[0].down, Down::Restores);
    // What it left behind is gone for the next: that one is tried on a new copy.
    assert!(
        matches!(rehearsal.migrations[1].down, Down::Irreversible { why: Why::Differs, .. }),
        "{rehearsal}"
    );
    assert_eq!(rehearsal.migrations[2].down, Down::Restores);
    assert!(rehearsal.passed());
}

#[tokio::test]
async fn data_alone_and_whole_files_are_told_apart() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE TABLE users (id int PRIMARY KEY, a int, b int, c int); INSERT INTO users SELECT g, g FROM generate_series(1, 5) g").await;
    let backfill = Part::Backfill(Backfill {
        table: "users".to_owned(),
        key: vec!["id".to_owned()],
        batch: 10,
        gate: Gate::Contract,
        statement: statements("UPDATE users SET d = a WHERE d IS NULL", POSTGRES).remove(0),
    });
    let expand = |text| Part::Expand { statements: statements(text, POSTGRES) };
    let contract = |text| Part::Contract { statements: statements(text, POSTGRES) };
    let mut own = phased(
        "4",
        vec![
            expand("ALTER TABLE users ADD COLUMN d int"),
            backfill,
            contract("ALTER TABLE users DROP COLUMN a"),
        ],
        Some("ALTER TABLE users DROP COLUMN d"),
        POSTGRES,
    );
    own.checks =
        statements("SELECT id FROM users WHERE d IS NULL; SELECT id FROM users WHERE d > 3", POSTGRES);
    let pending = [
        plain("1", "UPDATE users SET b = 1", Some(""), POSTGRES),
        plain("2", "UPDATE users SET b = 2", None, POSTGRES),
        // As a plain file that was taken apart: its down side takes back both parts.
        phased(
            "3",
            vec![expand("ALTER TABLE users ADD COLUMN e int"), contract("ALTER TABLE users DROP COLUMN b")],
            Some("ALTER TABLE users ADD COLUMN b int; ALTER TABLE users DROP COLUMN e"),
            POSTGRES,
        ),
        own,
        phased("5", vec![contract("ALTER TABLE users DROP COLUMN c")], Some("-- gone"), POSTGRES),
        phased("6", vec![contract("DELETE FROM users WHERE id = 5")], None, POSTGRES),
    ];
    let rehearsal = bench.rehearse(&pending).await;
    let downs: Vec<&Down> = rehearsal.migrations.iter().map(|migration| &migration.down).collect();
    assert!(
        matches!(
            downs[..],
            [
                Down::DataOnly,
                Down::DataOnly,
                Down::RestoresWhole,
                Down::Restores,
                Down::Irreversible { why: Why::Empty, .. },
                Down::DataOnly
            ]
        ),
        "{rehearsal}"
    );
    let phases: Vec<(Phase, u64)> =
        rehearsal.migrations[3].statements.iter().map(|run| (run.phase, run.rows)).collect();
    assert_eq!(phases, [(Phase::Expand, 0), (Phase::Backfill, 5), (Phase::Contract, 0)]);
    let checks = &rehearsal.migrations[3].checks;
    assert_eq!(checks.len(), 1, "{rehearsal}");
    assert_eq!(checks[0].found, "2 rows");
}

#[tokio::test]
async fn one_that_fails_ends_it_and_what_reaches_out_is_not_run() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    let pending = [
        plain(
            "1",
            "CREATE ROLE of_a_rehearsal; CREATE TABLE a (id int)",
            Some("DROP TABLE a; DROP ROLE of_a_rehearsal"),
            POSTGRES,
        ),
        plain("2", "CREATE TABLE b (id int);\n\nGRANT SELECT ON b TO of_a_rehearsal", None, POSTGRES),
        plain("3", "CREATE TABLE c (id int)", None, POSTGRES),
    ];
    let rehearsal = bench.rehearse(&pending).await;
    assert!(rehearsal.migrations[0].statements[0].left_out.is_some());
    assert!(matches!(rehearsal.migrations[0].down, Down::NotTried { .. }));
    let failure = rehearsal.migrations[1].failed.as_ref().unwrap();
    assert_eq!((failure.statement.line, failure.incomplete), (3, true));
    assert_eq!(rehearsal.not_tried, [pending[2].version.clone()]);
    assert!(!rehearsal.passed());
    assert_eq!(server.ask("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'of_a_rehearsal'"), "0");
}

#[tokio::test]
async fn the_real_database_is_read_and_nothing_else() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE TABLE users (id int, a int); INSERT INTO users VALUES (1, 1); CREATE SCHEMA bascule; CREATE TABLE bascule.migration (a int)").await;
    let mut live = bench.connect().await;
    let before = snapshot(&mut live, &Filter::ours()).await.unwrap();
    // Whoever wanted more than to read would wait for this lock, and the rehearsal not end.
    live.run("BEGIN; LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE; LOCK TABLE bascule.migration IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
    let up = "DROP TABLE users; CREATE TABLE other (id int)";
    let rehearsal = bench.rehearse(&[plain("1", up, Some("DROP TABLE other"), POSTGRES)]).await;
    assert_eq!(rehearsal.copy.how, How::Dump, "somebody is connected");
    assert!(rehearsal.copy.differences.is_empty());
    live.run("COMMIT").await.unwrap();
    assert_eq!(snapshot(&mut live, &Filter::ours()).await.unwrap(), before);
    assert_eq!(live.value("SELECT count(*) FROM users").await.unwrap().as_deref(), Some("1"));
    live.close().await;
    assert_eq!(server.ask("postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'bascule_shadow%' AND datname NOT IN (SELECT datname FROM pg_stat_activity WHERE datname IS NOT NULL)"), "0");
}

#[tokio::test]
async fn a_large_database_is_copied_without_its_rows() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench.given("CREATE TABLE users (id int); INSERT INTO users VALUES (1)").await;
    let up = "UPDATE users SET id = 2; CREATE TABLE new (id int); INSERT INTO new VALUES (1);\n\
              INSERT INTO new SELECT id FROM users; ALTER TABLE new ALTER id SET NOT NULL;\n\
              ALTER TABLE users ALTER id SET NOT NULL";
    let mut pending = [plain("1", up, None, POSTGRES)];
    // It holds, but not on a copy without rows.
    pending[0].checks = statements("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users)", POSTGRES);
    let rehearsal =
        rehearse(&bascule_migrate::rehearse::Request { rows_up_to: 0, ..bench.request(&pending) })
            .await
            .unwrap();
    assert_eq!((rehearsal.copy.rows, rehearsal.copy.how), (Rows::None, How::Dump));
    assert_eq!(rehearsal.migrations[0].statements[0].rows, 0);
    assert!(rehearsal.passed(), "{rehearsal}");
    let untold: Vec<&str> = rehearsal.untold.iter().map(|one| one.statement.text.as_str()).collect();
    assert_eq!(
        untold,
        [
            "UPDATE users SET id = 2",
            "INSERT INTO new SELECT id FROM users",
            "ALTER TABLE users ALTER id SET NOT NULL",
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users)",
        ]
    );
    let text = rehearsal.to_string();
    assert!(text.contains("MiB and up to 0 are copied") && text.contains("times say nothing"), "{text}");
    assert!(text.contains("not told without rows: 1 line 3: ALTER TABLE users"), "{text}");
    let all = bench.rehearse(&pending).await;
    assert!(all.passed() && all.untold.is_empty(), "{all}");
}

#[tokio::test]
async fn for_a_new_database_each_file_is_run_as_a_whole() {
    let Some(server) = Postgres::shared() else { return };
    let bench = Bench::of(&server.fresh());
    let expand = |text| Part::Expand { statements: statements(text, POSTGRES) };
    let contract = |text| Part::Contract { statements: statements(text, POSTGRES) };
    // The second counts on what the first has dropped.
    let pending = [
        phased(
            "1",
            vec![expand("CREATE TABLE a (id int, x int)"), contract("ALTER TABLE a DROP COLUMN x")],
            Some("DROP TABLE a"),
            POSTGRES,
        ),
        plain("2", "ALTER TABLE a ADD COLUMN x text", Some("ALTER TABLE a DROP COLUMN x"), POSTGRES),
    ];
    let request = bascule_migrate::rehearse::Request { order: Order::Files, ..bench.request(&pending) };
    let rehearsal = rehearse(&request).await.unwrap();
    assert!(rehearsal.passed(), "{rehearsal}");
    assert!(rehearsal.migrations.iter().all(|migration| migration.down == Down::Restores), "{rehearsal}");
    assert_eq!(rehearsal.copy.how, How::Template, "nobody is connected");
    let phased = rehearse(&bench.request(&pending)).await.unwrap();
    assert!(phased.migrations[1].failed.is_some());
}
