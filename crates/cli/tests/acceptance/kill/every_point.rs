//! One kind of run, one victim, every point.

use std::time::Instant;

use bascule_model::run::Outcome;

use super::kinds::{Kind, Stage};
use super::victims::Victim;
use super::witnesses::Witness;
use crate::support::agreement::truth_of;
use crate::support::fixture::Fixture;
use crate::support::world::World;

/// Kills the victim at every point of the kind's steps.
pub fn kill_at_every_step(fixture: &dyn Fixture, kind: Kind, victim: Victim) {
    let world = World::new(fixture);
    world.serve();
    let stage = Stage::new(&world, kind);
    let witness = Witness::of(victim, stage.app.door);
    at_every_step(&stage, kind, &|| victim.strike(&world, &stage.app));
    witness.tell();
}

/// Lets the kind's last step fail, and kills the victim at every point of the undo.
pub fn kill_at_every_undo(fixture: &dyn Fixture, kind: Kind, victim: Victim) {
    let world = World::new(fixture);
    world.serve();
    let stage = Stage::new(&world, kind);
    let witness = Witness::of(victim, stage.app.door);
    at_every_undo(&stage, kind, &|| victim.strike(&world, &stage.app));
    witness.tell();
}

/// Lets it happen at every point of the kind's steps.
pub fn at_every_step(stage: &Stage<'_>, kind: Kind, strike: &dyn Fn()) {
    for point in kind.apply_points() {
        strike_at(stage, strike, &point, None);
    }
}

/// Lets the kind's last step fail, and lets it happen at every point of the undo.
pub fn at_every_undo(stage: &Stage<'_>, kind: Kind, strike: &dyn Fn()) {
    for point in kind.undo_points() {
        strike_at(stage, strike, &point, Some(&kind.last_point()));
    }
}

fn strike_at(stage: &Stage<'_>, strike: &dyn Fn(), point: &str, failing: Option<&str>) {
    let (world, app) = (stage.world, &stage.app);
    let began = Instant::now();
    let before = stage.set();
    failing.into_iter().for_each(|failing| world.points.fail(failing));
    world.points.pause(point);
    let mut command = stage.begin(&before);
    world.points.wait_for(point, &mut command);
    strike();
    world.points.go_on(point);
    let ran = command.end();
    failing.into_iter().for_each(|failing| world.points.mend(failing));
    truth_of(world, app, &ran, &before);
    println!("struck at {point}: {} ms", began.elapsed().as_millis());
    let outcome: Outcome = serde_json::from_value(ran.last()["outcome"].clone()).unwrap();
    match failing {
        Some(_) => assert_eq!(outcome, Outcome::RolledBack, "{ran:#?}"),
        None => assert_ne!(outcome, Outcome::Stuck, "{ran:#?}"),
    }
}
