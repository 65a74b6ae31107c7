//! The way back is one write, and needs nothing of the release that it leaves.

use super::{agreed, answers, shop};
use crate::support::fixture::Kubernetes;
use crate::support::points::Shape;
use crate::support::world::World;
use bascule_engine::steps::Warmth;
use bascule_model::plan::RunKind;

/// The new release has the traffic; then this happens to it, and the run fails.
fn whatever_became_of_it(hurt: impl Fn(&Kubernetes, &str)) {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.rollout.insert("bake", r#""0s""#.to_owned());
    world.deploy(&app).expect_live();
    let before = agreed(&world, &cluster, &app);
    app.version("2");
    app.write();
    let (point, last) = ("deploy.bake.apply.before", Shape::of(RunKind::Deploy, Warmth::Cold).last_point());
    world.points.pause(point);
    world.points.fail(&last);
    let mut command = world.start(&app, &["deploy", "staging"]);
    world.points.wait_for(point, &mut command);
    let new = cluster.selected(&app.name);
    assert_ne!(new, before);
    hurt(&cluster, &new);
    world.points.go_on(point);
    let ran = command.end();
    world.points.mend(&last);
    assert_eq!(ran.field("outcome"), "rolled_back", "{ran:#?}");
    assert_eq!(agreed(&world, &cluster, &app), before);
    for _ in 0..10 {
        assert_eq!(answers(&app), before);
    }
}

#[test]
fn its_pods_were_deleted() {
    whatever_became_of_it(|cluster, release| {
        let selector = format!("bascule.dev/release={release}");
        cluster.kubectl(&["delete", "deployments", "--selector", &selector, "--wait=false"]);
        cluster.kubectl(&["delete", "pods", "--selector", &selector, "--grace-period=0", "--force"]);
    });
}

#[test]
fn it_was_scaled_to_nothing() {
    whatever_became_of_it(|cluster, release| {
        let selector = format!("bascule.dev/release={release}");
        cluster.kubectl(&["scale", "deployments", "--selector", &selector, "--replicas=0"]);
    });
}

#[test]
fn its_pods_crash() {
    whatever_became_of_it(|cluster, release| {
        let name = format!("shop-web-{release}");
        let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","command":["sh","-c","exit 1"]}]}}}}"#;
        cluster.kubectl(&["patch", "deployment", &name, "--patch", patch]);
    });
}
