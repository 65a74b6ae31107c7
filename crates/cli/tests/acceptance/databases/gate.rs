//! Rows "gate" and "green": a live release that suffers gets its schema back; a new one that is ill leaves it expanded.

use super::register::{Place, Register};
use super::server::Kind;
use crate::support::fixture::Fixture;
use crate::support::wait;

/// Of the register's pool.
const CONNECTIONS: usize = 4;
/// What is asked of the register with a `SELECT *`: one person, all people, its health.
const QUESTIONS: usize = 3;

fn the_live_release_suffers(fixture: &dyn Fixture) {
    let Some(mut register) = Register::new(fixture) else { return };
    register.app.set("SELECT_STAR", "1");
    register.deploy().expect_live();
    let before = (register.settled(), register.schema());
    let running = register.world.running(&register.app);
    let writers = register.writers();
    writers.account().lost_nothing();
    // Long enough to be met: its health check asks the same question.
    register.set("watch", r#""20s""#);
    register.app.unset("SELECT_STAR");
    let ran = register.next().deploy();
    ran.expect(7, "rolled_back", "SCHEMA_HARMS");
    register.truth_of(&ran, &before.0);
    assert_eq!(register.schema(), before.1);
    assert_eq!(
        register.world.running(&register.app),
        running,
        "it is the same instance, and no other was started"
    );
    let suffered = writers.account();
    assert!(suffered.wrong.is_empty(), "{:#?}", suffered.wrong);
    assert!(
        suffered.lost.iter().all(|lost| lost.contains("cached plan must not change")),
        "{:#?}",
        suffered.lost
    );
    // It is well again, without being started anew. What a connection of its pool prepared in between fails once more, when that
    // connection gets the same question again, which may be late.
    wait::until_ok("a live release that is well", || {
        writers.go_on();
        let seen = writers.account();
        if seen.lost.is_empty() { Ok(()) } else { Err(seen.lost) }
    });
    writers.go_on();
    let seen = writers.end();
    assert!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
    assert!(seen.lost.iter().all(|lost| lost.contains("cached plan must not change")), "{:#?}", seen.lost);
    assert!(seen.lost.len() <= CONNECTIONS * QUESTIONS, "{:#?}", seen.lost);
}

/// What the live release writes is refused from the expand on.
fn a_trigger_refuses(place: Place<'_>) {
    let Some(mut register) = Register::live(place) else { return };
    let before = (register.settled(), register.schema());
    let running = register.world.running(&register.app);
    let writers = register.writers();
    let (made, gone) = match place.kind {
        Kind::Postgres => (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more'; END $$;\n\
             CREATE TRIGGER refuse BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION refuse();",
            "DROP TRIGGER refuse ON person;\nDROP FUNCTION refuse();",
        ),
        Kind::MariaDb => (
            "CREATE TRIGGER refuse BEFORE INSERT ON person FOR EACH ROW\n\
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more';",
            "DROP TRIGGER refuse;",
        ),
        Kind::Sqlite => (
            "CREATE TRIGGER refuse BEFORE INSERT ON person BEGIN SELECT RAISE(ABORT, 'no more'); END;",
            "DROP TRIGGER refuse;",
        ),
    };
    register.put("20260301000000_refuse", &format!("-- expand\n{made}\n-- down\n{gone}\n"));
    register.set("watch", r#""20s""#);
    let ran = register.deploy();
    ran.expect(7, "rolled_back", "SCHEMA_HARMS");
    register.truth_of(&ran, &before.0);
    assert_eq!(register.schema(), before.1);
    assert_eq!(register.world.running(&register.app), running);
    let suffered = writers.account();
    assert!(suffered.wrong.is_empty(), "{:#?}", suffered.wrong);
    assert!(suffered.lost.iter().all(|lost| lost.contains("no more")), "{:#?}", suffered.lost);
    writers.go_on();
    // Those that were under way when it was taken back.
    writers.account();
    writers.go_on();
    writers.end().lost_nothing();
}

fn the_new_release_is_ill(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    register.app.set("NEVER_HEALTHY", "1");
    register.app.rollout.insert("deadline", r#""2s""#.to_owned());
    let ran = register.next().deploy();
    ran.expect(7, "rolled_back", "INSTANCE_NOT_READY");
    register.truth_of(&ran, &before);
    assert_eq!(register.columns(), ["id", "name", "full_name"]);
    let journal = register.journal();
    assert_ne!(register.ask("SELECT count(*) FROM person WHERE full_name IS NULL"), "0");
    writers.go_on();
    // Mended: nothing of the schema is left to do.
    register.app.unset("NEVER_HEALTHY");
    register.app.rollout.insert("deadline", r#""60s""#.to_owned());
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    assert_eq!(register.journal(), journal);
    assert!(!register.steps(&ran).contains(&"migrate-expand".to_owned()), "{:?}", register.steps(&ran));
    // Rows that were there before are filled in all the same.
    assert_eq!(register.ask("SELECT count(*) FROM person WHERE full_name IS NULL"), "0");
    writers.go_on();
    writers.end().lost_nothing();
}

/// The new release asks for a column that no migration makes.
fn the_new_release_needs_another_column(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    let writers = register.writers();
    register.next().app.set("COLUMN", "display_name");
    register.app.rollout.insert("deadline", r#""6s""#.to_owned());
    let ran = register.deploy();
    ran.expect(7, "rolled_back", "INSTANCE_NOT_READY").expect_message(&["display_name"]);
    register.truth_of(&ran, &before);
    writers.go_on();
    writers.end().lost_nothing();
}

on_each_database!(a_trigger_refuses);
on_processes!(the_live_release_suffers, the_new_release_is_ill, the_new_release_needs_another_column);
