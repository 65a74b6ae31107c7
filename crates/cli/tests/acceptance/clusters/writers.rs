//! Others who write to what says who is live: the run stops, and they are named.

use super::{agreed, shop};
use crate::support::fixture::Kubernetes;
use crate::support::world::World;

fn written_before_the_switch(patch: &str, expected: &str, named: &str) {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    world.deploy(&app).expect_live();
    let before = agreed(&world, &cluster, &app);
    app.version("2");
    app.write();
    let point = "deploy.switch.apply.before";
    world.points.pause(point);
    let mut command = world.start(&app, &["deploy", "staging"]);
    world.points.wait_for(point, &mut command);
    cluster.kubectl(&["patch", "service", "shop-web", "--field-manager=gitops", "--patch", patch]);
    world.points.go_on(point);
    let ran = command.end();
    // Whether what was begun may be taken away cannot be known while somebody else says who is live: a person decides.
    ran.expect(8, "stuck", "STUCK");
    let run = ran.field("run");
    let told = format!("{} {}", world.report(&app, &run), world.status(&app)["drift"]);
    for part in ["TRAFFIC_TAKEN", expected, named] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    // Put back, everything agrees again.
    let back = format!(r#"{{"spec":{{"selector":{{"bascule.dev/release":"{before}"}}}}}}"#);
    cluster.kubectl(&["patch", "service", "shop-web", "--field-manager=bascule", "--patch", &back]);
    assert_eq!(world.run(&app, &["resolve", &run, "--retry-undo"]).status, 0);
    assert_eq!(agreed(&world, &cluster, &app), before);
}

#[test]
fn another_selector_is_named() {
    written_before_the_switch(
        r#"{"spec":{"selector":{"bascule.dev/release":"r0-000000"}}}"#,
        "r0-000000",
        "gitops",
    );
}

#[test]
fn a_missing_key_is_never_a_first_deploy() {
    written_before_the_switch(
        r#"{"spec":{"selector":{"bascule.dev/release":null}}}"#,
        "names no release",
        "",
    );
}
