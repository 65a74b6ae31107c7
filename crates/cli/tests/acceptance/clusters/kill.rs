//! The control plane is killed at every point of a deploy: whatever was begun comes to an end, and users notice nothing.

use std::time::Duration;

use bascule_engine::steps::Warmth;
use bascule_load::{Profile, Retry};
use bascule_model::plan::RunKind;

use super::{agreed, shop};
use crate::support::app::App;
use crate::support::fixture::Kubernetes;
use crate::support::points::Shape;
use crate::support::processes;
use crate::support::world::World;

fn killed_at(points: &[String], failing: Option<&str>) {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    world.deploy(&app).expect_live();
    agreed(&world, &cluster, &app);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let profile = Profile {
        http1: 2,
        rate_per_second: Some(20.0),
        patience: Duration::from_secs(30),
        retry: Retry::IdempotentOnReused,
        ..Profile::idle(app.door)
    };
    let load = bascule_load::start(profile).unwrap();
    for (number, point) in points.iter().enumerate() {
        strike(&world, &cluster, &mut app, number, point, failing);
    }
    let figures = runtime.block_on(load.stop());
    assert!(figures.ok() > 100, "too few to tell: {figures:#?}");
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert_eq!(world.run(&app, &["down", "staging"]).status, 0);
    cluster.until_empty();
}

fn strike(
    world: &World<'_>,
    cluster: &Kubernetes,
    app: &mut App,
    number: usize,
    point: &str,
    failing: Option<&str>,
) {
    let before = agreed(world, cluster, app);
    app.version(&format!("killed-{number}"));
    app.write();
    failing.into_iter().for_each(|failing| world.points.fail(failing));
    world.points.pause(point);
    let mut command = world.start(app, &["deploy", "staging"]);
    world.points.wait_for(point, &mut command);
    processes::kill(world.serve_pid().unwrap());
    world.points.go_on(point);
    // Any command starts the next control plane, which goes on.
    let ran = command.end();
    failing.into_iter().for_each(|failing| world.points.mend(failing));
    let live = agreed(world, cluster, app);
    let new = ran.field("release");
    if failing.is_some() {
        assert_eq!(live, before, "at {point}: {ran:#?}");
        assert!(cluster.pods(&new).is_empty(), "at {point} pods of {new} are left");
    } else {
        assert_eq!(live, new, "at {point}: {ran:#?}");
    }
}

/// Pods need seconds to start and to stop: each step is struck once its effect is there and nobody has noted it, and those that
/// change the cluster before it as well.
fn struck(point: &str) -> bool {
    let changes = ["start", "switch", "retire-former"];
    point.ends_with(".after") || changes.iter().any(|step| point.contains(&format!(".{step}.")))
}

#[test]
fn at_every_step() {
    let all = Shape::of(RunKind::Deploy, Warmth::Cold).apply_points();
    let some: Vec<String> = all.into_iter().filter(|point| struck(point)).collect();
    killed_at(&some, None);
}

#[test]
fn at_every_undo() {
    let deploy = Shape::of(RunKind::Deploy, Warmth::Cold);
    killed_at(&deploy.undo_points(), Some(&deploy.last_point()));
}
