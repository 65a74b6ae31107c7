//! Row "validate": rows that break a constraint which is already checked for new ones. It is said, the traffic is left alone, and
//! once the rows are mended the same goes on.

use super::register::Register;
use crate::support::fixture::Fixture;
use crate::support::wait;

const VERSION: &str = "20260301000000";
const NAME: &str = "20260301000000_named";
const ADD: &str = "ALTER TABLE person ADD CONSTRAINT person_named CHECK (name <> 'nobody') NOT VALID;\n";
const VALIDATE: &str = "ALTER TABLE person VALIDATE CONSTRAINT person_named;\n";
const DOWN: &str = "-- down\nALTER TABLE person DROP CONSTRAINT person_named;\n";

/// Whether the constraint is there, and whether it is known to hold for all rows.
fn constraint(register: &Register<'_>) -> String {
    register.ask("SELECT convalidated FROM pg_constraint WHERE conname = 'person_named'")
}

/// When the former release is gone.
fn in_the_contract(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    register.ask("UPDATE person SET name = 'nobody' WHERE id = 1507");
    let writers = register.writers();
    register.set("rehearse", "false");
    register.app.rollout.insert("warm", r#""1s""#.to_owned());
    register.put(NAME, &format!("-- expand\n{ADD}-- contract\n{VALIDATE}{DOWN}"));
    register.deploy().expect_live();
    wait::until_ok("a contract that fails", || {
        let run = register.world.newest_run(&register.app).unwrap_or_default();
        let (kind, outcome) = (run["kind"].as_str(), run["outcome"].as_str());
        if (kind, outcome) == (Some("contract"), Some("failed")) { Ok(()) } else { Err(run) }
    });
    let run = register.world.newest_run(&register.app).unwrap_or_default();
    let report = register.world.report(&register.app, run["run"].as_str().unwrap()).to_string();
    for part in ["MIGRATION_FAILED", "person_named", "id 1507"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let before = register.settled();
    assert_eq!(before.standby, None);
    assert_eq!(constraint(&register), "f");
    // New ones are refused all the same, and what serves goes on.
    let refused = register.ask(
        "DO $$ BEGIN INSERT INTO person (name) VALUES ('nobody'); RAISE EXCEPTION 'it was taken'; \
         EXCEPTION WHEN check_violation THEN NULL; END $$; SELECT 'refused'",
    );
    assert_eq!(refused, "refused");
    writers.go_on();
    writers.account().lost_nothing();
    register.ask("UPDATE person SET name = 'somebody' WHERE id = 1507");
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    assert_eq!(constraint(&register), "t");
    assert_eq!(register.contract_of(VERSION), "done");
    register.is_whole(VERSION);
    writers.go_on();
    writers.end().lost_nothing();
}

/// In the deploy, before the new release starts.
fn in_the_expand(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    register.ask("UPDATE person SET name = 'nobody' WHERE id = 1507");
    let before = (register.settled(), register.schema());
    let writers = register.writers();
    register.set("rehearse", "false");
    register.put(NAME, &format!("-- expand\n{ADD}{VALIDATE}{DOWN}"));
    let ran = register.deploy();
    ran.expect(7, "rolled_back", "MIGRATION_FAILED").expect_message(&[NAME, "person_named", "id 1507"]);
    register.truth_of(&ran, &before.0);
    assert_eq!(register.schema(), before.1);
    writers.go_on();
    writers.account().lost_nothing();
    register.ask("UPDATE person SET name = 'somebody' WHERE id = 1507");
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before.0);
    assert_eq!(constraint(&register), "t");
    writers.go_on();
    writers.end().lost_nothing();
}

on_processes!(in_the_contract, in_the_expand);
