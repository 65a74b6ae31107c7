//! Rows "soft drop" and "hard drop": what only former releases needed goes when none of them stands by any more, under another
//! name first; for good only later, and only with a backup.

use super::register::{Place, Register};
use super::writers::Writers;
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;

/// The next version is live, and its contract is done; the clients go on.
pub(super) fn contracted(register: &mut Register<'_>) -> Writers {
    register.app.rollout.insert("warm", r#""1s""#.to_owned());
    let writers = register.writers();
    register.next().deploy().expect_live();
    wait::until_ok("the contract", || {
        let state = register.contract_of("20260214101500");
        if state == "done" { Ok(()) } else { Err((state, register.world.tail("serve.log"))) }
    });
    register.settled();
    writers.go_on();
    writers
}

fn softly(place: Place<'_>) {
    let Some(mut register) = Register::live(place) else { return };
    let first = register.settled().live().to_owned();
    let writers = contracted(&mut register);
    let before = register.settled();
    assert_eq!(before.standby, None);
    // The column is there under another name, with all that it held.
    let columns = register.columns();
    assert!(!columns.contains(&"name".to_owned()), "{columns:?}");
    let tombstone = columns.iter().find(|name| !["id", "full_name"].contains(&name.as_str())).unwrap();
    let kept =
        register.ask(&format!("SELECT count({tombstone}) FROM person WHERE full_name LIKE 'person %'"));
    assert_eq!(kept, "2000");
    // Below the floor nothing can run: this is said, and nothing is tried.
    let schema = register.schema();
    let ran = register.run(&["rollback", "staging", "--to", &first]);
    ran.expect(4, "refused", "SCHEMA_REFUSES").expect_message(&[&first, "20260214101500"]);
    let ran = register.run(&["rollback", "staging"]);
    assert_eq!(ran.status, 4, "{ran:#?}");
    assert_eq!((register.settled(), register.schema()), (before.clone(), schema));
    // The next deploy has nothing to do.
    let ran = register.deploy();
    ran.expect_live();
    register.truth_of(&ran, &before);
    writers.go_on();
    writers.end().lost_nothing();
}

/// Its time is over. Without a backup it stays; with one that is younger it goes.
fn for_good_only_with_a_backup(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    register.set("soft_drop_for", r#""1ms""#);
    let writers = contracted(&mut register);
    let schema = register.schema();
    look_again(&register);
    wait::until_ok("a refusal", || {
        let said = register.world.tail("serve.log");
        if said.contains("stays: ") { Ok(()) } else { Err(said) }
    });
    assert_eq!(register.schema(), schema);
    let taken = register.run(&["backup", "create", "staging"]);
    assert_eq!(taken.status, 0, "{taken:#?}");
    look_again(&register);
    wait::until_ok("a column that is gone for good", || {
        let columns = register.columns();
        if columns == ["id", "full_name"] { Ok(()) } else { Err((columns, register.world.tail("serve.log"))) }
    });
    // That is the point of no return.
    let back = register.run(&["migrate", "undrop", "staging", "--version", "20260214101500"]);
    assert_eq!((back.status, back.field("error.code")), (4, "CONTRACT_FINAL".to_owned()), "{back:#?}");
    let history = register.run(&["migrate", "history", "staging"]);
    assert!(history.out.contains("column person.name"), "{history:#?}");
    register.settled();
    writers.go_on();
    writers.end().lost_nothing();
}

/// What is due is looked for in the beginning, and then only now and then.
pub(super) fn look_again(register: &Register<'_>) {
    processes::kill(register.world.serve_pid().unwrap());
    // A command starts the next one.
    register.settled();
}

/// Somebody still uses the column: the drop is taken back, the former release is allowed again and serves, with what was written
/// meanwhile. The contract waits until another deploy has settled.
fn taken_back(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let first = register.settled().live().to_owned();
    let nothing = register.run(&["migrate", "undrop", "staging", "--all"]);
    assert_eq!((nothing.status, nothing.field("error.code")), (4, "NOTHING_TO_ROLL_BACK_TO".to_owned()));
    let schema = register.schema();
    let writers = contracted(&mut register);
    // Written while the column is away: a new row, and another name in an old one.
    register.ask("INSERT INTO person (full_name) VALUES ('Hedy Lamarr')");
    register.ask("UPDATE person SET full_name = 'Grace Hopper' WHERE full_name = 'person 7'");
    register.run(&["rollback", "staging", "--to", &first]).expect(4, "refused", "SCHEMA_REFUSES");
    let listed = register.run(&["migrate", "undrop", "staging"]);
    assert_eq!(listed.field("contracts.0.version"), "20260214101500", "{listed:#?}");
    let back = register.run(&["migrate", "undrop", "staging", "--version", "20260214101500"]);
    assert_eq!((back.status, back.field("outcome")), (0, "live".to_owned()), "{back:#?}");
    let contract = "SELECT contract FROM bascule.migration WHERE version = '20260214101500'";
    assert_eq!(register.ask(contract), "waiting");
    assert_eq!(register.ask("SELECT count(*) FROM bascule.compat"), "0");
    assert_eq!(register.ask("SELECT count(*) FROM person WHERE name IS DISTINCT FROM full_name"), "0");
    assert_ne!(register.schema(), schema, "the new column stays");
    writers.go_on();
    // Nobody makes it again unasked.
    look_again(&register);
    let ran = register.run(&["rollback", "staging", "--to", &first]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    assert_eq!(register.settled().live(), first);
    writers.go_on();
    for written in ["Hedy Lamarr", "Grace Hopper"] {
        assert_eq!(register.ask(&format!("SELECT count(*) FROM person WHERE name = '{written}'")), "1");
    }
    assert_eq!(register.ask(contract), "waiting");
    let history = register.run(&["migrate", "history", "staging"]);
    let said = &history.out;
    assert!(said.contains("\"soft\"") && said.contains("\"undo\""), "{said}");
    // With the next deploy it comes to its end as ever.
    register.deploy().expect_live();
    wait::until_ok("the contract", || {
        let state = register.ask(contract);
        if state == "done" { Ok(()) } else { Err((state, register.world.tail("serve.log"))) }
    });
    register.settled();
    writers.go_on();
    writers.end().lost_nothing();
}

on_each_database!(softly);
on_processes!(for_good_only_with_a_backup, taken_back);
