//! Steps and undos that fail: each one once, and one that never works until a person decides.

use bascule_model::run::Outcome;

use super::kinds::{Kind, Stage};
use crate::support::agreement::{Standings, settled, truth_of};
use crate::support::app::ENVIRONMENT;
use crate::support::command::Ran;
use crate::support::fixture::Fixture;
use crate::support::world::World;

/// Fails every step of a kind of run, before and after its effect: what was live stays live.
fn fail_every_step(fixture: &dyn Fixture, kind: Kind) {
    let world = World::new(fixture);
    let stage = Stage::new(&world, kind);
    for point in kind.apply_points() {
        println!("failing at {point}");
        let before = stage.set();
        world.points.fail(&point);
        let ran = stage.begin(&before).end();
        world.points.mend(&point);
        assert!(world.points.was_reached(&point));
        ran.expect_message(&[&format!("{point} was made to fail")]);
        let outcome: Outcome = serde_json::from_value(ran.last()["outcome"].clone()).unwrap();
        assert!(matches!(outcome, Outcome::Refused | Outcome::RolledBack), "{ran:#?}");
        let untouched = truth_of(&world, &stage.app, &ran, &before) == before;
        assert!(untouched || outcome == Outcome::RolledBack, "{ran:#?}");
    }
    // Nobody died: no run is taken for one that a crash left.
    assert!(!world.tail("serve.log").contains("going on with"), "{}", world.tail("serve.log"));
}

/// Lets every undo of a kind of run fail once: it is tried again.
fn fail_every_undo(fixture: &dyn Fixture, kind: Kind) {
    let world = World::new(fixture);
    let stage = Stage::new(&world, kind);
    let last = kind.last_point();
    for point in kind.undo_points() {
        println!("failing once at {point}");
        let before = stage.set();
        world.points.fail(&last);
        world.points.fail(&point);
        let mut command = stage.begin(&before);
        world.points.wait_for(&point, &mut command);
        world.points.mend(&point);
        let ran = command.end();
        world.points.mend(&last);
        ran.expect(7, "rolled_back", "INTERNAL");
        truth_of(&world, &stage.app, &ran, &before);
    }
}

fn deploy(fixture: &dyn Fixture) {
    fail_every_step(fixture, Kind::Deploy);
}

fn deploy_undo(fixture: &dyn Fixture) {
    fail_every_undo(fixture, Kind::Deploy);
}

fn warm_rollback(fixture: &dyn Fixture) {
    fail_every_step(fixture, Kind::Warm);
    fail_every_undo(fixture, Kind::Warm);
}

fn cold_rollback(fixture: &dyn Fixture) {
    fail_every_step(fixture, Kind::Cold);
}

fn cold_rollback_undo(fixture: &dyn Fixture) {
    fail_every_undo(fixture, Kind::Cold);
}

/// A deploy whose undo of `start` never works; how it stood before it.
fn stuck<'a>(world: &'a World<'a>) -> (Stage<'a>, Standings, Ran) {
    let stage = Stage::new(world, Kind::Deploy);
    let before = stage.set();
    world.points.fail("deploy.verify.apply.before");
    world.points.fail("deploy.start.undo.before");
    let ran = stage.begin(&before).end();
    world.points.mend("deploy.verify.apply.before");
    (stage, before, ran)
}

fn stuck_and_tried_again(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (stage, before, ran) = stuck(&world);
    let app = &stage.app;
    ran.expect(8, "stuck", "STUCK").expect_message(&["deploy.start.undo.before"]);
    assert_eq!(ran.field("live_release"), before.live());
    let run = ran.field("run");
    let status = world.status(app);
    assert_eq!(status["live"]["release"].as_str(), before.live.as_deref(), "{status:#}");
    assert_eq!(status["run"]["id"], run.as_str(), "{status:#}");
    assert!(status["run"]["stuck"].is_object(), "{status:#}");
    let other = world.run(app, &["deploy", ENVIRONMENT]);
    other.expect(6, "refused", "LEASE_HELD").expect_message(&["stuck", &run]);
    let again = world.run(app, &["resolve", &run, "--retry-undo"]);
    assert_eq!((again.status, again.field("outcome").as_str()), (8, "stuck"), "{again:#?}");
    world.points.mend("deploy.start.undo.before");
    let again = world.run(app, &["resolve", &run, "--retry-undo"]);
    assert_eq!((again.status, again.field("outcome").as_str()), (0, "rolled_back"), "{again:#?}");
    assert_eq!(settled(&world, app).live, before.live);
}

fn stuck_and_abandoned(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (stage, before, ran) = stuck(&world);
    let (app, run) = (&stage.app, ran.field("run"));
    ran.expect(8, "stuck", "STUCK");
    // Also by a control plane that was started since.
    crate::support::processes::kill(world.serve_pid().unwrap());
    world.points.mend("deploy.start.undo.before");
    let given_up = world.run(app, &["resolve", &run, "--abandon", "--reason", "stopped by hand"]);
    assert_eq!((given_up.status, given_up.field("outcome").as_str()), (0, "stuck"), "{given_up:#?}");
    // What it left is retired, since it has no window; who deploys meanwhile only waits for that.
    let ran = world.run(app, &["deploy", ENVIRONMENT]);
    truth_of(&world, app, ran.expect_live(), &before);
}

on_each_target!(
    deploy,
    deploy_undo,
    warm_rollback,
    cold_rollback,
    cold_rollback_undo,
    stuck_and_tried_again,
    stuck_and_abandoned,
);
