//! What others need does not go.

use crate::support::{Database, number, shop, soften};

#[tokio::test]
async fn a_view_needs_its_table_and_column() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        connection.run("CREATE VIEW named AS SELECT name FROM users").await.unwrap();
        for text in ["DROP TABLE users", "ALTER TABLE users DROP COLUMN name"] {
            let error = soften(&mut connection, text).await.unwrap_err();
            let words = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
            assert!(words.contains("view named") || words.contains("named"), "{words}");
        }
        assert_eq!(number(&mut connection, "SELECT count(*) FROM named").await, 2);
        // Dropped before, in the same contract.
        let gone =
            soften(&mut connection, "DROP VIEW named; ALTER TABLE users DROP COLUMN name").await.unwrap();
        assert_eq!(gone.len(), 2);
        bascule_migrate::contract::undo_all(
            &mut connection,
            &crate::support::version(),
            &crate::support::policy(),
        )
        .await
        .unwrap();
        assert_eq!(number(&mut connection, "SELECT count(*) FROM named WHERE name = 'Ann'").await, 1);
    }
}

#[tokio::test]
async fn a_foreign_key_needs_its_table() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        let error = soften(&mut connection, "DROP TABLE teams").await.unwrap_err();
        assert!(error.to_string().starts_with("table teams cannot go: "), "{error}");
        assert!(error.to_string().contains("users"), "{error}");
    }
}

#[tokio::test]
async fn with_cascade_those_of_others_go_with_it_and_come_back() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = shop(&database).await;
    connection.run("CREATE VIEW named AS SELECT title FROM teams").await.unwrap();
    let gone = soften(&mut connection, "DROP TABLE teams CASCADE").await.unwrap();
    connection.run("INSERT INTO users (id, name, team) VALUES (3, 'Cy', 99)").await.unwrap();
    assert_eq!(number(&mut connection, "SELECT count(*) FROM named").await, 2);
    bascule_migrate::contract::undo(&mut connection, &gone[0].id, &crate::support::policy()).await.unwrap();
    connection.run("INSERT INTO users (id, name, team) VALUES (4, 'Di', 98)").await.unwrap_err();
}

#[tokio::test]
async fn a_trigger_that_speaks_of_the_column_needs_it() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = shop(&database).await;
    connection
        .run(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', NEW.name; RETURN NEW; END $$; \
             CREATE TRIGGER note AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .await
        .unwrap();
    let error = soften(&mut connection, "ALTER TABLE users DROP COLUMN name").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "column users.name cannot go: trigger note still needs it; drop that first, in the same contract"
    );
    soften(&mut connection, "ALTER TABLE users DROP COLUMN nick").await.unwrap();
}
