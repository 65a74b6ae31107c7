//! What fails before the switch leaves the live release as it was: the same processes, and no request lost.

use super::requests::users;
use crate::support::agreement::{Standings, seen_at_the_door, settled, truth_of};
use crate::support::app::App;
use crate::support::command::Ran;
use crate::support::fixture::Fixture;
use crate::support::world::World;

/// Deploys a good release, spoils the app, deploys again beside users, and checks that nobody noticed.
pub fn spoiled(fixture: &dyn Fixture, spoil: impl FnOnce(&mut App)) -> Ran {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let ran_before = world.running(&app);
    let users = users(app.door, 50.0);
    app.version("2");
    spoil(&mut app);
    let ran = world.deploy(&app);
    let after = truth_of(&world, &app, &ran, &before);
    let figures = users.lost_nothing();
    assert_eq!(figures.versions.keys().collect::<Vec<_>>(), ["1"], "a user met the bad release");
    assert_eq!((after, world.running(&app)), (before, ran_before));
    ran
}

fn never_healthy(fixture: &dyn Fixture) {
    let ran = spoiled(fixture, |app| {
        app.set("SHOP_FAULT_NEVER_HEALTHY", "1");
        app.rollout.insert("deadline", r#""5s""#.to_owned());
    });
    ran.expect(7, "rolled_back", "INSTANCE_NOT_READY").expect_message(&["503", "within 5 s"]);
}

fn wrong_port(fixture: &dyn Fixture) {
    let ran = spoiled(fixture, |app| {
        app.set("SHOP_FAULT_WRONG_PORT", "1");
        app.rollout.insert("deadline", r#""1s""#.to_owned());
    });
    ran.expect(7, "rolled_back", "INSTANCE_NOT_READY").expect_message(&["listens on"]);
}

fn crash_loop_at_start(fixture: &dyn Fixture) {
    let ran = spoiled(fixture, |app| {
        app.set("SHOP_FAULT_EXIT_AT_START", "3");
        // Longer than a scenario may last: what ends it is the crash loop.
        app.rollout.insert("deadline", r#""600s""#.to_owned());
    });
    ran.expect(7, "rolled_back", "INSTANCE_CRASH_LOOP").expect_message(&[
        "exit status 3",
        "no such table: goods",
        "leaving with code 3",
    ]);
}

fn failing_verify(fixture: &dyn Fixture) {
    let ran = spoiled(fixture, |app| {
        app.more = "[[verify]]\nname = \"users\"\nget = \"/api/users\"\nexpect = { contains = \"nobody of that name\" }\n".to_owned();
    });
    ran.expect(7, "rolled_back", "VERIFY_FAILED").expect_message(&["users", "before the switch"]);
}

fn missing_command(fixture: &dyn Fixture) {
    let ran = spoiled(fixture, |app| {
        app.web.insert("command", r#"["./application", "--port", "$PORT"]"#.to_owned());
    });
    ran.expect(7, "rolled_back", "INSTANCE_START_FAILED").expect_message(&["./application"]);
}

fn first_deploy(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.set("SHOP_FAULT_EXIT_AT_START", "3");
    let ran = world.deploy(&app);
    ran.expect(7, "rolled_back", "INSTANCE_CRASH_LOOP");
    let after = truth_of(&world, &app, &ran, &Standings::default());
    assert_eq!(after, Standings::default());
    assert_eq!(seen_at_the_door(&app), "", "the door is open with nobody behind it");
    app.unset("SHOP_FAULT_EXIT_AT_START");
    let ran = world.deploy(&app);
    ran.expect_live();
    truth_of(&world, &app, &ran, &after);
}

on_each_target!(
    never_healthy,
    wrong_port,
    crash_loop_at_start,
    failing_verify,
    missing_command,
    first_deploy
);
