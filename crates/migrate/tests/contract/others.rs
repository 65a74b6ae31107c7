//! Things without rows: their definition brings them back.

use bascule_migrate::contract::{self, Kind};
use bascule_sql::Dialect;

use crate::support::{Database, number, policy, shop, soften, version};

#[tokio::test]
async fn indexes_constraints_views_functions_and_triggers_come_back_from_their_definitions() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        let (make, drop, kinds): (&str, &str, &[Kind]) = match connection.dialect() {
            Dialect::Postgres => (
                "CREATE UNIQUE INDEX nicks ON users (lower(nick)) WHERE nick IS NOT NULL; \
                 ALTER TABLE users ADD CONSTRAINT named CHECK (name <> ''); \
                 CREATE VIEW active AS SELECT id, name AS \"Name\" FROM users; GRANT SELECT ON active TO PUBLIC; \
                 CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2'; \
                 CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; \
                 CREATE TRIGGER note BEFORE UPDATE OF name ON users FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION note()",
                "DROP INDEX nicks; ALTER TABLE users DROP CONSTRAINT named; DROP VIEW active; DROP FUNCTION twice(int); \
                 DROP TRIGGER note ON users; DROP FUNCTION note()",
                &[Kind::Index, Kind::Constraint, Kind::View, Kind::Function, Kind::Trigger, Kind::Function],
            ),
            Dialect::Mysql => (
                "CREATE UNIQUE INDEX nicks ON users (nick(5)); ALTER TABLE users ADD CONSTRAINT named CHECK (name <> ''); \
                 CREATE VIEW active AS SELECT id, name AS `Name` FROM users; \
                 CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2; \
                 CREATE TRIGGER note BEFORE UPDATE ON users FOR EACH ROW SET @noted = NEW.name",
                "DROP INDEX nicks ON users; ALTER TABLE users DROP CONSTRAINT named; DROP VIEW active; DROP FUNCTION twice; \
                 DROP TRIGGER note",
                &[Kind::Index, Kind::Constraint, Kind::View, Kind::Function, Kind::Trigger],
            ),
            Dialect::Sqlite => (
                "CREATE UNIQUE INDEX nicks ON users (nick); CREATE VIEW active AS SELECT id, name AS \"Name\" FROM users; \
                 CREATE TRIGGER note AFTER UPDATE ON users BEGIN UPDATE teams SET title = title; END",
                "DROP INDEX nicks; DROP VIEW active; DROP TRIGGER note",
                &[Kind::Index, Kind::View, Kind::Trigger],
            ),
        };
        connection.run(make).await.unwrap();
        let gone = soften(&mut connection, drop).await.unwrap();
        assert_eq!(gone.iter().map(|one| one.kind).collect::<Vec<_>>(), kinds);
        assert!(gone.iter().all(|one| one.hard.is_empty() && one.renamed.is_none()));
        connection.run("SELECT * FROM active").await.unwrap_err();
        connection.run("UPDATE users SET nick = 'same'").await.unwrap();
        connection.run("UPDATE users SET nick = CASE id WHEN 1 THEN 'a' END").await.unwrap();
        contract::undo_all(&mut connection, &version(), &policy()).await.unwrap();
        assert_eq!(number(&mut connection, "SELECT count(*) FROM active").await, 2);
        connection.run("UPDATE users SET nick = 'same'").await.unwrap_err();
        // Once more everything goes, and comes back: it is as it was.
        soften(&mut connection, drop).await.unwrap();
        contract::undo_all(&mut connection, &version(), &policy()).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_that_goes_concurrently_goes_outside_of_the_transaction() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = shop(&database).await;
    connection.run("CREATE INDEX nicks ON users (nick)").await.unwrap();
    let gone = soften(&mut connection, "ALTER TABLE users DROP COLUMN email; DROP INDEX CONCURRENTLY nicks")
        .await
        .unwrap();
    assert_eq!(gone.len(), 2);
    contract::undo_all(&mut connection, &version(), &policy()).await.unwrap();
    connection.run("DROP INDEX nicks").await.unwrap();
}

#[tokio::test]
async fn a_type_stays_until_the_hard_part() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = database.open().await;
    connection.run("CREATE TYPE mood AS ENUM ('good', 'bad')").await.unwrap();
    let gone = soften(&mut connection, "DROP TYPE mood").await.unwrap();
    connection.run("SELECT 'good'::mood").await.unwrap();
    let words = contract::point_of_no_return(&[], &gone).unwrap();
    assert_eq!(words, "type mood goes for good: from there on, only a restore of a backup brings it back");
    contract::drop_hard(&mut connection, &gone[0].id, Some(&crate::support::backup()), &policy())
        .await
        .unwrap();
    connection.run("SELECT 'good'::mood").await.unwrap_err();
}
