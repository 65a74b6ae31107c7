//! `down`, which is not undone: a step that fails, and `kill -9` of the control plane, around the effect of every step. Users have the
//! release that is recorded, or nobody's, and the next `down` takes away what is left.

use bascule_engine::steps::Warmth;
use bascule_model::plan::RunKind;

use crate::support::agreement::{Standings, seen_at_the_door, settled};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Fixture;
use crate::support::points::Shape;
use crate::support::processes;
use crate::support::world::World;

fn points() -> Vec<String> {
    Shape::of(RunKind::Down, Warmth::Warm).apply_points()
}

fn a_step_fails(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    for point in points() {
        println!("failing at {point}");
        world.deploy(&app).expect_live();
        let before = settled(&world, &app);
        world.points.fail(&point);
        let ran = world.run(&app, &["down", ENVIRONMENT]);
        world.points.mend(&point);
        ran.expect(75, "failed", "INTERNAL").expect_message(&[&format!("{point} was made to fail")]);
        if point.contains(".stop-all.") {
            assert_ne!(seen_at_the_door(&app), before.live(), "{point}");
            assert!(world.status(&app)["live"].is_null(), "{point}");
        } else {
            assert_eq!(settled(&world, &app), before, "{point}");
        }
        let again = world.run(&app, &["down", ENVIRONMENT]);
        assert_eq!(again.status, 0, "{point}: {again:#?}");
        assert_eq!(settled(&world, &app), Standings::default(), "{point}");
    }
}

fn the_control_plane_is_killed(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    for point in points() {
        println!("killed at {point}");
        world.deploy(&app).expect_live();
        settled(&world, &app);
        world.points.pause(&point);
        let mut command = world.start(&app, &["down", ENVIRONMENT]);
        world.points.wait_for(&point, &mut command);
        processes::kill(world.serve_pid().unwrap());
        world.points.go_on(&point);
        let ran = command.end();
        assert_eq!(ran.status, 0, "{point}: {ran:#?}");
        assert_eq!(settled(&world, &app), Standings::default(), "{point}");
    }
}

/// Users have the release again, whenever the one who gives it back to them is killed.
fn the_control_plane_is_killed_on_the_way_back(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    for point in ["down.switch-off.undo.before", "down.switch-off.undo.after"] {
        let failing = "down.switch-off.apply.after";
        world.points.fail(failing);
        world.points.pause(point);
        let mut command = world.start(&app, &["down", ENVIRONMENT]);
        world.points.wait_for(point, &mut command);
        world.points.mend(failing);
        processes::kill(world.serve_pid().unwrap());
        world.points.go_on(point);
        command.end().expect(75, "failed", "INTERNAL");
        assert_eq!(settled(&world, &app), before, "{point}");
    }
}

on_each_target!(a_step_fails, the_control_plane_is_killed, the_control_plane_is_killed_on_the_way_back);
