//! What is special with SQLite.

use crate::support::database::Database;
use crate::support::{migration, open, settings, version};
use bascule_migrate::{Error, Goal, Migrator, Phases, StepPhase, Wish};
use bascule_sql::Dialect;

const SQLITE: Dialect = Dialect::Sqlite;

#[tokio::test]
async fn what_is_pending_is_applied_once_and_taken_back() {
    let database = Database::sqlite();
    let mut migrator = open(&database.address).await;
    let set = [
        migration(
            SQLITE,
            "1",
            "CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1)",
            Some("DROP TABLE a"),
        ),
        migration(SQLITE, "2", "ALTER TABLE a ADD COLUMN b TEXT", Some("ALTER TABLE a DROP COLUMN b")),
    ];
    let plan = migrator.plan(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(plan.versions.len(), 2);
    let outcome = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(outcome.versions(StepPhase::Expand), [version("1"), version("2")]);
    let plan = migrator.plan(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert!(plan.versions.is_empty());
    assert!(migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap().applied.is_empty());
    migrator.down(&Goal::Last { count: 1 }).await.unwrap();
    assert_eq!(database.ask("SELECT * FROM a").await, "1");
    assert_eq!(migrator.history().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_table_that_is_made_anew_keeps_the_rows_of_those_that_refer_to_it() {
    let database = Database::sqlite();
    let mut migrator = open(&database.address).await;
    let rebuild = "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '');\n\
                   INSERT INTO parent_new (id) SELECT id FROM parent;\nDROP TABLE parent;\n\
                   ALTER TABLE parent_new RENAME TO parent";
    let own = format!(
        "PRAGMA foreign_keys = OFF;\nBEGIN TRANSACTION;\n{};\nCOMMIT;\nPRAGMA foreign_keys = ON;",
        rebuild.replace("''", "'x'")
    );
    let set = [
        migration(
            SQLITE,
            "1",
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n\
             CREATE TABLE child (p INTEGER REFERENCES parent (id) ON DELETE CASCADE);\n\
             INSERT INTO child VALUES (1); INSERT INTO parent VALUES (1)",
            None,
        ),
        migration(SQLITE, "2", rebuild, None),
        migration(SQLITE, "3", &own, None),
    ];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(database.ask("SELECT p, name FROM child JOIN parent ON id = p").await, "1|x");
    // What would break the reference is found before it is committed.
    let broken = rebuild.replace("SELECT id FROM parent", "SELECT id + 1 FROM parent");
    let set = [set.to_vec(), vec![migration(SQLITE, "4", &broken, None)]].concat();
    let error = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap_err();
    let Error::Check { rows, .. } = &error else { panic!("{error:?}") };
    assert_eq!(rows, &["child (rowid 1) refers to a row of parent that is not there"]);
    assert_eq!(database.ask("SELECT id, name FROM parent").await, "1|x");
    assert_eq!(migrator.connection().value("PRAGMA foreign_keys").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn what_cannot_stand_in_a_transaction_stands_alone() {
    let database = Database::sqlite();
    let mut migrator = open(&database.address).await;
    let set = [migration(SQLITE, "1", "PRAGMA journal_mode = WAL;\nCREATE TABLE a (id int);\nVACUUM", None)];
    migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    assert_eq!(database.ask("PRAGMA journal_mode").await, "wal");
    assert!(migrator.status(&set).await.unwrap().clean());
}

#[tokio::test]
async fn what_speaks_against_a_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let set = [migration(SQLITE, "1", "CREATE TABLE a (id int)", None)];
    let missing = format!("sqlite:{}/no/such/folder.db", folder.path().display());
    let error = Migrator::open(settings(&missing)).await.err().unwrap();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");

    let path = folder.path().join("text.db");
    std::fs::write(&path, "this is no database, but long enough to be taken for one ".repeat(20)).unwrap();
    let address = format!("sqlite:{}", path.display());
    let error = match Migrator::open(settings(&address)).await {
        Ok(mut migrator) => migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(error.server().unwrap().message.contains("not a database"), "{error:?}");

    let path = folder.path().join("a.db");
    let address = format!("sqlite:{}", path.display());
    open(&address).await.up(&set, &Wish::new(Phases::Expand)).await.unwrap();
    let set = [set[0].clone(), migration(SQLITE, "2", "CREATE TABLE b (id int)", None)];
    let mut migrator = open(&format!("{address}?mode=ro")).await;
    assert!(!migrator.status(&set).await.unwrap().clean());
    let error = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn a_full_disk_leaves_nothing() {
    let database = Database::sqlite();
    let mut migrator = open(&database.address).await;
    let fill = "CREATE TABLE a (t TEXT);\nPRAGMA max_page_count = 60;\n\
                INSERT INTO a WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < 1000) \
                SELECT hex(zeroblob(500)) FROM n";
    let set = [migration(SQLITE, "1", fill, None)];
    let error = migrator.up(&set, &Wish::new(Phases::Expand)).await.unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
    assert_eq!(database.ask("SELECT count(*) FROM bascule_migration").await, "0");
    assert_eq!(database.ask("SELECT count(*) FROM sqlite_master WHERE name = 'a'").await, "0");
}
