//! Row "rehearse": what is wrong is found on a copy, before the database is touched, and the copy is gone afterwards.

use super::register::{FULL_NAME, Register};
use crate::support::command::Ran;
use crate::support::fixture::Fixture;

/// Deploys what a rehearsal does not let through; checks that nobody noticed and nothing was touched.
fn refused(fixture: &dyn Fixture, code: &str, spoil: impl FnOnce(&mut Register<'_>)) -> Option<Ran> {
    let mut register = Register::live(fixture)?;
    let before = (register.settled(), register.schema(), register.journal(), databases(&register));
    let writers = register.writers();
    register.app.set("COLUMN", "full_name");
    spoil(&mut register);
    let ran = register.deploy();
    writers.go_on();
    let seen = writers.end();
    assert_eq!(seen.lost_nothing().answered.len(), 1, "{seen:?}");
    register.truth_of(&ran, &before.0);
    let after = (register.settled(), register.schema(), register.journal(), databases(&register));
    assert_eq!(after, before);
    ran.expect(4, "refused", code);
    Some(ran)
}

fn databases(register: &Register<'_>) -> String {
    register.ask("SELECT datname FROM pg_database ORDER BY 1")
}

fn a_statement_fails(fixture: &dyn Fixture) {
    let ran = refused(fixture, "REHEARSAL_FAILED", |register| {
        let text = "-- expand\nALTER TABLE person ADD COLUMN full_name text;\n\
                    COMMENT ON COLUMN person.fullname IS 'given and family name';\n\
                    -- down\nALTER TABLE person DROP COLUMN full_name;\n";
        register.put(FULL_NAME, text);
    });
    let Some(ran) = ran else { return };
    ran.expect_message(&[FULL_NAME, "fullname"]);
}

fn a_query_of_the_live_release_breaks(fixture: &dyn Fixture) {
    let ran = refused(fixture, "QUERY_BREAKS", |register| {
        register.set("smoke", r#"["SELECT id, name FROM person"]"#);
        // No rule sees through this.
        let rename = |from: &str, to: &str| {
            format!("DO $$ BEGIN EXECUTE 'ALTER TABLE person RENAME COLUMN {from} TO {to}'; END $$;")
        };
        let text =
            format!("-- expand\n{}\n-- down\n{}\n", rename("name", "full_name"), rename("full_name", "name"));
        register.put(FULL_NAME, &text);
    });
    let Some(ran) = ran else { return };
    ran.expect_message(&["SELECT id, name FROM person"]);
}

/// A way back that does not lead back is no failure of the way forth; it is said, and nobody relies on it.
fn a_down_that_does_not_restore(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let text = "-- expand\nALTER TABLE person ADD COLUMN full_name text;\nCREATE INDEX CONCURRENTLY person_full_name ON person (full_name);\n\
                ALTER TABLE person ADD COLUMN note text;\n\
                -- down\nALTER TABLE person DROP COLUMN full_name;\n";
    register.put(FULL_NAME, text);
    let writers = register.writers();
    let ran = register.deploy();
    ran.expect_live();
    let rehearsed = register.evidence(&ran, "rehearse").to_string();
    assert!(rehearsed.contains("note"), "{rehearsed}");
    let first = register.settled();
    writers.go_on();
    writers.account().lost_nothing();
    let before = register.schema();
    let ran = register.run(&["rollback", "staging", "--with-db"]);
    // The traffic is back; the schema stays, since there is no way back.
    assert_eq!(ran.field("error.code"), "MIGRATION_IRREVERSIBLE", "{ran:#?}");
    assert_eq!(register.schema(), before);
    assert_ne!(register.settled().live, first.live);
    writers.go_on();
    writers.end().lost_nothing();
}

on_processes!(a_statement_fails, a_query_of_the_live_release_breaks, a_down_that_does_not_restore);
