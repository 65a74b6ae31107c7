//! `kill -9` of the control plane, and of the edge, around the effect of every step that changes a database, and around its undo.
//! The next one goes on, and nothing is left in the middle.

use std::cell::Cell;

use bascule_engine::steps::{SchemaNeeded, SlotNeeded, Warmth};
use bascule_model::plan::RunKind;
use bascule_model::run::Outcome;

use super::contract::{contracted, look_again};
use super::register::{Place, Register};
use super::server::Kind;
use crate::kill::victims::Victim;
use crate::kill::witnesses::Witness;
use crate::support::fixture::Fixture;
use crate::support::points::Shape;
use crate::support::processes;
use crate::support::wait;

const STEPS: [&str; 6] =
    ["rehearse", "migrate-contract", "backup", "migrate-expand", "migrate-gate", "backfill"];
/// Those that change the database.
const CHANGING: [&str; 4] = ["migrate-contract", "migrate-expand", "migrate-revert", "backfill"];
const ALL: SchemaNeeded =
    SchemaNeeded { rehearse: true, contract: true, backup: true, expand: true, fill: true };

/// A deploy with everything that there is for a database.
fn deploy() -> Shape {
    Shape { slot: SlotNeeded::Taken, schema: ALL, ..Shape::of(RunKind::Deploy, Warmth::Cold) }
}

/// A register whose every deploy adds a column, fills it in, and takes the one before away.
struct Stage<'a> {
    register: Register<'a>,
    round: Cell<u32>,
}

impl<'a> Stage<'a> {
    fn new(place: Place<'a>) -> Option<Self> {
        let mut register = Register::live(place)?;
        register.set("backup", r#""before-expand""#).set("watch", r#""200ms""#);
        let mut stage = Self { register, round: Cell::new(0) };
        for _ in 0..2 {
            stage.add();
            stage.register.deploy().expect_live();
        }
        Some(stage)
    }

    /// A migration with all that there is; gives its version.
    fn add(&self) -> String {
        let round = self.round.get() + 1;
        self.round.set(round);
        let version = format!("202603010000{round:02}");
        let (column, before) = (format!("extra_{round}"), format!("extra_{}", round - 1));
        let contract = match round {
            1 => String::new(),
            _ => format!("-- contract\nALTER TABLE person DROP COLUMN {before};\n"),
        };
        let text = format!(
            "-- expand\nALTER TABLE person ADD COLUMN {column} text;\n\
             -- backfill table=person key=id batch=1000 gate=switch\nUPDATE person SET {column} = name WHERE {column} IS NULL;\n\
             {contract}\
             -- down\nALTER TABLE person DROP COLUMN {column};\n"
        );
        self.register.put(&format!("{version}_{column}"), &text);
        version
    }

    /// Kills somebody when a deploy comes to a point.
    fn kill_at(&mut self, point: &str, victim: Victim, failing: Option<&str>) {
        let began = std::time::Instant::now();
        if self.register.settled().standby.is_none() {
            self.register.deploy().expect_live();
        }
        let before = self.register.settled();
        let version = self.add();
        let points = self.register.world.points.clone();
        failing.into_iter().for_each(|failing| points.fail(failing));
        points.pause(point);
        let mut command = self.register.begin();
        points.wait_for(point, &mut command);
        victim.strike(&self.register.world, &self.register.app);
        points.go_on(point);
        let ran = command.end();
        failing.into_iter().for_each(|failing| points.mend(failing));
        self.register.truth_of(&ran, &before);
        println!("killed at {point}: {} ms", began.elapsed().as_millis());
        let expected = if failing.is_some() { Outcome::RolledBack } else { Outcome::Live };
        let outcome: Outcome = serde_json::from_value(ran.last()["outcome"].clone()).unwrap();
        assert_eq!(outcome, expected, "{ran:#?}");
        // The expand stays, whatever became of the deploy.
        self.register.is_whole(&version);
    }
}

/// Points of steps. On PostgreSQL and processes all of them; elsewhere those at which a change of the database was made and its
/// outcome is not known, which is where databases and targets differ.
fn chosen(place: Place<'_>, points: Vec<String>, steps: &[&str]) -> Vec<String> {
    let whole = place.kind == Kind::Postgres && place.fixture.target() == "process";
    let is_of = |point: &str, steps: &[&str]| steps.iter().any(|step| point.contains(&format!(".{step}.")));
    let is_chosen = |point: &String| {
        is_of(point, steps) && (whole || (is_of(point, &CHANGING) && point.ends_with(".after")))
    };
    points.into_iter().filter(is_chosen).collect()
}

fn at_every_step(place: Place<'_>) {
    let Some(mut stage) = Stage::new(place) else { return };
    let writers = stage.register.writers();
    for point in chosen(place, deploy().apply_points(), &STEPS) {
        stage.kill_at(&point, Victim::ControlPlane, None);
    }
    writers.go_on();
    writers.end().lost_nothing();
}

fn at_every_undo(fixture: &dyn Fixture) {
    let place = fixture.into();
    let Some(mut stage) = Stage::new(place) else { return };
    let writers = stage.register.writers();
    let last = deploy().last_point();
    for point in chosen(place, deploy().undo_points(), &STEPS) {
        stage.kill_at(&point, Victim::ControlPlane, Some(&last));
    }
    writers.go_on();
    writers.end().lost_nothing();
}

/// The edge at every step. New connections wait for the next one and are not refused; the database is none of its business.
fn edge_at_every_step(fixture: &dyn Fixture) {
    let Some(mut stage) = Stage::new(fixture.into()) else { return };
    let witness = Witness::of(Victim::Edge, stage.register.app.door);
    for point in deploy().apply_points() {
        if CHANGING.iter().any(|step| point.contains(&format!(".{step}."))) {
            stage.kill_at(&point, Victim::Edge, None);
        }
    }
    witness.tell();
    let writers = stage.register.writers();
    writers.go_on();
    writers.end().lost_nothing();
}

/// Around the contract that follows when the rollback window is over.
fn at_the_contract(place: Place<'_>) {
    let points = Shape::of(RunKind::Contract, Warmth::Warm).apply_points();
    for point in chosen(place, points, &["lease", "migrate-contract"]) {
        let Some(mut register) = Register::live(place) else { return };
        let writers = register.writers();
        register.app.rollout.insert("warm", r#""100ms""#.to_owned());
        register.world.points.pause(&point);
        register.next().deploy().expect_live();
        wait::until_ok(&point, || {
            let reached = register.world.points.was_reached(&point);
            if reached { Ok(()) } else { Err(register.world.tail("serve.log")) }
        });
        processes::kill(register.world.serve_pid().unwrap());
        register.world.points.go_on(&point);
        // A command starts the next one.
        register.settled();
        wait::until_ok("the contract", || {
            let state = register.contract_of("20260214101500");
            if state == "done" { Ok(()) } else { Err((state, register.world.tail("serve.log"))) }
        });
        register.settled();
        register.is_whole("20260214101500");
        assert!(!register.columns().contains(&"name".to_owned()), "{:?}", register.columns());
        writers.go_on();
        writers.end().lost_nothing();
    }
}

/// Around taking back.
fn at_the_revert(place: Place<'_>) {
    let Some(mut register) = Register::live(place) else { return };
    let schema = register.schema();
    let writers = register.writers();
    register.next();
    let points = Shape::of(RunKind::Revert, Warmth::Warm).apply_points();
    let mut left = None;
    for point in chosen(place, points, &["lease", "retire", "migrate-revert"]) {
        register.deploy().expect_live();
        left = register.settled().live;
        register.world.points.pause(&point);
        let mut command = register.world.start(&register.app, &["rollback", "staging", "--with-db"]);
        register.world.points.wait_for(&point, &mut command);
        processes::kill(register.world.serve_pid().unwrap());
        register.world.points.go_on(&point);
        let ran = command.end();
        assert_eq!(ran.status, 0, "{point}: {ran:#?}");
        assert_eq!(register.schema(), schema, "{point}");
        assert_eq!(register.state_of("20260214101500"), "reverted");
        register.settled();
    }
    // Who comes back finds what it needs, though the one who took it away did not live to say so.
    let left = left.unwrap();
    register.run(&["rollback", "staging", "--to", &left]).expect_live();
    register.is_whole("20260214101500");
    writers.go_on();
    writers.end().lost_nothing();
}

/// The drop is taken back, and whoever did it could not say so. It is recorded all the same: the former release is allowed again, and
/// nobody makes the contract again unasked.
fn taken_back_unsaid(fixture: &dyn Fixture) {
    let Some(mut register) = Register::live(fixture) else { return };
    let first = register.settled().live().to_owned();
    let writers = contracted(&mut register);
    register.run(&["rollback", "staging", "--to", &first]).expect(4, "refused", "SCHEMA_REFUSES");
    let failing = "undrop.migrate-undrop.apply.after";
    register.world.points.fail(failing);
    let back = register.run(&["migrate", "undrop", "staging", "--version", "20260214101500"]);
    register.world.points.mend(failing);
    assert_eq!((back.status, back.field("outcome")), (75, "failed".to_owned()), "{back:#?}");
    look_again(&register);
    let ran = register.run(&["rollback", "staging", "--to", &first]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    assert_eq!(register.settled().live(), first);
    assert_eq!(register.contract_of("20260214101500"), "waiting");
    writers.go_on();
    writers.end().lost_nothing();
}

on_each_database!(at_every_step, at_the_contract, at_the_revert);
on_processes!(at_every_undo, edge_at_every_step, taken_back_unsaid);
