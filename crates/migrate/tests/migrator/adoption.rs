//! Other tools' tables are taken over, and written back.

use crate::support::database::Database;
use crate::support::{open, version};
use bascule_migrate::{Error, Goal, Phases, StepPhase, Wish};
use bascule_migrations::{File, FormatWish, MigrationSet, read};
use bascule_sql::Dialect;

fn dbmate(dialect: Dialect) -> MigrationSet {
    let file = |version: &str, table: &str| {
        let text = format!(
            "-- migrate:up\nCREATE TABLE {table} (id int);\n\n-- migrate:down\nDROP TABLE {table};\n"
        );
        File { path: format!("{version}_{table}.sql"), bytes: text.into_bytes() }
    };
    let files =
        [file("20260101000000", "one"), file("20260102000000", "two"), file("20260103000000", "three")];
    read(&files, FormatWish::Auto, dialect).unwrap()
}

#[tokio::test]
async fn a_project_comes_from_its_tool_and_goes_back() {
    for database in [Database::postgres(), Database::maria(), Some(Database::sqlite())].into_iter().flatten()
    {
        let set = dbmate(database.dialect());
        let mut migrator = open(&database.address).await;
        let Err(Error::Adoption(_)) = migrator.adopt(&set).await else { panic!() };
        // As the tool left it.
        database
            .run(
                "CREATE TABLE one (id int); CREATE TABLE two (id int); \
                 CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); \
                 INSERT INTO schema_migrations VALUES ('20260101000000'), ('20260102000000')",
            )
            .await;
        let taken = migrator.adopt(&set).await.unwrap();
        assert_eq!(taken, [version("20260101000000"), version("20260102000000")]);
        assert!(migrator.adopt(&set).await.unwrap().is_empty());
        let outcome = migrator.up(&set.migrations, &Wish::new(Phases::Expand)).await.unwrap();
        assert_eq!(outcome.versions(StepPhase::Expand), [version("20260103000000")]);
        // What was adopted has a way back as well: its file said so.
        migrator.down(&Goal::These { versions: vec![version("20260102000000")] }).await.unwrap();

        let written = migrator.hand_back(&set).await.unwrap();
        assert_eq!(written, [version("20260103000000")]);
        let rows = database.ask("SELECT version FROM schema_migrations ORDER BY version").await;
        assert_eq!(rows, "20260101000000\n20260103000000");
        assert!(migrator.hand_back(&set).await.unwrap().is_empty());
    }
}
