//! Kills in a deploy.

use super::every_point::{kill_at_every_step, kill_at_every_undo};
use super::kinds::Kind;
use super::victims::Victim;
use crate::support::fixture::Fixture;

fn control_plane(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Deploy, Victim::ControlPlane);
}

fn edge(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Deploy, Victim::Edge);
}

fn instance(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Deploy, Victim::Instance);
}

fn all_three(fixture: &dyn Fixture) {
    kill_at_every_step(fixture, Kind::Deploy, Victim::All);
}

fn control_plane_at_undo(fixture: &dyn Fixture) {
    kill_at_every_undo(fixture, Kind::Deploy, Victim::ControlPlane);
}

fn edge_at_undo(fixture: &dyn Fixture) {
    kill_at_every_undo(fixture, Kind::Deploy, Victim::Edge);
}

fn instance_at_undo(fixture: &dyn Fixture) {
    kill_at_every_undo(fixture, Kind::Deploy, Victim::Instance);
}

fn all_three_at_undo(fixture: &dyn Fixture) {
    kill_at_every_undo(fixture, Kind::Deploy, Victim::All);
}

on_each_target!(
    control_plane,
    edge,
    instance,
    all_three,
    control_plane_at_undo,
    edge_at_undo,
    instance_at_undo,
    all_three_at_undo,
);
