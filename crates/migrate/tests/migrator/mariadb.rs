//! What is special with MariaDB and MySQL.

use crate::support::{migration, open, settings, version};
use bascule_database_servers::MariaDb;
use bascule_migrate::{Choice, Error, Goal, Migrator, Phases, Standing, StepPhase, Wish};
use bascule_sql::Dialect;

const MYSQL: Dialect = Dialect::Mysql;

#[tokio::test]
async fn what_is_pending_is_applied_once_and_taken_back() {
    let Some(server) = MariaDb::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let trigger = "DELIMITER //\nCREATE TRIGGER a_b BEFORE INSERT ON a FOR EACH ROW BEGIN\n  SET NEW.b = 'x; y';\nEND //\nDELIMITER ;";
    let set = [
        migration(
            MYSQL,
            "1",
            "CREATE TABLE a (id int PRIMARY KEY, b text); -- it's\nINSERT INTO a VALUES (1, '\\\\');",
            Some("DROP TABLE a"),
        ),
        migration(
            MYSQL,
            "2",
            "# a remark\nALTER TABLE a ADD COLUMN c int DEFAULT 7",
            Some("ALTER TABLE a DROP COLUMN c"),
        ),
        migration(MYSQL, "3", trigger, Some("DROP TRIGGER a_b")),
    ];
    let plan = migrator.plan(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(plan.versions.len(), 3);
    let outcome = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(outcome.versions(StepPhase::Expand).len(), 3);
    server.run(&database, "INSERT INTO a (id) VALUES (2)");
    assert_eq!(server.ask(&database, "SELECT id, b, c FROM a ORDER BY id"), "1\t\\\\\t7\n2\tx; y\t7");
    assert!(migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap().applied.is_empty());
    assert_eq!(migrator.details(&[version("1")]).await.unwrap()[0].up, set[0].up);
    migrator.down(&Goal::Nothing).await.unwrap();
    assert_eq!(server.ask(&database, "SHOW TABLES LIKE 'a'"), "");
    assert_eq!(migrator.history().await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_file_that_fails_goes_on_where_it_stopped() {
    let Some(server) = MariaDb::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let text = |last: &str| format!("CREATE TABLE a (id int);\nCREATE INDEX a_id ON a (id);\n{last}");
    let broken = [migration(MYSQL, "1", &text("ALTER TABLE a ADD COLUMN b inte"), None)];
    let error = migrator.up(&broken, &Wish::new(Phases::Expand)).await.unwrap_err();
    let Error::Statement(failed) = error else { panic!("{error:?}") };
    assert_eq!(failed.line, 3);
    assert!(failed.left.contains("goes on there"), "{}", failed.left);
    assert_eq!(migrator.status(&broken).await.unwrap().lines[0].standing, Standing::Applying);
    let ailments = migrator.ailments(&broken).await.unwrap();
    assert!(ailments[0].journal.starts_with("expand, statement 3 is failed"), "{ailments:?}");
    let corrected = [migration(MYSQL, "1", &text("ALTER TABLE a ADD COLUMN b int"), None)];
    migrator.up(&corrected, &Wish::new(Phases::Expand)).await.unwrap();
    assert!(migrator.status(&corrected).await.unwrap().clean());
}

#[tokio::test]
async fn what_is_applied_of_a_file_that_failed_is_taken_back() {
    let Some(server) = MariaDb::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let text = "CREATE TABLE a (id int);\nALTER TABLE a ADD COLUMN b int;\nCREATE INDEX k ON a (b);\nALTER TABLE nothing ADD c int";
    let set = [migration(MYSQL, "1", text, Some("DROP TABLE nothing; DROP TABLE a"))];
    let Err(Error::Statement(_)) = migrator.up(&set, &Wish::new(Phases::Expand)).await else { panic!() };
    let plan = migrator.plan_down(&Goal::Nothing).await.unwrap();
    let down: Vec<&str> = plan[0].down.iter().flatten().map(|statement| statement.text.as_str()).collect();
    assert_eq!(down, ["DROP INDEX `k` ON a", "ALTER TABLE a DROP COLUMN `b`", "DROP TABLE a"]);
    migrator.down(&Goal::Nothing).await.unwrap();
    assert_eq!(server.ask(&database, "SHOW TABLES LIKE 'a'"), "");
    assert_eq!(migrator.status(&set).await.unwrap().lines[0].standing, Standing::Reverted);
    // Of a statement that changed rows that cannot be told.
    let text = "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nALTER TABLE nothing ADD c int";
    let set = [migration(MYSQL, "1", text, Some("DROP TABLE a"))];
    let Err(Error::Statement(_)) = migrator.up(&set, &Wish::new(Phases::Expand)).await else { panic!() };
    let Err(Error::Irreversible { .. }) = migrator.down(&Goal::Nothing).await else { panic!() };
}

#[tokio::test]
async fn what_nobody_can_tell_is_left_to_a_person() {
    let Some(server) = MariaDb::shared() else { return };
    let database = server.database();
    let mut migrator = open(&server.address(&database)).await;
    let text =
        "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nTRUNCATE TABLE a;\nINSERT INTO a VALUES (2)";
    let set = [migration(MYSQL, "1", text, None)];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    // As a crash at the third statement leaves it.
    server.run(
        &database,
        "DELETE FROM bascule_step WHERE number = 3; UPDATE bascule_step SET state = 'running' WHERE number = 2; \
         UPDATE bascule_migration SET state = 'applying'",
    );
    let error = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap_err();
    let Error::Unclear(list) = &error else { panic!("{error:?}") };
    assert_eq!((list[0].number, list[0].line), (2, 3));
    let ailments = migrator.ailments(&set).await.unwrap();
    let [done, again] = ailments[0].choices.as_slice() else { panic!("{ailments:?}") };
    assert!(matches!((done, again), (Choice::MarkDone { .. }, Choice::RunAgain { .. })));
    migrator.repair(std::slice::from_ref(done)).await.unwrap();
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(server.ask(&database, "SELECT id FROM a"), "2\n2");
}

#[tokio::test]
async fn what_speaks_against_a_connection_is_said() {
    let Some(server) = MariaDb::start(&[]) else { return };
    let database = server.database();
    server.run(
        &database,
        "CREATE USER ann@'127.0.0.1' IDENTIFIED BY 'right'; GRANT SELECT ON *.* TO ann@'127.0.0.1'; \
         CREATE USER bob@'127.0.0.1' IDENTIFIED BY 'right'; GRANT ALL ON *.* TO bob@'127.0.0.1'; \
         REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM bob@'127.0.0.1'",
    );
    let set = [migration(MYSQL, "1", "CREATE TABLE a (id int)", None)];
    let refused = async |address: String| match Migrator::open(settings(&address)).await {
        Ok(mut migrator) => migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap_err(),
        Err(error) => error,
    };
    let error = refused(server.address_over_tcp("ann", "wrong", &database)).await;
    assert!(matches!(error, Error::Credentials { .. }), "{error:?}");
    let error = refused(server.address("nothing_there")).await;
    assert!(matches!(error, Error::NoDatabase { .. }), "{error:?}");
    let error = refused(server.address_over_tcp("ann", "right", &database)).await;
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    server.run(&database, "SET GLOBAL read_only = 1");
    let error = refused(server.address_over_tcp("bob", "right", &database)).await;
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
}
