//! MariaDB: no transaction takes a change of the schema back, so that a wrong down side costs a new copy.

use bascule_database_servers::MariaDb;
use bascule_migrate::rehearse::{Down, RehearseError, rehearse};
use bascule_migrate::schema::{Filter, snapshot};
use bascule_sql::Dialect;

use crate::support::{Bench, Case, all_right, all_wrong, plain};

const fn case(name: &'static str, given: &'static str, up: &'static str, down: &'static str) -> Case {
    Case { name, given, up, down }
}

const WRONG: [Case; 10] = [
    case("table stays", "", "CREATE TABLE w1 (id int)", "DO 1"),
    case(
        "index goes with its column",
        "CREATE TABLE w2 (id int, a int, KEY w2_a (a))",
        "ALTER TABLE w2 DROP a",
        "ALTER TABLE w2 ADD a int",
    ),
    case(
        "not null",
        "CREATE TABLE w3 (a int NOT NULL)",
        "ALTER TABLE w3 MODIFY a int",
        "ALTER TABLE w3 MODIFY a bigint NOT NULL",
    ),
    case(
        "default",
        "CREATE TABLE w4 (a int DEFAULT 7)",
        "ALTER TABLE w4 ALTER a SET DEFAULT 8",
        "ALTER TABLE w4 ALTER a DROP DEFAULT",
    ),
    case(
        "comment",
        "CREATE TABLE w5 (a int COMMENT 'why')",
        "ALTER TABLE w5 MODIFY a bigint COMMENT 'why'",
        "ALTER TABLE w5 MODIFY a int",
    ),
    case(
        "trigger goes with the table",
        "CREATE TABLE w6 (a int); CREATE TRIGGER w6_t BEFORE INSERT ON w6 FOR EACH ROW SET NEW.a = 1",
        "DROP TABLE w6",
        "CREATE TABLE w6 (a int)",
    ),
    case(
        "view",
        "CREATE TABLE w7 (a int); CREATE VIEW w7_v AS SELECT a FROM w7",
        "DROP VIEW w7_v",
        "CREATE VIEW w7_v AS SELECT a + 1 AS a FROM w7",
    ),
    case(
        "procedure",
        "CREATE PROCEDURE w8() SELECT 1",
        "DROP PROCEDURE w8",
        "CREATE PROCEDURE w8() SELECT 2",
    ),
    case(
        "labels of an enum",
        "CREATE TABLE w9 (a enum('a', 'b'))",
        "ALTER TABLE w9 MODIFY a enum('a', 'b', 'c')",
        "ALTER TABLE w9 MODIFY a enum('b', 'a')",
    ),
    case(
        "foreign key without its cascade",
        "CREATE TABLE w10 (id int PRIMARY KEY); CREATE TABLE w10_b (id int, CONSTRAINT w10_f FOREIGN KEY (id) REFERENCES w10 (id) ON DELETE CASCADE)",
        "ALTER TABLE w10_b DROP FOREIGN KEY w10_f",
        "ALTER TABLE w10_b ADD CONSTRAINT w10_f FOREIGN KEY (id) REFERENCES w10 (id)",
    ),
];

const RIGHT: [Case; 9] = [
    case("table", "", "CREATE TABLE r1 (id int AUTO_INCREMENT PRIMARY KEY)", "DROP TABLE r1"),
    case(
        "column in another place",
        "CREATE TABLE r2 (a int, b int)",
        "ALTER TABLE r2 DROP a",
        "ALTER TABLE r2 ADD a int",
    ),
    case("index", "CREATE TABLE r3 (a int)", "CREATE INDEX r3_a ON r3 (a)", "DROP INDEX r3_a ON r3"),
    case(
        "rows and counter",
        "CREATE TABLE r4 (id int AUTO_INCREMENT PRIMARY KEY, a int)",
        "ALTER TABLE r4 ADD b int; INSERT INTO r4 (a) VALUES (1), (2)",
        "ALTER TABLE r4 DROP b",
    ),
    case("view", "CREATE TABLE r5 (a int)", "CREATE VIEW r5_v AS SELECT a FROM r5", "DROP VIEW r5_v"),
    case(
        "trigger",
        "CREATE TABLE r6 (a int)",
        "CREATE TRIGGER r6_t BEFORE INSERT ON r6 FOR EACH ROW SET NEW.a = 1",
        "DROP TRIGGER r6_t",
    ),
    case("function", "", "CREATE FUNCTION r7() RETURNS int DETERMINISTIC RETURN 1", "DROP FUNCTION r7"),
    case(
        "foreign key",
        "CREATE TABLE r8 (id int PRIMARY KEY); CREATE TABLE r8_b (id int, KEY k (id))",
        "ALTER TABLE r8_b ADD CONSTRAINT r8_f FOREIGN KEY (id) REFERENCES r8 (id)",
        "ALTER TABLE r8_b DROP FOREIGN KEY r8_f",
    ),
    case("type", "CREATE TABLE r9 (a int)", "ALTER TABLE r9 MODIFY a bigint", "ALTER TABLE r9 MODIFY a int"),
];

#[tokio::test]
async fn every_wrong_down_side_is_found() {
    let Some(server) = MariaDb::shared() else { return };
    let bench = Bench::of(&server.fresh());
    all_wrong(bench.cases(&WRONG).await);
}

#[tokio::test]
async fn no_right_down_side_is_flagged() {
    let Some(server) = MariaDb::shared() else { return };
    let bench = Bench::of(&server.fresh());
    all_right(bench.cases(&RIGHT).await);
}

#[tokio::test]
async fn nothing_leads_out_of_the_copy() {
    let Some(server) = MariaDb::shared() else { return };
    let database = server.database();
    let bench = Bench::of(&server.address(&database));
    bench.given("CREATE TABLE users (id int PRIMARY KEY, a int); INSERT INTO users VALUES (1, 1); CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM users").await;
    let mut live = bench.connect().await;
    let before = snapshot(&mut live, &Filter::ours()).await.unwrap();
    let update = format!("UPDATE `{database}`.users SET a = 2");
    let pending = [
        plain("1", &update, None, Dialect::Mysql),
        plain(
            "2",
            "ALTER TABLE users MODIFY a bigint",
            Some("ALTER TABLE users MODIFY a int"),
            Dialect::Mysql,
        ),
    ];
    let rehearsal = bench.rehearse(&pending).await;
    assert!(rehearsal.copy.differences.is_empty(), "{rehearsal}");
    assert!(rehearsal.migrations[0].statements[0].left_out.is_some());
    assert!(matches!(rehearsal.migrations[0].down, Down::NotTried { .. }));
    assert_eq!(rehearsal.migrations[1].statements[0].rewrites, ["users"]);
    assert_eq!(live.value("SELECT a FROM users").await.unwrap().as_deref(), Some("1"));
    assert_eq!(snapshot(&mut live, &Filter::ours()).await.unwrap(), before);

    live.run(&format!("CREATE TRIGGER t AFTER DELETE ON users FOR EACH ROW INSERT INTO {database}.users VALUES (OLD.id + 1, 1)")).await.unwrap();
    let refused = rehearse(&bench.request(&pending)).await;
    assert!(
        matches!(&refused, Err(RehearseError::ReachesOut { what }) if what == "the trigger t"),
        "{refused:?}"
    );
    live.close().await;
}
