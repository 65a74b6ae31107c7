//! What persons and other runners do meanwhile.

use bascule_migrate::backfill::{self, Error, Limits, Outcome, Report, State};
use tokio_util::sync::CancellationToken;

use crate::support::{Database, done, go_on, id, names, number, of, quick};

fn tell_once(seen: &mut Option<tokio::sync::oneshot::Sender<()>>) {
    if let Some(seen) = seen.take() {
        seen.send(()).unwrap();
    }
}

#[tokio::test]
async fn a_paused_backfill_rests_until_it_is_resumed() {
    for database in Database::all() {
        let mut connection = database.users(20_000).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let (seen, first) = tokio::sync::oneshot::channel();
        let mut seen = Some(seen);
        let running = tokio::spawn(async move {
            let mut options = quick(&connection);
            options.pace.ceiling = 100;
            options.least_rest = std::time::Duration::from_millis(5);
            let stop = CancellationToken::new();
            let tell = |_| tell_once(&mut seen);
            let outcome = backfill::run(&mut connection, &id(), "test", &options, &stop, tell).await;
            (connection, outcome)
        });
        first.await.unwrap();
        let mut person = database.open().await;
        backfill::pause(&mut person, &id()).await.unwrap();
        let before = number(&mut person, "SELECT sum(touched) FROM users").await;
        let (mut connection, outcome) = running.await.unwrap();
        assert_eq!(outcome.unwrap(), Outcome::Paused);
        assert_eq!(number(&mut person, "SELECT sum(touched) FROM users").await, before);
        assert!(before < 20_000);
        // A runner leaves it alone, until it is resumed.
        assert_eq!(go_on(&mut connection, |_| {}).await.unwrap(), Outcome::Paused);
        backfill::resume(&mut person, &id()).await.unwrap();
        assert_eq!(go_on(&mut connection, |_| {}).await.unwrap(), done());
        assert_eq!(number(&mut person, "SELECT count(*) FROM users WHERE touched = 1").await, 20_000);
    }
}

#[tokio::test]
async fn an_abandoned_one_is_not_run_and_what_is_done_stays() {
    for database in Database::all() {
        let mut connection = database.users(10).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        backfill::abandon(&mut connection, &id()).await.unwrap();
        assert_eq!(go_on(&mut connection, |_| {}).await.unwrap(), Outcome::Abandoned);
        let error = backfill::pause(&mut connection, &id()).await.unwrap_err();
        assert_eq!(error.to_string(), "the backfill 20260101000000#1 is abandoned: it cannot be paused");
        let listed = backfill::list(&mut connection).await.unwrap();
        assert_eq!(listed.iter().map(|record| record.state).collect::<Vec<_>>(), [State::Abandoned]);
    }
}

#[tokio::test]
async fn nothing_is_there_to_list_before_the_first_one() {
    for database in Database::all() {
        let mut connection = database.open().await;
        assert_eq!(backfill::list(&mut connection).await.unwrap(), []);
    }
}

#[tokio::test]
async fn another_statement_under_the_same_name_is_refused() {
    for database in Database::all() {
        let mut connection = database.users(1).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let other = of("users", &["id"], "UPDATE users SET full_name = 'x'");
        let error = backfill::define(&mut connection, &id(), &other).await.unwrap_err();
        assert!(matches!(error, Error::Changed(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_stop_ends_it_between_two_batches_and_the_next_run_goes_on() {
    for database in Database::all() {
        let mut connection = database.users(5_000).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let stop = CancellationToken::new();
        let options = quick(&connection);
        let told = stop.clone();
        let outcome =
            backfill::run(&mut connection, &id(), "test", &options, &stop, move |_| told.cancel()).await;
        assert_eq!(outcome.unwrap(), Outcome::Stopped);
        let record = backfill::find(&mut connection, &id()).await.unwrap().unwrap();
        assert_eq!((record.state, record.owner, record.done), (State::Pending, None, 100));
        assert_eq!(go_on(&mut connection, |_| {}).await.unwrap(), done());
        assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE touched = 1").await, 5_000);
    }
}

#[tokio::test]
async fn a_second_runner_is_told_who_has_it() {
    for database in Database::all() {
        let mut connection = database.users(2_000).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let (seen, first) = tokio::sync::oneshot::channel();
        let mut seen = Some(seen);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let mut options = quick(&connection);
            options.least_rest = std::time::Duration::from_secs(60);
            let tell = |_| tell_once(&mut seen);
            let outcome = backfill::run(&mut connection, &id(), "the first", &options, &stopped, tell).await;
            (connection, outcome)
        });
        first.await.unwrap();
        let mut second = database.open().await;
        let error = go_on(&mut second, |_| {}).await.unwrap_err();
        assert!(matches!(&error, Error::Held { owner, .. } if owner == "the first"), "{error:?}");
        stop.cancel();
        running.await.unwrap().1.unwrap();
        assert_eq!(go_on(&mut second, |_| {}).await.unwrap(), done());
        assert_eq!(number(&mut second, "SELECT count(*) FROM users WHERE touched = 1").await, 2_000);
    }
}

#[tokio::test]
async fn a_runner_that_was_thought_dead_writes_nothing_more() {
    for database in Database::all() {
        let mut connection = database.users(1_000).await;
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let mut other = database.open().await;
        let steal = match other.dialect() {
            bascule_sql::Dialect::Postgres => "UPDATE bascule.backfill SET epoch = epoch + 1",
            _ => "UPDATE bascule_backfill SET epoch = epoch + 1",
        };
        let (seen, first) = tokio::sync::oneshot::channel();
        let mut seen = Some(seen);
        let running = tokio::spawn(async move {
            let mut options = quick(&connection);
            options.least_rest = std::time::Duration::from_millis(300);
            let tell = |_| tell_once(&mut seen);
            backfill::run(&mut connection, &id(), "test", &options, &CancellationToken::new(), tell).await
        });
        first.await.unwrap();
        other.run(steal).await.unwrap();
        let before = number(&mut other, "SELECT sum(touched) FROM users").await;
        let error = running.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Lost(_)), "{error:?}");
        assert_eq!(number(&mut other, "SELECT sum(touched) FROM users").await, before);
    }
}

#[tokio::test]
async fn it_gives_way_while_sessions_wait_for_locks() {
    for database in [Database::postgres(), Database::maria()].into_iter().flatten() {
        let mut connection = database.users(1_000).await;
        connection.run("CREATE TABLE other (id int PRIMARY KEY, n int)").await.unwrap();
        connection.run("INSERT INTO other VALUES (1, 1)").await.unwrap();
        backfill::define(&mut connection, &id(), &names()).await.unwrap();
        let mut holder = database.open().await;
        holder.run("BEGIN; UPDATE other SET n = 2").await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let mut waiter = database.open().await;
            waiting.push(tokio::spawn(async move { waiter.run("UPDATE other SET n = n + 1").await }));
        }
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let running = tokio::spawn(async move {
            let mut options = quick(&connection);
            options.pace.ceiling = 100;
            options.least_rest = std::time::Duration::from_millis(10);
            options.limits =
                Limits { waiting: Some(1), every: std::time::Duration::ZERO, ..Limits::default() };
            let stop = CancellationToken::new();
            let outcome = backfill::run(&mut connection, &id(), "test", &options, &stop, |report| {
                drop(tell.send(report));
            })
            .await;
            (connection, outcome)
        });
        loop {
            match told.recv().await.expect("it waits before it ends") {
                Report::Waiting(_) => break,
                _ => continue,
            }
        }
        holder.run("COMMIT").await.unwrap();
        for waiter in waiting {
            waiter.await.unwrap().unwrap();
        }
        let (mut connection, outcome) = running.await.unwrap();
        assert_eq!(outcome.unwrap(), done());
        assert_eq!(number(&mut connection, "SELECT count(*) FROM users WHERE touched = 1").await, 1_000);
    }
}
