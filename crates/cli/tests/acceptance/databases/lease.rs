//! Row "lease": one runner at a time. One that lives is waited for and named; what a dead one left is taken over.

use super::reader::Reader;
use super::register::{FULL_NAME, Register};
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;
use crate::truth::requests::wait_for_word;

const VERSION: &str = "20260214101500";

fn a_runner_that_lives(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    register.set("lock_timeout", r#""1s""#);
    register.next().write();
    let reader = Reader::begin(&register);
    let runner = register.world.start(&register.app, &["migrate", "up", "staging", "--phase", "expand"]);
    wait::until("a runner that waits for a lock", || register.is_changing().then_some(()));
    let deploy = register.begin();
    // It is told who is at it: a person at a machine, with the process.
    wait_for_word(&deploy, "tester");
    drop(reader);
    let (first, second) = (runner.end(), deploy.end());
    assert_eq!(first.status, 0, "{first:#?}");
    second.expect_live();
    register.truth_of(&second, &before);
    register.is_whole(VERSION);
    assert_eq!(
        register.ask(&format!("SELECT max(attempt) FROM bascule.migration WHERE version = '{VERSION}'")),
        "1"
    );
    writers.go_on();
    writers.end().lost_nothing();
}

/// Killed in the middle of an index that is built concurrently: the server goes on with it for nobody.
fn a_runner_that_died(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    let text = "-- expand\nCREATE INDEX CONCURRENTLY person_by_name ON person (name);\n\
                -- down\nDROP INDEX CONCURRENTLY person_by_name;\n";
    register.put(FULL_NAME, text);
    register.write();
    let reader = Reader::begin(&register);
    let runner = register.world.start(&register.app, &["migrate", "up", "staging", "--phase", "expand"]);
    let builder = || {
        let pid = register.ask("SELECT pid FROM pg_stat_progress_create_index");
        (!pid.is_empty()).then_some(pid)
    };
    let orphan = wait::until("an index that is being built", builder);
    processes::kill(runner.pid());
    let deploy = register.world.start(&register.app, &["deploy", "staging"]);
    wait::until("the end of the orphan", || {
        let its = register.ask(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {orphan}"));
        (its == "0").then_some(())
    });
    drop(reader);
    let ran = deploy.end();
    ran.expect_live();
    register.truth_of(&ran, &before);
    register.is_whole(VERSION);
    assert_eq!(
        register.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'person_by_name'::regclass"),
        "t"
    );
    writers.go_on();
    writers.end().lost_nothing();
}

on_processes!(a_runner_that_lives, a_runner_that_died);
