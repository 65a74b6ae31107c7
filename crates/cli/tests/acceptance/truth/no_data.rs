//! A bake that saw too few users never passes for that: the checks decide, or it waits, or it is a failure.

use super::requests::{evidence, users, wait_for_word};
use crate::support::agreement::{Standings, settled, truth_of};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn second_release<'a>(world: &World<'a>, policy: &str) -> (App, Standings) {
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(world, &app);
    app.version("2");
    app.rollout.insert("on_no_data", format!("{policy:?}"));
    app.rollout.insert("min_requests", "20".to_owned());
    app.write();
    (app, before)
}

fn probe(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (app, before) = second_release(&world, "probe");
    let ran = world.deploy(&app);
    ran.expect_live();
    truth_of(&world, &app, &ran, &before);
    let seen = evidence(&world.report(&app, &ran.field("run")), "step_done", "bake");
    assert_eq!(
        (&seen["rule"], &seen["criteria"]["errors"]),
        (&"probe".into(), &"no-data".into()),
        "{seen:#}"
    );
    assert!(seen["figures"]["probes"]["all"].as_u64() >= Some(3), "{seen:#}");
    assert!(ran.field("bake").contains("no data from users"), "{ran:#?}");
}

fn fail(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (app, before) = second_release(&world, "fail");
    let ran = world.deploy(&app);
    ran.expect(7, "rolled_back", "BAKE_NO_DATA").expect_message(&["fewer than 20"]);
    truth_of(&world, &app, &ran, &before);
}

fn wait(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (app, before) = second_release(&world, "wait");
    let deploy = world.start(&app, &["deploy", ENVIRONMENT]);
    wait_for_word(&deploy, "waiting for more");
    let users = users(app.door, 50.0);
    let ran = deploy.end();
    ran.expect_live();
    truth_of(&world, &app, &ran, &before);
    users.lost_nothing();
    let seen = evidence(&world.report(&app, &ran.field("run")), "step_done", "bake");
    assert_eq!(seen["rule"], "thresholds", "{seen:#}");
    assert!(seen["figures"]["requests"].as_u64() >= Some(20), "{seen:#}");
}

on_each_target!(probe, fail, wait);
