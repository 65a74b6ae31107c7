//! `rollback --with-db`: the traffic first, then what the release that is left did to the database.

use super::beside::Beside;
use super::register::{Place, Register};
use crate::support::fixture::Fixture;

fn with_the_database(place: Place<'_>) {
    let Some(mut register) = Register::live(place) else { return };
    let first = register.settled();
    let schema = register.schema();
    let writers = register.writers();
    register.next().deploy().expect_live();
    let before = register.settled();
    writers.go_on();
    // What the new release wrote is not lost with its column.
    register.ask("INSERT INTO person (full_name) VALUES ('Hedy Lamarr')");
    let ran = register.run(&["rollback", "staging", "--with-db"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let after = register.settled();
    assert_eq!((after.live.clone(), after.standby.clone()), (first.live.clone(), None));
    assert_ne!(after.live, before.live);
    assert_eq!(register.schema(), schema);
    assert_eq!(register.state_of("20260214101500"), "reverted");
    assert_eq!(register.ask("SELECT count(*) FROM person WHERE name = 'Hedy Lamarr'"), "1");
    let old = Beside::start(&register.address(), "name");
    writers.join(&old);
    writers.go_on();
    // There is nothing more to take back.
    let ran = register.run(&["rollback", "staging", "--with-db"]);
    assert_eq!(ran.status, 4, "{ran:#?}");
    writers.account().lost_nothing();
    // And it can be done again.
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &after);
    register.is_whole("20260214101500");
    writers.go_on();
    writers.leave();
    drop(old);
    writers.end().lost_nothing();
}

/// The traffic was brought back alone; what the release did to the database is taken back by a later command.
fn after_a_plain_rollback(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let first = register.settled();
    let schema = register.schema();
    let writers = register.writers();
    register.next().deploy().expect_live();
    let ran = register.run(&["rollback", "staging"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    assert_eq!(register.settled().live, first.live);
    assert_ne!(register.schema(), schema);
    let ran = register.run(&["rollback", "staging", "--with-db"]);
    assert_eq!((ran.status, ran.field("run_kind")), (0, "revert".to_owned()), "{ran:#?}");
    assert!(ran.err.contains("only the database is left"), "{ran:#?}");
    let after = register.settled();
    assert_eq!((after.live, after.standby, register.schema()), (first.live, None, schema));
    assert_eq!(register.state_of("20260214101500"), "reverted");
    // There is nothing left, of the one or of the other.
    register.run(&["rollback", "staging", "--with-db"]).expect(4, "refused", "NOTHING_TO_ROLL_BACK_TO");
    writers.go_on();
    writers.end().lost_nothing();
}

on_each_database!(with_the_database);
on_processes!(after_a_plain_rollback);
