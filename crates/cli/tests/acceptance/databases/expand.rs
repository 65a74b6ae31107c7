//! Row "expand": a statement that fails, a lock that is not to be had, a server that dies. The live release goes on, and what
//! was done is known.

use super::reader::Reader;
use super::register::{FULL_NAME, Register};
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;

const CITY: &str =
    "-- expand\nALTER TABLE person ADD COLUMN city text;\n-- down\nALTER TABLE person DROP COLUMN city;\n";
/// The second of its statements fails.
const NOTE: &str = "-- expand\nALTER TABLE person ADD COLUMN note text;\nCOMMENT ON COLUMN person.nota IS 'whatever';\n\
    -- down\nALTER TABLE person DROP COLUMN note;\n";

fn a_statement_fails(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    // A rehearsal would have found it.
    register.set("rehearse", "false");
    register.put("20260201000000_city", CITY);
    register.put("20260301000000_note", NOTE);
    let ran = register.deploy();
    ran.expect(7, "rolled_back", "MIGRATION_FAILED").expect_message(&["20260301000000_note", "nota"]);
    register.truth_of(&ran, &before);
    // The migration that came before it stays; of the one that failed nothing does.
    assert_eq!(register.columns(), ["id", "name", "city"]);
    register.is_whole("20260201000000");
    assert_ne!(register.state_of("20260301000000"), "applied");
    // It is mended, and the same command goes on from there.
    register.put("20260301000000_note", &NOTE.replace("nota", "note"));
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    assert_eq!(register.columns(), ["id", "name", "city", "note"]);
    writers.go_on();
    writers.end().lost_nothing();
}

/// On a new database files are applied whole, and stay so until a release has settled: what a first deploy that failed on the way had
/// applied changes nothing of that.
fn a_first_deploy_fails_on_the_way(fixture: &dyn Fixture) {
    let Some(mut register) = Register::new(fixture) else { return };
    register.set("rehearse", "false");
    register.put("20260201000000_city", CITY);
    register.put("20260301000000_note", NOTE);
    // What only a database that nobody lives on bears.
    register.put("20260401000000_town", "-- expand\nALTER TABLE person RENAME COLUMN city TO town;\n");
    let ran = register.deploy();
    ran.expect(7, "rolled_back", "MIGRATION_FAILED").expect_message(&["20260301000000_note", "nota"]);
    assert_eq!(register.columns(), ["id", "name", "city"]);
    register.put("20260301000000_note", &NOTE.replace("nota", "note"));
    register.deploy().expect_live();
    assert_eq!(register.columns(), ["id", "name", "town", "note"]);
    register.settled();
}

/// The first of two migrations is applied when the second fails. That it was is known: its contract becomes due as any other's does.
fn what_a_failed_deploy_applied_is_contracted_later(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    register.set("rehearse", "false");
    register.next().put("20260301000000_note", NOTE);
    register.deploy().expect(7, "rolled_back", "MIGRATION_FAILED");
    register.is_whole("20260214101500");
    register.put("20260301000000_note", &NOTE.replace("nota", "note"));
    register.app.rollout.insert("warm", r#""100ms""#.to_owned());
    register.deploy().expect_live();
    wait::until_ok("the contract", || {
        let state = register.contract_of("20260214101500");
        if state == "done" { Ok(()) } else { Err((state, register.world.tail("serve.log"))) }
    });
    register.settled();
    register.writers().end().lost_nothing();
}

fn a_lock_that_is_not_to_be_had(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = (register.settled(), register.schema());
    let writers = register.writers();
    let reader = Reader::begin(&register);
    register.set("lock_timeout", r#""200ms""#);
    let ran = register.next().deploy();
    assert_eq!(ran.field("error.code"), "DATABASE_LOCKED", "{ran:#?}");
    let (message, remedy) = (ran.field("error.message"), ran.field("error.remedy"));
    assert!(Reader::is_named_in(&format!("{message} {remedy}")), "{message} {remedy}");
    register.truth_of(&ran, &before.0);
    assert_eq!(register.schema(), before.1);
    drop(reader);
    let ran = register.deploy();
    ran.expect_live();
    writers.go_on();
    register.truth_of(&ran, &before.0);
    writers.end().lost_nothing();
}

/// The control plane is killed while it waits for a lock; its successor goes on.
fn killed_in_the_middle(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    // So long that somebody who looks sees it wait.
    register.set("lock_timeout", r#""1s""#);
    let reader = Reader::begin(&register);
    let deploy = register.next().begin();
    wait::until("an expand that waits", || register.is_changing().then_some(()));
    processes::kill(register.world.serve_pid().unwrap());
    drop(reader);
    let ran = deploy.end();
    ran.expect_live();
    register.truth_of(&ran, &before);
    register.is_whole("20260214101500");
    writers.go_on();
    writers.end().lost_nothing();
}

/// PostgreSQL is killed in the middle of an index that is built concurrently, and started again.
fn the_server_is_killed(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    register.put(
        FULL_NAME,
        "-- expand\nCREATE INDEX CONCURRENTLY person_by_name ON person (name);\n\
         -- down\nDROP INDEX CONCURRENTLY person_by_name;\n",
    );
    // An index waits for all older snapshots.
    let reader = Reader::begin(&register);
    let deploy = register.begin();
    wait::until("an index that is being built", || {
        (register.ask("SELECT count(*) FROM pg_stat_progress_create_index") == "1").then_some(())
    });
    register.postgres().kill();
    drop(reader);
    register.postgres().restart();
    let ran = deploy.end();
    register.truth_of(&ran, &before);
    // Whatever became of the run, the next one needs no help.
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    assert_eq!(
        register.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'person_by_name'::regclass"),
        "t"
    );
    register.is_whole("20260214101500");
    register.writers().end().lost_nothing();
}

on_processes!(
    a_statement_fails,
    a_first_deploy_fails_on_the_way,
    what_a_failed_deploy_applied_is_contracted_later,
    a_lock_that_is_not_to_be_had,
    killed_in_the_middle,
    the_server_is_killed
);
