//! Row "any": journal and catalog disagree. It is said, and nobody guesses.

use super::register::Register;
use crate::support::fixture::Fixture;

const CITY: &str =
    "-- expand\nALTER TABLE person ADD COLUMN city text;\n-- down\nALTER TABLE person DROP COLUMN city;\n";

/// Somebody dropped by hand what a migration made, so that it cannot be taken back. The traffic is back, what could not be done is
/// known, and it is done when the column is there again.
fn a_way_back_that_fails(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let (first, schema) = (register.settled(), register.schema());
    let writers = register.writers();
    register.put("20260201000000_city", CITY);
    register.deploy().expect_live();
    register.settled();
    register.ask("ALTER TABLE person DROP COLUMN city");
    let ran = register.run(&["rollback", "staging", "--with-db"]);
    assert_eq!(ran.field("error.code"), "MIGRATION_FAILED", "{ran:#?}");
    ran.expect_message(&["city"]);
    assert_eq!(register.settled().live, first.live);
    writers.go_on();
    register.ask("ALTER TABLE person ADD COLUMN city text");
    let ran = register.run(&["migrate", "down", "staging", "--last", "1"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    assert_eq!((register.schema(), register.state_of("20260201000000")), (schema, "reverted".to_owned()));
    writers.go_on();
    writers.end().lost_nothing();
}

/// An applied file was edited: `repair` has the choices, and does what was chosen.
fn an_edited_file(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    register.put("20260201000000_city", CITY);
    register.deploy().expect_live();
    let writers = register.writers();
    register.put("20260201000000_city", &CITY.replace("-- expand", "-- Where they live.\n-- expand"));
    register.deploy().expect(4, "refused", "MIGRATIONS_DIFFER").expect_message(&["20260201000000"]);
    let shown = register.run(&["migrate", "repair", "staging"]);
    assert_eq!(shown.status, 4, "{shown:#?}");
    let chosen = register.run(&["migrate", "repair", "staging", "--choose", "1a"]);
    assert_eq!(chosen.status, 0, "{chosen:#?}");
    let ran = register.deploy();
    ran.expect_live();
    assert_ne!(register.settled().live, before.live);
    writers.go_on();
    writers.end().lost_nothing();
}

/// Somebody made by hand what a migration makes.
fn a_column_that_is_there(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    register.ask("ALTER TABLE person ADD COLUMN full_name text");
    let schema = register.schema();
    let ran = register.next().deploy();
    assert_ne!(ran.status, 0, "{ran:#?}");
    ran.expect_message(&["full_name"]);
    assert_eq!((register.settled(), register.schema()), (before.clone(), schema));
    // Without it, the same command does all of it.
    register.ask("ALTER TABLE person DROP COLUMN full_name");
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    writers.go_on();
    writers.end().lost_nothing();
}

/// What somebody dropped, or made, by hand is shown with its choices, and nothing is done unasked.
fn things_dropped_by_hand(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    register.put("20260201000000_city", CITY);
    let index = "-- expand\nCREATE INDEX CONCURRENTLY person_city ON person (city);\n\
                 -- down\nDROP INDEX CONCURRENTLY person_city;\n";
    register.put("20260202000000_index", index);
    register.deploy().expect_live();
    let writers = register.writers();
    let agreed = register.run(&["migrate", "repair", "staging"]);
    assert_eq!((agreed.status, agreed.field("ailments")), (0, "[]".to_owned()), "{agreed:#?}");
    register.ask("ALTER TABLE person DROP COLUMN city");
    let shown = register.run(&["migrate", "repair", "staging"]);
    assert_eq!(shown.status, 4, "{shown:#?}");
    assert_eq!(shown.field("ailments.0.journal"), "column person.city was made");
    assert_eq!(shown.field("ailments.0.choices.0.choice"), "make_again");
    assert_eq!(shown.field("ailments.1.journal"), "index person_city of person was made");
    assert!(!register.columns().contains(&"city".to_owned()), "nothing is done unasked");
    // The column is made again; the index stays away on purpose.
    let ran = register.run(&["migrate", "repair", "staging", "--choose", "1a", "--choose", "2b"]);
    assert_eq!((ran.status, ran.field("ailments")), (0, "[]".to_owned()), "{ran:#?}");
    assert!(register.columns().contains(&"city".to_owned()));
    assert_eq!(register.ask("SELECT to_regclass('person_city') IS NULL"), "t");
    // What was taken back, and is made again by hand.
    let ran = register.run(&["migrate", "down", "staging", "--last", "1"]);
    assert_ne!(ran.status, 0, "there is no index to drop: {ran:#?}");
    register.ask("CREATE INDEX person_city ON person (city)");
    let ran = register.run(&["migrate", "down", "staging", "--last", "2"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    register.ask("ALTER TABLE person ADD COLUMN city text");
    let shown = register.run(&["migrate", "repair", "staging"]);
    assert_eq!(shown.field("ailments.0.journal"), "column person.city was taken away", "{shown:#?}");
    let ran = register.run(&["migrate", "repair", "staging", "--choose", "1a"]);
    assert_eq!((ran.status, ran.field("ailments")), (0, "[]".to_owned()), "{ran:#?}");
    writers.go_on();
    writers.end().lost_nothing();
}

on_processes!(a_way_back_that_fails, an_edited_file, a_column_that_is_there, things_dropped_by_hand);
