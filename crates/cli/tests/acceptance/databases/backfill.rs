//! Row "backfill": rows that cannot be filled in, and a control plane that dies in the middle. Nobody but the new release
//! waits for it, and what was filled in is not filled in again.

use super::register::{FULL_NAME, Register};
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;

fn a_row_that_cannot_be_filled_in(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    register.ask("UPDATE person SET name = 'seven' WHERE id = 1507");
    let before = register.settled();
    let writers = register.writers();
    let text = "-- expand\nALTER TABLE person ADD COLUMN digits int;\n\
                -- backfill table=person key=id batch=100 gate=switch\n\
                UPDATE person SET digits = substr(name, 8)::int WHERE digits IS NULL AND name LIKE 'person%' OR id = 1507;\n\
                -- down\nALTER TABLE person DROP COLUMN digits;\n";
    register.put("20260301000000_digits", text);
    register.set("rehearse", "false");
    let ran = register.deploy();
    ran.expect(7, "rolled_back", "MIGRATION_FAILED");
    register.truth_of(&ran, &before);
    writers.go_on();
    writers.account().lost_nothing();
    let filled: u64 = register.ask("SELECT count(*) FROM person WHERE digits IS NOT NULL").parse().unwrap();
    assert!(filled >= 1400, "{filled} rows were filled in");
    // The row is mended; what was filled in is left alone.
    register.ask(
        "UPDATE person SET name = 'person 1507' WHERE id = 1507; UPDATE person SET digits = -1 WHERE id = 1",
    );
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    assert_eq!(register.ask("SELECT digits FROM person WHERE id IN (1, 1507) ORDER BY id"), "-1\n1507");
    assert_eq!(register.ask("SELECT count(*) FROM person WHERE name LIKE 'person%' AND digits IS NULL"), "0");
    writers.go_on();
    writers.end().lost_nothing();
}

/// The backfill passes a row by: its check finds it, and nobody is sent to the release that needs it.
fn a_row_that_was_missed(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    let text = "-- expand\nALTER TABLE person ADD COLUMN note text;\n\
                -- backfill table=person key=id gate=switch\nUPDATE person SET note = 'old' WHERE note IS NULL AND id <> 1507;\n\
                -- down\nALTER TABLE person DROP COLUMN note;\n\
                -- check\nSELECT id FROM person WHERE id <= 2000 AND note IS NULL;\n";
    register.put("20260301000000_note", text);
    register.set("rehearse", "false");
    let ran = register.deploy();
    ran.expect(7, "rolled_back", "MIGRATION_FAILED").expect_message(&["20260301000000_note", "1507"]);
    register.truth_of(&ran, &before);
    writers.go_on();
    // It is not forgotten.
    register.deploy().expect(7, "rolled_back", "MIGRATION_FAILED");
    register.ask("UPDATE person SET note = 'by hand' WHERE id = 1507");
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    writers.go_on();
    writers.end().lost_nothing();
}

/// Each row is filled in once, however often the control plane dies.
fn killed_in_the_middle(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    register.ask("INSERT INTO person (name) SELECT 'more ' || n FROM generate_series(1, 60000) n");
    let before = register.settled();
    let writers = register.writers();
    let text = "-- expand\nALTER TABLE person ADD COLUMN times int NOT NULL DEFAULT 0;\n\
                -- backfill table=person key=id batch=100 gate=switch\nUPDATE person SET times = times + 1;\n\
                -- down\nALTER TABLE person DROP COLUMN times;\n";
    register.put(FULL_NAME, text);
    let mut deploy = register.begin();
    let mut least = 1;
    let mut killed = None;
    for _ in 0..3 {
        wait::until("rows that are filled in", || {
            // Before the expand there is no such column.
            let there = register.columns().len() == 3;
            let filled = there.then(|| register.ask("SELECT count(*) FROM person WHERE times > 0"))?;
            let filled = filled.parse::<u64>().unwrap();
            (filled >= least).then(|| least = filled + 1)
        });
        // The command starts another one, unless all was done by then.
        let next = wait::until("another control plane", || {
            let pid = register.world.serve_pid().filter(|pid| Some(*pid) != killed);
            (pid.is_some() || deploy.has_ended()).then_some(pid)
        });
        let Some(pid) = next.filter(|_| !deploy.has_ended()) else { break };
        processes::kill(pid);
        killed = Some(pid);
    }
    let ran = deploy.end();
    ran.expect_live();
    register.truth_of(&ran, &before);
    // Those that were written since may have been met or not.
    assert_eq!(register.ask("SELECT max(times) FROM person"), "1");
    assert_eq!(register.ask("SELECT count(*) FROM person WHERE times <> 1 AND id <= 62000"), "0");
    writers.go_on();
    writers.end().lost_nothing();
}

on_processes!(a_row_that_cannot_be_filled_in, a_row_that_was_missed, killed_in_the_middle);
