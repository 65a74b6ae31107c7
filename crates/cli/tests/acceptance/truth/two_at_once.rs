//! Two who want the same environment, a plan that has become stale, and a command that is left while its run goes on.

use super::requests::wait_for_word;
use crate::support::agreement::{settled, truth_of};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;
use crate::support::world::World;

fn lease_held(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.version("2");
    app.rollout.insert("bake", r#""600s""#.to_owned());
    app.write();
    let deploy = world.start(&app, &["deploy", ENVIRONMENT]);
    wait_for_word(&deploy, "from users so far");
    let run = world.status(&app)["run"]["id"].as_str().unwrap().to_owned();
    for words in [["deploy", ENVIRONMENT], ["rollback", ENVIRONMENT], ["down", ENVIRONMENT]] {
        let ran = world.run(&app, &words);
        let code = ran.field("error.code");
        assert_eq!((ran.status, code.as_str()), (6, "LEASE_HELD"), "{words:?}: {ran:#?}");
        ran.expect_message(&[&run]);
    }
    assert_eq!(world.run(&app, &["abort", &run]).status, 0);
    truth_of(&world, &app, &deploy.end(), &before);
}

fn stale_plan(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    app.version("2").write();
    let plan = world.run(&app, &["plan", ENVIRONMENT]);
    let hash = plan.field("plan_hash");
    assert_eq!((plan.status, hash.is_empty()), (0, false), "{plan:#?}");
    let again = world.run(&app, &["plan", ENVIRONMENT]);
    assert_eq!(again.field("plan_hash"), hash, "the same world and the same wish");
    // The wish moves.
    app.version("3").write();
    let before = settled(&world, &app);
    world.run(&app, &["deploy", ENVIRONMENT, "--plan", &hash]).expect(6, "refused", "PLAN_STALE");
    assert_eq!(settled(&world, &app), before);
    // The world moves.
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.version("2").write();
    world.run(&app, &["deploy", ENVIRONMENT, "--plan", &hash]).expect(6, "refused", "PLAN_STALE");
    assert_eq!(settled(&world, &app), before);
    // Nothing moves.
    let hash = world.run(&app, &["plan", ENVIRONMENT]).field("plan_hash");
    let ran = world.run(&app, &["deploy", ENVIRONMENT, "--plan", &hash]);
    ran.expect_live();
    truth_of(&world, &app, &ran, &before);
}

fn the_command_is_killed(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.rollout.insert("bake", r#""1s""#.to_owned());
    app.write();
    let deploy = world.start(&app, &["deploy", ENVIRONMENT]);
    wait_for_word(&deploy, r#""step":"start""#);
    processes::kill(deploy.pid());
    assert_eq!(deploy.end().status, -1);
    let run = wait::until("a run", || world.newest_run(&app))["run"].as_str().unwrap().to_owned();
    let followed = world.run(&app, &["run", "show", &run, "--follow"]);
    assert_eq!(followed.status, 0, "{followed:#?}");
    assert!(settled(&world, &app).live.is_some());
}

on_each_target!(lease_held, stale_plan, the_command_is_killed);
