//! Rows "switch", "soak" and "blue stopped": the traffic goes back without a statement of SQL, and what the one release wrote
//! the other one reads.

use super::beside::Beside;
use super::register::{FULL_NAME, Place, Register};
use crate::support::fixture::Fixture;

/// A deploy that renames a column, with clients of both versions at every moment.
fn old_and_new_side_by_side(place: Place<'_>) {
    let Some(mut register) = Register::live(place) else { return };
    register.next();
    renamed(register);
}

/// The same with the recipe instead of our own statements.
fn a_recipe(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let recipe = "-- recipe rename-column table=person from=name to=full_name type=text key=id null=no\n";
    register.next().put(FULL_NAME, recipe);
    renamed(register);
}

/// Whoever has two names; none has.
const DIFFERENT: &str =
    "SELECT count(*) FROM person WHERE full_name <> name OR full_name IS NULL OR name IS NULL";

fn renamed(mut register: Register<'_>) {
    let before = register.settled();
    let writers = register.writers();
    // Clients of the old version do not leave with the switch.
    let old = Beside::start(&register.address(), "name");
    writers.join(&old);
    let ran = register.deploy();
    ran.expect_live();
    let after = register.truth_of(&ran, &before);
    register.is_whole("20260214101500");
    assert_eq!(register.ask(DIFFERENT), "0");
    writers.go_on();
    writers.leave();
    drop(old);
    let seen = writers.end();
    seen.lost_nothing();
    assert!(seen.answered_by(after.live()) > 0 && seen.answered_by(before.live()) > 0, "{seen:?}");
}

fn a_bake_that_fails(place: Place<'_>) {
    let Some(mut register) = Register::live(place) else { return };
    let before = register.settled();
    let writers = register.writers();
    register.app.set("ERROR_RATE", "20%");
    register.app.rollout.insert("bake", r#""20s""#.to_owned());
    register.app.rollout.insert("min_requests", "20".to_owned());
    let ran = register.next().deploy();
    ran.expect(7, "rolled_back", "BAKE_ERRORS");
    register.truth_of(&ran, &before);
    // Nothing was taken back: the next try finds it.
    assert_eq!(register.columns(), ["id", "name", "full_name"]);
    register.is_whole("20260214101500");
    let journal = register.journal();
    writers.go_on();
    let seen = writers.account();
    assert!(seen.lost_nothing().injected > 0, "{seen:?}");
    register.app.unset("ERROR_RATE");
    register.app.rollout.insert("bake", r#""100ms""#.to_owned());
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    assert_eq!(register.journal(), journal);
    writers.go_on();
    writers.end().lost_nothing();
}

fn a_warm_rollback(place: Place<'_>) {
    let Some(mut register) = Register::live(place) else { return };
    let writers = register.writers();
    register.next().deploy().expect_live();
    let before = register.settled();
    writers.go_on();
    let journal = register.journal();
    let ran = register.run(&["rollback", "staging"]);
    ran.expect_live();
    register.truth_of(&ran, &before);
    assert_eq!(register.journal(), journal, "a rollback is no matter of SQL");
    assert!(!register.steps(&ran).iter().any(|step| step.contains("migrate")), "{:?}", register.steps(&ran));
    // And forth again.
    let before = register.settled();
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    writers.go_on();
    writers.end().lost_nothing();
}

/// To a release that does not run any more, over a schema that was expanded since.
fn a_cold_rollback(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let first = register.settled().live().to_owned();
    let writers = register.writers();
    register.put(
        "20260201000000_city",
        "-- expand\nALTER TABLE person ADD COLUMN city text;\n-- down\nALTER TABLE person DROP COLUMN city;\n",
    );
    register.deploy().expect_live();
    register.app.set("GREETING", "hello");
    register.deploy().expect_live();
    let before = register.settled();
    let journal = register.journal();
    let ran = register.run(&["rollback", "staging", "--to", &first]);
    ran.expect_live();
    assert!(register.steps(&ran).contains(&"start".to_owned()), "{:?}", register.steps(&ran));
    assert_eq!(register.truth_of(&ran, &before).live(), first);
    assert_eq!(register.journal(), journal);
    writers.go_on();
    writers.end().lost_nothing();
}

on_each_database!(old_and_new_side_by_side, a_bake_that_fails, a_warm_rollback);
on_processes!(a_recipe, a_cold_rollback);

#[cfg(feature = "failpoints")]
mod with_failpoints {
    use super::Register;
    use crate::support::fixture::Fixture;

    /// The switch is made and fails nevertheless: the traffic goes back, and both releases are served by the schema.
    fn a_switch_that_fails(fixture: &dyn Fixture) {
        let Some(mut register) = Register::live(fixture) else { return };
        let before = register.settled();
        let writers = register.writers();
        register.world.points.fail("deploy.switch.apply.after");
        let ran = register.next().deploy();
        register.world.points.mend("deploy.switch.apply.after");
        ran.expect(7, "rolled_back", "INTERNAL");
        register.truth_of(&ran, &before);
        register.is_whole("20260214101500");
        writers.go_on();
        let ran = register.deploy();
        ran.expect_live();
        register.truth_of(&ran, &before);
        writers.go_on();
        writers.end().lost_nothing();
    }

    on_processes!(a_switch_that_fails);
}
