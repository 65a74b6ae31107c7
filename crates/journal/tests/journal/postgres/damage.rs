//! Contents that others changed: said so, never a panic, never repaired.

use bascule_database_servers::Postgres;
use bascule_journal::{Journal, JournalError, PostgresJournal, Take};

use crate::support::{Driver, at, key, release, run};

async fn filled(address: &str) {
    let journal = PostgresJournal::open(address).await.unwrap();
    let key = key("shop/staging");
    for n in 1..=6_u64 {
        let seconds = i64::try_from(n).unwrap() * 100;
        let run = run(&key, &format!("run-{n:02}"), seconds);
        let until = at(seconds + 30);
        let lease = journal.begin(&run, "one", until, Take::IfFree, Some(&release(&key, n))).await.unwrap();
        Driver::of(&journal, &run, lease).await.finish(&journal).await.unwrap();
    }
    journal.verify().await.unwrap();
    journal.close().await;
}

async fn use_all(address: &str) -> Result<(), JournalError> {
    let journal = PostgresJournal::open(address).await?;
    let key = key("shop/staging");
    journal.environments().await?;
    journal.releases(&key, 99).await?;
    journal.runs(&key, 99).await?;
    journal.verify().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_that_do_not_fit_together_are_damage() {
    let Some(server) = Postgres::shared() else { return };
    let template = server.database();
    filled(&server.address(&template)).await;
    let cases = [
        ("UPDATE runs SET state = replace(state, '\"done\"', '\"pending\"') WHERE id = 'run-03'", "run-03"),
        (
            "ALTER TABLE events DISABLE TRIGGER ALL; DELETE FROM events WHERE run = 'run-04' AND sequence = 2",
            "event 2",
        ),
        ("UPDATE runs SET outcome = 'stuck' WHERE id = 'run-05'", "run-05"),
        ("UPDATE runs SET plan = '{' WHERE id = 'run-06'", "plan of run-06"),
        ("UPDATE environments SET record = '[]'", "shop/staging"),
        ("UPDATE releases SET standard = 'splendid' WHERE number = 2", "splendid"),
        (
            "ALTER TABLE audit DISABLE TRIGGER ALL; UPDATE audit SET actor = 'mallory' WHERE sequence = 3",
            "row 3",
        ),
        ("ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit WHERE sequence = 5", "row 5"),
        (
            "SET session_replication_role = replica; INSERT INTO outbox VALUES ('run-0', 's', 1, 'apply', 1, 1)",
            "outbox",
        ),
        ("DROP TABLE audit", "audit"),
        ("ALTER TABLE runs RENAME COLUMN plan TO plans", "plan"),
        ("DELETE FROM journal", "which journal"),
        ("DELETE FROM migrations", "which schema"),
    ];
    for (damage, named) in cases {
        let database = bascule_database_servers::fresh_name();
        server.psql("postgres", &format!("CREATE DATABASE {database} TEMPLATE {template}"));
        server.psql(&database, &format!("SET search_path = bascule_journal; {damage}"));
        match use_all(&server.address(&database)).await {
            Err(JournalError::Corrupt(what)) => assert!(what.contains(named), "{damage}: {what}"),
            other => panic!("{damage}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_the_audit_trail_are_only_added_to() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    filled(&server.address(&database)).await;
    for table in ["events", "audit"] {
        for change in ["DELETE FROM", "TRUNCATE", "UPDATE"] {
            let end = if change == "UPDATE" { " SET at = 0" } else { "" };
            let caught = format!(
                "DO $$ BEGIN {change} bascule_journal.{table}{end}; RAISE 'it was allowed';
                 EXCEPTION WHEN raise_exception THEN
                     IF SQLERRM NOT LIKE '%never%' THEN RAISE; END IF; END $$"
            );
            server.psql(&database, &caught);
        }
    }
    use_all(&server.address(&database)).await.unwrap();
}
