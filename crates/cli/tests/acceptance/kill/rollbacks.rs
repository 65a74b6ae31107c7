//! Kills in rollbacks: to a release that stands by, and to one that has to be started.

use super::every_point::{kill_at_every_step, kill_at_every_undo};
use super::kinds::Kind;
use super::victims::Victim;
use crate::support::fixture::Fixture;

fn warm(fixture: &dyn Fixture, victim: Victim) {
    kill_at_every_step(fixture, Kind::Warm, victim);
    kill_at_every_undo(fixture, Kind::Warm, victim);
}

fn warm_control_plane(fixture: &dyn Fixture) {
    warm(fixture, Victim::ControlPlane);
}

fn warm_edge(fixture: &dyn Fixture) {
    warm(fixture, Victim::Edge);
}

fn warm_instance(fixture: &dyn Fixture) {
    warm(fixture, Victim::Instance);
}

fn warm_all_three(fixture: &dyn Fixture) {
    warm(fixture, Victim::All);
}

fn cold_control_plane(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Cold, Victim::ControlPlane);
}

fn cold_edge(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Cold, Victim::Edge);
}

fn cold_instance(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Cold, Victim::Instance);
}

fn cold_all_three(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Cold, Victim::All);
}

fn cold_undo(fixture: &dyn Fixture) {
    for victim in [Victim::ControlPlane, Victim::Edge, Victim::Instance, Victim::All] {
        kill_at_every_undo(fixture, Kind::Cold, victim);
    }
}

on_each_target!(
    warm_control_plane,
    warm_edge,
    warm_instance,
    warm_all_three,
    cold_control_plane,
    cold_edge,
    cold_instance,
    cold_all_three,
    cold_undo,
);
