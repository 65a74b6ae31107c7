//! The container engine is restarted, with everything that runs in it, at every point. Nothing is promised to requests: all
//! instances end. What holds is that the run comes to its end, and that the end is as the report says.

use super::every_point::{at_every_step, at_every_undo};
use super::kinds::{Kind, Stage};
use crate::support::fixture::Docker;
use crate::support::world::World;

fn restart_at_every_step(docker: &Docker, kind: Kind) {
    let world = World::new(docker);
    world.serve();
    at_every_step(&Stage::new(&world, kind), kind, &|| docker.restart_engine());
}

fn restart_at_every_undo(docker: &Docker, kind: Kind) {
    let world = World::new(docker);
    world.serve();
    at_every_undo(&Stage::new(&world, kind), kind, &|| docker.restart_engine());
}

fn deploy_engine(docker: &Docker) {
    restart_at_every_step(docker, Kind::Deploy);
}

fn deploy_engine_at_undo(docker: &Docker) {
    restart_at_every_undo(docker, Kind::Deploy);
}

fn warm_engine(docker: &Docker) {
    restart_at_every_step(docker, Kind::Warm);
}

fn cold_engine(docker: &Docker) {
    restart_at_every_step(docker, Kind::Cold);
}

on_docker!(deploy_engine, deploy_engine_at_undo, warm_engine, cold_engine);
