//! SQLite: a file of its own.

use bascule_migrate::rehearse::{Down, How, Outcome, Request, Rows, rehearse};
use bascule_sql::Dialect;

use crate::support::{Bench, Case, all_right, all_wrong, plain, statements};

const fn case(name: &'static str, given: &'static str, up: &'static str, down: &'static str) -> Case {
    Case { name, given, up, down }
}

const WRONG: [Case; 9] = [
    case("table stays", "", "CREATE TABLE w1 (id int)", "SELECT 1"),
    case("index", "CREATE TABLE w2 (a int)", "CREATE INDEX w2_a ON w2 (a)", "SELECT 1"),
    case(
        "not null",
        "CREATE TABLE w3 (id int, a int NOT NULL)",
        "ALTER TABLE w3 DROP COLUMN a",
        "ALTER TABLE w3 ADD COLUMN a int",
    ),
    case(
        "default",
        "CREATE TABLE w4 (id int, a int DEFAULT 7)",
        "ALTER TABLE w4 DROP COLUMN a",
        "ALTER TABLE w4 ADD COLUMN a int DEFAULT 8",
    ),
    case(
        "type",
        "CREATE TABLE w5 (id int, a int)",
        "ALTER TABLE w5 DROP COLUMN a",
        "ALTER TABLE w5 ADD COLUMN a text",
    ),
    case(
        "trigger goes with the table",
        "CREATE TABLE w6 (a int); CREATE TRIGGER w6_t AFTER INSERT ON w6 BEGIN DELETE FROM w6; END",
        "DROP TABLE w6",
        "CREATE TABLE w6 (a int)",
    ),
    case(
        "view",
        "CREATE TABLE w7 (a int); CREATE VIEW w7_v AS SELECT a FROM w7",
        "DROP VIEW w7_v",
        "CREATE VIEW w7_v AS SELECT a + 1 AS a FROM w7",
    ),
    case("strict", "CREATE TABLE w8 (a int) STRICT", "DROP TABLE w8", "CREATE TABLE w8 (a int)"),
    case("fails", "", "CREATE TABLE w9 (a int)", "DROP TABLE w99"),
];

const RIGHT: [Case; 6] = [
    case("table", "", "CREATE TABLE r1 (id int)", "DROP TABLE r1"),
    case(
        "column",
        "CREATE TABLE r2 (id int)",
        "ALTER TABLE r2 ADD COLUMN a int",
        "ALTER TABLE r2 DROP COLUMN a",
    ),
    case(
        "column in another place",
        "CREATE TABLE r3 (a int, b int)",
        "ALTER TABLE r3 DROP COLUMN a",
        "ALTER TABLE r3 ADD COLUMN a int",
    ),
    case(
        "rename",
        "CREATE TABLE r4 (a int)",
        "ALTER TABLE r4 RENAME COLUMN a TO b",
        "ALTER TABLE r4 RENAME COLUMN b TO a",
    ),
    case(
        "rebuilt",
        "CREATE TABLE r5 (id INTEGER PRIMARY KEY, a text)",
        "CREATE TABLE r5_new (id INTEGER PRIMARY KEY, a text NOT NULL); INSERT INTO r5_new SELECT * FROM r5; DROP TABLE r5; ALTER TABLE r5_new RENAME TO r5",
        "CREATE TABLE r5_new (id INTEGER PRIMARY KEY, a text); INSERT INTO r5_new SELECT * FROM r5; DROP TABLE r5; ALTER TABLE r5_new RENAME TO r5",
    ),
    case(
        "trigger",
        "CREATE TABLE r6 (a int)",
        "CREATE TRIGGER r6_t AFTER INSERT ON r6 BEGIN DELETE FROM r6; END",
        "DROP TRIGGER r6_t",
    ),
];

#[tokio::test]
async fn every_wrong_down_side_is_found() {
    all_wrong(Bench::sqlite().cases(&WRONG).await);
}

#[tokio::test]
async fn no_right_down_side_is_flagged() {
    all_right(Bench::sqlite().cases(&RIGHT).await);
}

#[tokio::test]
async fn the_file_stays_as_it_is_and_the_copy_goes() {
    let bench = Bench::sqlite();
    bench.given("CREATE TABLE users (id int, a int); CREATE INDEX i ON users (a); CREATE VIRTUAL TABLE words USING fts5(word); INSERT INTO users VALUES (1, 1)").await;
    let path = bench.address.file().unwrap().to_owned();
    let before = std::fs::read(&path).unwrap();
    let pending =
        [plain("1", "ALTER TABLE users RENAME COLUMN a TO b; UPDATE users SET b = 2", None, Dialect::Sqlite)];
    let live = ["SELECT a FROM users".to_owned()];
    for (rows_up_to, rows, changed) in [(1 << 30, Rows::All, 1), (0, Rows::None, 0)] {
        let request = Request { live: &live, rows_up_to, ..bench.request(&pending) };
        let rehearsal = rehearse(&request).await.unwrap();
        assert_eq!((rehearsal.copy.how, rehearsal.copy.rows), (How::File, rows));
        assert!(rehearsal.copy.differences.is_empty(), "{rehearsal}");
        assert_eq!(rehearsal.migrations[0].statements[1].rows, changed);
        assert!(matches!(rehearsal.smoke[0].outcome, Outcome::Breaks { since: Some(_), .. }));
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(&bench.scratch).unwrap().count(), 0);
}

#[tokio::test]
async fn a_table_that_is_rebuilt_takes_no_rows_of_others_with_it() {
    let bench = Bench::sqlite();
    bench
        .given(
            "CREATE TABLE p (id INTEGER PRIMARY KEY, a text); CREATE TABLE c (p int REFERENCES p ON DELETE CASCADE); \
             INSERT INTO p VALUES (1, 'x'); INSERT INTO c VALUES (1)",
        )
        .await;
    let rebuild = |column: &str| {
        format!(
            "PRAGMA foreign_keys = OFF; CREATE TABLE p_new (id INTEGER PRIMARY KEY, {column}); INSERT INTO p_new SELECT * FROM p; \
             DROP TABLE p; ALTER TABLE p_new RENAME TO p; PRAGMA foreign_keys = ON"
        )
    };
    let mut good = plain("1", &rebuild("a text NOT NULL"), Some(&rebuild("a text")), Dialect::Sqlite);
    good.checks = statements("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM c)", Dialect::Sqlite);
    let bad = plain("2", "DROP TABLE p", None, Dialect::Sqlite);
    let rehearsal = bench.rehearse(&[good, bad]).await;
    assert_eq!(rehearsal.migrations[0].down, Down::Restores, "{rehearsal}");
    assert!(rehearsal.migrations[0].checks.is_empty());
    assert!(rehearsal.migrations[1].failed.is_some(), "rows would refer to nothing: {rehearsal}");
}
