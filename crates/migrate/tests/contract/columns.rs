//! Columns.

use bascule_migrate::contract::{self, State};
use bascule_sql::Dialect;

use crate::support::{Database, number, policy, shop, soften};

#[tokio::test]
async fn a_column_goes_softly_inserts_go_on_and_it_comes_back_with_its_values() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        for column in ["name", "email", "nick", "team"] {
            if column == "team" && connection.dialect() == Dialect::Sqlite {
                // SQLite itself drops no column that a foreign key of the table names.
                soften(&mut connection, "ALTER TABLE users DROP COLUMN team").await.unwrap_err();
                assert_eq!(number(&mut connection, "SELECT sum(team) FROM users").await, 3);
                continue;
            }
            let gone =
                soften(&mut connection, &format!("ALTER TABLE users DROP COLUMN {column}")).await.unwrap();
            assert_eq!(gone.len(), 1, "{column}");
            assert_eq!((gone[0].words(), gone[0].rows.is_some()), (format!("column users.{column}"), true));
            assert!(gone[0].renamed.as_deref().unwrap().starts_with(&format!("_gone_{column}_")));
            connection.run(&format!("SELECT {column} FROM users")).await.unwrap_err();
            // What the new release does, which knows nothing of it.
            let others: Vec<_> = [("name", "'Cy'"), ("email", "'cy@x'"), ("nick", "'c'"), ("team", "2")]
                .into_iter()
                .filter(|(name, _)| *name != column)
                .collect();
            let names: Vec<_> = others.iter().map(|(name, _)| *name).collect();
            let values: Vec<_> = others.iter().map(|(_, value)| *value).collect();
            let insert =
                format!("INSERT INTO users (id, {}) VALUES (3, {})", names.join(", "), values.join(", "));
            connection.run(&insert).await.unwrap();
            let back = contract::undo(&mut connection, &gone[0].id, &policy()).await.unwrap();
            assert_eq!(back.state, State::Undone);
            let kept = match column {
                "team" => "SELECT count(*) FROM users WHERE (id = 1 AND team = 1) OR (id = 2 AND team = 2)"
                    .to_owned(),
                "nick" => {
                    "SELECT count(*) FROM users WHERE (id = 1 AND nick = 'a') OR (id = 2 AND nick IS NULL)"
                        .to_owned()
                }
                _ => format!(
                    "SELECT count(*) FROM users WHERE id < 3 AND {column} LIKE '%b%' OR {column} LIKE '%nn%'"
                ),
            };
            assert_eq!(number(&mut connection, &kept).await, 2, "{column} {:?}", connection.dialect());
            connection.run("DELETE FROM users WHERE id = 3").await.unwrap();
            // And once more, and back once more: the same tombstone.
            let again =
                soften(&mut connection, &format!("ALTER TABLE users DROP COLUMN {column}")).await.unwrap();
            assert_eq!(again[0].id, gone[0].id);
            contract::undo(&mut connection, &gone[0].id, &policy()).await.unwrap();
            connection.run(&format!("UPDATE users SET {column} = {column}")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_default_is_not_what_comes_into_a_column_that_went() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = shop(&database).await;
    let gone = soften(&mut connection, "ALTER TABLE users DROP email").await.unwrap();
    connection.run("INSERT INTO users (id, name, team) VALUES (3, 'Cy', 1)").await.unwrap();
    contract::undo(&mut connection, &gone[0].id, &policy()).await.unwrap();
    assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE email IS NULL").await, 1);
    // The former release's inserts have it again.
    connection.run("INSERT INTO users (id, name, team) VALUES (4, 'Di', 1)").await.unwrap();
    assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE email = 'none'").await, 1);
    assert!(gone[0].note.as_deref().unwrap().contains("NOT NULL"));
}

#[tokio::test]
async fn several_columns_in_one_statement_go_each_for_itself() {
    for database in [Database::postgres(), Database::maria()].into_iter().flatten() {
        let mut connection = shop(&database).await;
        let text = "ALTER TABLE users DROP COLUMN nick, ADD COLUMN age int, DROP COLUMN email";
        let gone = soften(&mut connection, text).await.unwrap();
        let words: Vec<_> = gone.iter().map(contract::Tombstone::words).collect();
        assert_eq!(words, ["column users.nick", "column users.email"]);
        connection.run("INSERT INTO users (id, name, team, age) VALUES (3, 'Cy', 1, 40)").await.unwrap();
        let back = contract::undo_all(&mut connection, &crate::support::version(), &policy()).await.unwrap();
        assert_eq!(back.len(), 2);
        connection.run("SELECT nick, email, age FROM users").await.unwrap();
    }
}

#[tokio::test]
async fn a_column_of_the_primary_key_stays() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        let error = soften(&mut connection, "ALTER TABLE teams DROP COLUMN id").await.unwrap_err();
        let message = error.to_string();
        let needed = "column teams.id cannot go: ";
        let primary = "column teams.id is a part of the primary key";
        assert!(message.starts_with(primary) || message.starts_with(needed), "{message}");
    }
}

#[tokio::test]
async fn the_trigger_that_keeps_two_columns_equal_goes_with_the_old_one_and_comes_back_with_it() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        connection.run("ALTER TABLE users ADD COLUMN full_name varchar(40)").await.unwrap();
        let (make, drop) = match connection.dialect() {
            Dialect::Postgres => (
                "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.full_name := NEW.name; RETURN NEW; END $$; \
                 CREATE TRIGGER keep BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION keep()",
                "DROP TRIGGER keep ON users; DROP FUNCTION keep(); ALTER TABLE users DROP COLUMN name",
            ),
            Dialect::Mysql => (
                "CREATE TRIGGER keep BEFORE INSERT ON users FOR EACH ROW SET NEW.full_name = NEW.name",
                "DROP TRIGGER keep; ALTER TABLE users DROP COLUMN name",
            ),
            Dialect::Sqlite => (
                "CREATE TRIGGER keep AFTER INSERT ON users BEGIN UPDATE users SET full_name = NEW.name WHERE id = NEW.id; END",
                "DROP TRIGGER keep; ALTER TABLE users DROP COLUMN name",
            ),
        };
        connection.run(make).await.unwrap();
        // Alone, the column does not go.
        soften(&mut connection, "ALTER TABLE users DROP COLUMN name").await.unwrap_err();
        connection.run("INSERT INTO users (id, name, team) VALUES (3, 'Cy', 1)").await.unwrap();
        soften(&mut connection, drop).await.unwrap();
        connection.run("INSERT INTO users (id, full_name, team) VALUES (4, 'Di', 1)").await.unwrap();
        contract::undo_all(&mut connection, &crate::support::version(), &policy()).await.unwrap();
        connection.run("INSERT INTO users (id, name, team) VALUES (5, 'Ed', 1)").await.unwrap();
        let kept = "SELECT count(*) FROM users WHERE id IN (3, 5) AND name = full_name";
        assert_eq!(number(&mut connection, kept).await, 2, "{:?}", connection.dialect());
    }
}

#[tokio::test]
async fn a_run_that_was_cut_off_is_brought_to_its_end() {
    let Some(database) = Database::maria() else { return };
    let mut connection = shop(&database).await;
    let text = "ALTER TABLE users DROP COLUMN team";
    let gone = soften(&mut connection, text).await.unwrap();
    let kept = gone[0].renamed.clone().unwrap();
    let back = format!("ALTER TABLE users CHANGE COLUMN {kept} team int NULL");
    // Cut off before the last word was written; and before that, behind the first of two statements.
    for step in ["SELECT 1", &back] {
        connection.run(step).await.unwrap();
        connection.run("UPDATE bascule_tombstone SET state = 'begun'").await.unwrap();
        let again = soften(&mut connection, text).await.unwrap();
        assert_eq!((&again[0].id, again[0].state), (&gone[0].id, State::Soft));
        connection.run("SELECT team FROM users").await.unwrap_err();
    }
    // All of it comes back, also what only the first run has seen.
    contract::undo(&mut connection, &gone[0].id, &policy()).await.unwrap();
    connection.run("INSERT INTO users (id, name, team) VALUES (9, 'No', 99)").await.unwrap_err();
    assert_eq!(number(&mut connection, "SELECT sum(team) FROM users").await, 3);
    // And so does one whose undo was cut off.
    soften(&mut connection, text).await.unwrap();
    connection.run(&back).await.unwrap();
    connection.run("UPDATE bascule_tombstone SET state = 'undoing'").await.unwrap();
    contract::undo(&mut connection, &gone[0].id, &policy()).await.unwrap();
    assert_eq!(number(&mut connection, "SELECT sum(team) FROM users").await, 3);
}

#[tokio::test]
async fn what_is_done_of_a_contract_is_not_done_again() {
    for database in [Database::postgres(), Database::maria()].into_iter().flatten() {
        let mut connection = shop(&database).await;
        // The third fails; on MariaDB, and behind an index that is dropped concurrently, the first two stay.
        let second = match connection.dialect() {
            Dialect::Postgres => "DROP INDEX CONCURRENTLY nicks",
            _ => "DROP INDEX nicks ON users",
        };
        connection.run("CREATE INDEX nicks ON users (nick)").await.unwrap();
        let text = format!(
            "ALTER TABLE users ADD COLUMN age int; {second}; ALTER TABLE users RENAME COLUMN nick TO short; \
             ALTER TABLE users DROP COLUMN missing"
        );
        soften(&mut connection, &text).await.unwrap_err();
        connection.run("ALTER TABLE users ADD COLUMN missing int").await.unwrap();
        soften(&mut connection, &text).await.unwrap();
        connection.run("SELECT age, short FROM users").await.unwrap();
        contract::undo_all(&mut connection, &crate::support::version(), &policy()).await.unwrap();
        connection.run("SELECT age, nick, missing FROM users").await.unwrap();
    }
}
