//! From the first row to the last.

use std::time::Duration;

use bascule_migrate::backfill::{self, Report, State};
use bascule_sql::Dialect;

use crate::support::{Database, done, go_on, id, names, number, of, whole};

#[tokio::test]
async fn every_row_is_filled_in_once_in_several_batches() {
    for database in Database::all() {
        let mut connection = database.users(5_000).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let mut reports = Vec::new();
        let outcome = go_on(&mut connection, |report| reports.push(report)).await.unwrap();
        assert_eq!(outcome, done());
        let good = "SELECT count(*) FROM users WHERE full_name = name AND touched = 1";
        assert_eq!(number(&mut connection, good).await, 5_000, "{:?}", database.address);
        assert!(reports.len() > 2, "{reports:?}");
        let Some(Report::Progress(last)) = reports.last() else { panic!("{reports:?}") };
        assert_eq!(last.done, 5_000);
        let record = backfill::find(&mut connection, &id()).await.unwrap().unwrap();
        assert_eq!((record.state, record.done, record.owner), (State::Done, 5_000, None));
        assert_eq!(record.reached.map(|key| key.len()), Some(1));
        // Once more does nothing.
        assert_eq!(go_on(&mut connection, |_| {}).await.unwrap(), done());
        assert_eq!(number(&mut connection, good).await, 5_000);
    }
}

#[tokio::test]
async fn an_empty_table_is_done_at_once() {
    for database in Database::all() {
        let mut connection = database.users(0).await;
        assert_eq!(whole(&mut connection, &names()).await.unwrap(), done());
    }
}

#[tokio::test]
async fn a_condition_of_the_statement_stays_and_rows_that_come_before_the_place_are_left_alone() {
    for database in Database::all() {
        let mut connection = database.users(1_000).await;
        let backfill = of(
            "users",
            &["id"],
            "UPDATE users SET full_name = name, touched = touched + 1 WHERE full_name IS NULL OR id = 3 -- all",
        );
        connection.run("UPDATE users SET full_name = 'kept' WHERE id <= 10").await.unwrap();
        assert_eq!(whole(&mut connection, &backfill).await.unwrap(), done());
        assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE full_name = 'kept'").await, 9);
        assert_eq!(number(&mut connection, "SELECT sum(touched) FROM users").await, 991);
    }
}

/// For every row that is filled in, another one comes at the end. (MariaDB's triggers do not write to their own table.)
#[tokio::test]
async fn a_table_that_grows_faster_than_it_is_filled_in_has_an_end() {
    for database in [Database::postgres(), Some(Database::sqlite())].into_iter().flatten() {
        let mut connection = database.users(250).await;
        let body = "INSERT INTO users (id, name) VALUES ((SELECT max(id) + 1 FROM users), 'new');";
        let trigger = match connection.dialect() {
            Dialect::Postgres => format!(
                "CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$; \
                 CREATE TRIGGER grow AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION grow()"
            ),
            _ => format!("CREATE TRIGGER grow AFTER UPDATE ON users BEGIN {body} END"),
        };
        connection.run(&trigger).await.unwrap();
        let end = tokio::time::timeout(Duration::from_secs(60), whole(&mut connection, &names())).await;
        assert_eq!(end.expect("an end").unwrap(), done());
        let missed = "SELECT count(*) FROM users WHERE id <= 250 AND touched <> 1";
        assert_eq!(number(&mut connection, missed).await, 0, "every row that was there");
    }
}
