//! A server that goes away, in the midst of a run or of a COMMIT.

use bascule_database_servers::Postgres;
use bascule_journal::{Journal, PostgresJournal, Take};
use bascule_model::problem::Code;

use super::wire::{Break, Wire};
use super::{guarded, unavailable};
use crate::support::{Driver, at, done, key, release, run, started};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_written_to_again() {
    let Some(mut server) = Postgres::start(&[]) else { return };
    let journal = PostgresJournal::open(&server.fresh()).await.unwrap();
    let run = run(&key("shop/staging"), "run-1", 0);
    let mut driver = Driver::begin(&journal, &run, "one").await.unwrap();
    driver.write(&journal, started("lease", 1)).await.unwrap();

    server.kill();
    let problem = unavailable(driver.write(&journal, done("lease", 1)).await.unwrap_err());
    assert_eq!(problem.code, Code::JournalUnavailable, "{problem}");
    assert!(problem.remedy.contains("start the server again"), "{}", problem.remedy);
    assert_eq!(unavailable(journal.run(&run.id).await.unwrap_err()).code, Code::JournalUnavailable);

    server.restart();
    assert_eq!(journal.run(&run.id).await.unwrap().unwrap().state, driver.state, "what failed is not there");
    driver.finish(&journal).await.unwrap();
    journal.verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_server_ended_is_made_again() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    let journal = PostgresJournal::open(&server.address(&database)).await.unwrap();
    let run = run(&key("shop/staging"), "run-1", 0);
    let mut driver = Driver::begin(&journal, &run, "one").await.unwrap();
    server.psql(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
    );
    driver.finish(&journal).await.unwrap();
    journal.verify().await.unwrap();
}

/// Each kind of write, with its COMMIT's connection broken: it is there once, and its caller gets the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_at_commit_is_looked_up() {
    let Some(server) = Postgres::shared() else { return };
    for at_commit in [Break::BeforeCommit, Break::AfterCommit] {
        let (_, address) = guarded(server);
        let wire = Wire::to(server.port()).await;
        let journal = PostgresJournal::open(&wire.instead_of(&address, server.port())).await.unwrap();
        let key = key("shop/staging");
        let run = run(&key, "run-1", 0);

        wire.break_next(at_commit);
        let lease = journal.begin(&run, "one", at(30), Take::IfFree, Some(&release(&key, 1))).await.unwrap();
        assert_eq!(lease.generation.0, 1, "{at_commit:?}");
        let mut driver = Driver::of(&journal, &run, lease).await;

        wire.break_next(at_commit);
        let recorded = driver.write(&journal, started("lease", 1)).await.unwrap();
        assert_eq!(recorded.sequence, 1, "{at_commit:?}");

        let record = journal.run(&run.id).await.unwrap().unwrap();
        wire.break_next(at_commit);
        let lease = journal.resume(&run.id, "two", at(99), at(120), Take::IfFree).await.unwrap();
        assert_eq!(lease.generation.0, 2, "{at_commit:?}: taken over once");

        wire.break_next(at_commit);
        journal.renew(&lease, at(150)).await.unwrap();

        let mut driver = Driver::of(&journal, &record, lease).await;
        driver.finish(&journal).await.unwrap();
        assert_eq!(wire.broken(), 4, "{at_commit:?}");
        journal.verify().await.unwrap();
        let audit = journal.audit(0, 99).await.unwrap();
        let actions: Vec<_> = audit.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions.iter().filter(|action| **action == "run_begun").count(), 1, "{actions:?}");
        assert_eq!(actions.iter().filter(|action| **action == "lease_taken").count(), 1, "{actions:?}");
        assert_eq!(actions.len(), 9, "{actions:?}");
    }
}
