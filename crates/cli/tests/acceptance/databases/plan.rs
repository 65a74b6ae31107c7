//! Row "plan": what is wrong with the files is said before anything is touched.

use bascule_database_servers::{PgBouncer, Pooling};

use super::register::{FULL_NAME, PEOPLE, Register};
use super::server::Server;
use crate::support::command::Ran;
use crate::support::fixture::Fixture;

/// Spoils the folder of a register that is live, deploys, and checks that nobody noticed and nothing was touched.
fn refused(fixture: &dyn Fixture, spoil: impl FnOnce(&mut Register<'_>)) -> Option<Ran> {
    let mut register = Register::live(fixture)?;
    let before = (register.settled(), register.schema(), register.journal());
    let running = register.world.running(&register.app);
    let writers = register.writers();
    spoil(&mut register);
    let ran = register.deploy();
    writers.go_on();
    let seen = writers.end();
    assert_eq!(seen.lost_nothing().answered.len(), 1, "{seen:?}");
    assert_eq!((register.settled(), register.schema(), register.journal()), before);
    assert_eq!(register.world.running(&register.app), running);
    Some(ran)
}

fn edited_file(fixture: &dyn Fixture) {
    let ran = refused(fixture, |register| {
        register.next();
        let text = "-- expand\nCREATE TABLE person (id bigint PRIMARY KEY, name varchar(80) NOT NULL);\n-- down\nDROP TABLE person;\n";
        register.put(PEOPLE, text);
    });
    let Some(ran) = ran else { return };
    ran.expect(4, "refused", "MIGRATIONS_DIFFER").expect_message(&[PEOPLE]);
}

fn line_feeds_are_no_edit(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let path = register.migrations().join(format!("{PEOPLE}.sql"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    let before = register.journal();
    register.deploy().expect_live();
    assert_eq!(register.journal(), before);
}

fn missing_file(fixture: &dyn Fixture) {
    let ran = refused(fixture, |register| {
        register.next().remove(PEOPLE);
    });
    let Some(ran) = ran else { return };
    ran.expect(4, "refused", "MIGRATIONS_DIFFER").expect_message(&["20260101090000"]);
}

fn out_of_order(fixture: &dyn Fixture) {
    let ran = refused(fixture, |register| {
        register.put(
            "20251231000000_late",
            "-- expand\nCREATE TABLE late (id bigint PRIMARY KEY);\n-- down\nDROP TABLE late;\n",
        );
    });
    let Some(ran) = ran else { return };
    ran.expect(4, "refused", "MIGRATIONS_DIFFER").expect_message(&["20251231000000"]);
}

fn lint(fixture: &dyn Fixture) {
    let ran = refused(fixture, |register| {
        let text = "-- expand\nALTER TABLE person RENAME COLUMN name TO full_name;\n\
                    -- down\nALTER TABLE person RENAME COLUMN full_name TO name;\n";
        register.put(FULL_NAME, text);
        register.app.set("COLUMN", "full_name");
    });
    let Some(ran) = ran else { return };
    ran.expect(4, "refused", "MIGRATION_LINT").expect_message(&[FULL_NAME]);
}

fn no_sql(fixture: &dyn Fixture) {
    let ran = refused(fixture, |register| {
        register.put(FULL_NAME, "-- expand\nALTER TABLE person ADD COLUMN full_name text DEFAULT 'open;\n");
    });
    let Some(ran) = ran else { return };
    ran.expect(2, "refused", "MIGRATIONS_UNREADABLE").expect_message(&[FULL_NAME]);
}

fn no_server(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let before = register.settled();
    register.next();
    register.world.set_variable("DATABASE_URL", "postgres://postgres@127.0.0.1:9/register");
    let ran = register.deploy();
    ran.expect(75, "refused", "DATABASE_UNAVAILABLE").expect_message(&["127.0.0.1:9"]);
    assert_eq!(register.settled(), before);
    // A rollback asks no database: it is refused for another reason.
    register.run(&["rollback", "staging"]).expect(4, "refused", "NOTHING_TO_ROLL_BACK_TO");
}

/// The app's own way through a pooler is asked where it leads, before anything is done.
fn a_pooled_url_that_leads_elsewhere(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let Server::Postgres(server, database) = &register.server else { unreachable!() };
    let Some(pooler) = PgBouncer::start(server, Pooling::Transaction) else { return };
    let (own, other) = (pooler.address(database), pooler.address(&server.database()));
    let before = register.settled();
    register.set("pooled_url", r#""${POOLED_URL}""#);
    register.world.set_variable("POOLED_URL", &other);
    register.next().deploy().expect(4, "refused", "DATABASE_DIFFERS").expect_message(&["pooled_url"]);
    assert_eq!((register.settled(), register.columns()), (before, vec!["id".to_owned(), "name".to_owned()]));
    register.world.set_variable("POOLED_URL", &own);
    register.deploy().expect_live();
}

on_processes!(
    a_pooled_url_that_leads_elsewhere,
    edited_file,
    line_feeds_are_no_edit,
    missing_file,
    out_of_order,
    lint,
    no_sql,
    no_server
);
