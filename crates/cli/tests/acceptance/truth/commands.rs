//! Commands beside the instances, and what is left over: nothing.

use crate::support::agreement::settled;
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn exec(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.version("7");
    world.deploy(&app).expect_live();
    let before = (settled(&world, &app), world.running(&app));
    let project = app.project().to_str().unwrap();
    let script = "echo version $SHOP_VERSION; echo to stderr >&2; exit 3";
    let words = ["exec", ENVIRONMENT, "web", "--project", project, "--", "sh", "-c", script];
    let output = world.command(&words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "version 7\n");
    assert!(said.contains("to stderr"), "{said}");
    // It was no instance, and nothing of it is left.
    assert_eq!((settled(&world, &app), world.running(&app)), before);
    let left = world.run(&app, &["prune", ENVIRONMENT, "--dry-run"]);
    assert_eq!((left.status, left.field("bytes").as_str()), (0, "0"), "{left:#?}");
}

on_each_target!(exec);
