//! Rows that the server refuses, and rows that others hold.

use std::time::Duration;

use bascule_migrate::backfill::{self, GiveUp, Outcome, State};
use bascule_sql::Dialect;

use crate::support::{Database, done, go_on, id, number, of, quick};

/// Rows 17 and 523 are refused by a constraint.
async fn with_bad_rows(database: &Database) -> bascule_migrate::Connection {
    let mut connection = database.users(600).await;
    let number = if connection.dialect() == Dialect::Mysql { "SIGNED" } else { "integer" };
    connection
        .run("CREATE TABLE allowed (n bigint PRIMARY KEY, used int NOT NULL CHECK (used <> 999))")
        .await
        .unwrap();
    connection
        .run(&format!("INSERT INTO allowed SELECT CAST(id AS {number}), CASE WHEN id IN (17, 523) THEN 998 ELSE 0 END FROM users"))
        .await
        .unwrap();
    connection
}

#[tokio::test]
async fn bad_rows_are_put_aside_and_tried_again_when_a_person_says_so() {
    for database in Database::all() {
        let mut connection = with_bad_rows(&database).await;
        let backfill = of("allowed", &["n"], "UPDATE allowed SET used = used + 1");
        backfill::define(&mut connection, &id(), &backfill).await.unwrap();
        let outcome = go_on(&mut connection, |_| {}).await.unwrap();
        let Outcome::Done { bad_rows } = outcome else { panic!("{outcome:?}") };
        let keys: Vec<_> = bad_rows.iter().map(|row| row.key.join(",")).collect();
        assert_eq!(keys, ["17", "523"]);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM allowed WHERE used = 1").await, 598);
        // A person repairs one of them.
        connection.run("UPDATE allowed SET used = 0 WHERE n = 17").await.unwrap();
        backfill::resume(&mut connection, &id()).await.unwrap();
        let outcome = go_on(&mut connection, |_| {}).await.unwrap();
        let Outcome::Done { bad_rows } = outcome else { panic!("{outcome:?}") };
        assert_eq!(bad_rows.len(), 1);
        assert_eq!(number(&mut connection, "SELECT count(*) FROM allowed WHERE used = 1").await, 599);
    }
}

#[tokio::test]
async fn too_many_bad_rows_are_a_failure_that_can_be_resumed() {
    for database in Database::all() {
        let mut connection = with_bad_rows(&database).await;
        let backfill = of("allowed", &["n"], "UPDATE allowed SET used = used + 1");
        backfill::define(&mut connection, &id(), &backfill).await.unwrap();
        let options = backfill::Options { bad_rows: 1, ..quick(&connection) };
        let stop = tokio_util::sync::CancellationToken::new();
        let outcome = backfill::run(&mut connection, &id(), "test", &options, &stop, |_| {}).await.unwrap();
        let Outcome::Failed { reason, error } = outcome else { panic!("{outcome:?}") };
        assert_eq!(reason, GiveUp::BadRows { rows: 2 });
        let record = backfill::find(&mut connection, &id()).await.unwrap().unwrap();
        assert_eq!((record.state, record.last_error), (State::Failed, Some(error)));
        assert_eq!(record.reached.as_deref(), Some(&["522".to_owned()][..]));
        connection.run("UPDATE allowed SET used = 0 WHERE used = 998").await.unwrap();
        backfill::resume(&mut connection, &id()).await.unwrap();
        assert_eq!(go_on(&mut connection, |_| {}).await.unwrap(), done());
        assert_eq!(number(&mut connection, "SELECT count(*) FROM allowed WHERE used = 1").await, 600);
    }
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_waited_for() {
    for database in [Database::postgres(), Database::maria()].into_iter().flatten() {
        let mut connection = database.users(300).await;
        let mut other = database.open().await;
        other.run("BEGIN; UPDATE users SET touched = 0 WHERE id = 150").await.unwrap();
        let backfill = of("users", &["id"], "UPDATE users SET touched = touched + 1");
        backfill::define(&mut connection, &id(), &backfill).await.unwrap();
        let running = tokio::spawn(async move {
            let outcome = go_on(&mut connection, |_| {}).await;
            (connection, outcome)
        });
        // The rows before it are done, and then it waits.
        let mut watcher = database.open().await;
        let mut tries = 0;
        while backfill::find(&mut watcher, &id()).await.unwrap().unwrap().done < 100 {
            tries += 1;
            assert!(tries < 400, "it does not come to the held row");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        other.run("COMMIT").await.unwrap();
        let (mut connection, outcome) = running.await.unwrap();
        assert_eq!(outcome.unwrap(), done());
        assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE touched = 1").await, 300);
    }
}
