//! Rollbacks by hand: where they go, and what is said when there is nowhere to go.

use crate::support::agreement::{Standings, settled, truth_of};
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn nowhere_to_go(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    app.write();
    world.rollback(&app).expect(4, "refused", "NOTHING_TO_ROLL_BACK_TO");
    assert_eq!(settled(&world, &app), Standings::default());
    let first = world.deploy(&app).expect_live().field("release");
    let before = settled(&world, &app);
    world.rollback(&app).expect(4, "refused", "NOTHING_TO_ROLL_BACK_TO").expect_message(&["staging of shop"]);
    world
        .rollback_to(&app, &first)
        .expect(4, "refused", "NOTHING_TO_ROLL_BACK_TO")
        .expect_message(&["live already"]);
    world
        .rollback_to(&app, "r99-abcdef")
        .expect(2, "refused", "RELEASE_UNKNOWN")
        .expect_message(&["r99-abcdef"]);
    assert_eq!(settled(&world, &app), before);
}

fn one_after_the_other(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    let mut releases = Vec::new();
    for version in ["1", "2", "3"] {
        app.version(version);
        releases.push(world.deploy(&app).expect_live().field("release"));
    }
    let mut before = settled(&world, &app);
    // The first finds its release warm, the second has to start it.
    for expected in [&releases[1], &releases[0]] {
        let ran = world.rollback(&app);
        ran.expect_live();
        before = truth_of(&world, &app, &ran, &before);
        assert_eq!(before.live(), expected);
    }
    world.rollback(&app).expect(4, "refused", "NOTHING_TO_ROLL_BACK_TO");
    assert_eq!(settled(&world, &app), before);
}

fn to_a_release(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    let mut releases = Vec::new();
    for version in ["1", "2", "3"] {
        app.version(version);
        releases.push(world.deploy(&app).expect_live().field("release"));
    }
    let mut before = settled(&world, &app);
    // The manifest of today is of no account: what stood comes back as it stood.
    std::fs::write(app.project().join("bascule.toml"), "app = \"shop\"\nnonsense").unwrap();
    fixture.remove_sources(&app);
    for to in [&releases[0], &releases[2], &releases[0]] {
        let ran = world.rollback_to(&app, to);
        ran.expect_live();
        before = truth_of(&world, &app, &ran, &before);
        assert_eq!(before.live(), to);
    }
}

fn never_to_one_that_failed(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    let first = world.deploy(&app).expect_live().field("release");
    app.version("2").set("SHOP_FAULT_EXIT_AT_START", "3");
    world.deploy(&app).expect(7, "rolled_back", "INSTANCE_CRASH_LOOP");
    app.version("3").unset("SHOP_FAULT_EXIT_AT_START");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let ran = world.rollback(&app);
    ran.expect_live();
    assert_eq!(truth_of(&world, &app, &ran, &before).live(), first);
}

on_each_target!(nowhere_to_go, one_after_the_other, to_a_release, never_to_one_that_failed);
