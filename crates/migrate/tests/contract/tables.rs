//! Tables.

use bascule_migrate::contract;

use crate::support::{Database, number, policy, shop, soften};

#[tokio::test]
async fn a_table_goes_softly_holds_nobody_up_and_comes_back_with_its_rows() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        connection.run("CREATE INDEX users_name ON users (name)").await.unwrap();
        let gone = soften(&mut connection, "DROP TABLE users").await.unwrap();
        assert_eq!(gone[0].words(), "table users");
        connection.run("SELECT * FROM users").await.unwrap_err();
        // Its rows refer to this one no more.
        connection.run("DELETE FROM teams WHERE id = 2").await.unwrap();
        connection.run("INSERT INTO teams VALUES (2, 'green')").await.unwrap();
        contract::undo(&mut connection, &gone[0].id, &policy()).await.unwrap();
        assert_eq!(
            number(&mut connection, "SELECT count(*) FROM users WHERE name IN ('Ann', 'Bob')").await,
            2
        );
        // Its foreign key is back.
        connection.run("INSERT INTO users (id, name, team) VALUES (9, 'No', 99)").await.unwrap_err();
        connection
            .run("DROP INDEX users_name ON users")
            .await
            .or(connection.run("DROP INDEX users_name").await)
            .unwrap();
    }
}

#[tokio::test]
async fn several_tables_in_one_statement_and_a_schema_before_the_name() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = database.open().await;
    connection
        .run("CREATE SCHEMA app; CREATE TABLE app.\"Old\" AS SELECT 1 AS n; CREATE TABLE app.older AS SELECT 2 AS n")
        .await
        .unwrap();
    let gone =
        soften(&mut connection, "DROP TABLE IF EXISTS app.\"Old\", app.older, app.nowhere").await.unwrap();
    assert_eq!(gone.len(), 2);
    contract::undo_all(&mut connection, &crate::support::version(), &policy()).await.unwrap();
    assert_eq!(number(&mut connection, "SELECT o.n + e.n FROM app.\"Old\" o, app.older e").await, 3);
}

#[tokio::test]
async fn without_rows_a_drop_is_a_drop() {
    for database in Database::all() {
        let mut connection = database.open().await;
        connection.run("CREATE TABLE empty (id int PRIMARY KEY, a int, b int)").await.unwrap();
        assert_eq!(soften(&mut connection, "ALTER TABLE empty DROP COLUMN a").await.unwrap(), []);
        assert_eq!(soften(&mut connection, "DROP TABLE empty").await.unwrap(), []);
        connection.run("SELECT 1 FROM empty").await.unwrap_err();
    }
}

#[tokio::test]
async fn a_reader_who_holds_the_table_is_waited_for_and_nothing_is_half_done() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = shop(&database).await;
    let mut reader = database.open().await;
    reader.run("BEGIN; SELECT * FROM users").await.unwrap();
    let error =
        soften(&mut connection, "ALTER TABLE teams ADD COLUMN x int; DROP TABLE users").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the contract is in use: its lock could not be had in 5 attempts; nothing was changed"
    );
    connection.run("SELECT x FROM teams").await.unwrap_err();
    assert_eq!(contract::list(&mut connection).await.unwrap(), []);
    reader.run("COMMIT").await.unwrap();
    soften(&mut connection, "ALTER TABLE teams ADD COLUMN x int; DROP TABLE users").await.unwrap();
}
