//! What users' traffic depends on is put back, so often and not more.

use serde_json::Value;

use super::{agreed, answers, shop};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Kubernetes;
use crate::support::wait;
use crate::support::world::World;

#[test]
fn three_times_and_then_it_is_left_alone() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    world.deploy(&app).expect_live();
    let live = agreed(&world, &cluster, &app);
    let name = format!("shop-web-{live}");
    let elsewhere = r#"{"spec":{"selector":{"bascule.dev/release":"r0-000000"}}}"#;
    let take = || {
        cluster.kubectl(&["patch", "service", "shop-web", "--field-manager=gitops", "--patch", elsewhere]);
    };
    take();
    assert_eq!(agreed(&world, &cluster, &app), live);
    let former = cluster.pods(&live);
    cluster.kubectl(&["scale", "deployment", &name, "--replicas=0"]);
    // Also until the pod is gone that was told to end: it may take a connection, and answer it no more.
    let pod = format!("pod/{}", former[0]["metadata"]["name"].as_str().unwrap());
    wait::patiently(wait::POD_ENDS, "the end of the former pod", || {
        let left = cluster.kubectl(&["get", &pod, "--ignore-not-found", "--output", "name"]);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    let ready = "jsonpath={.spec.replicas} {.status.readyReplicas}";
    let size = || cluster.kubectl(&["get", "deployment", &name, "--output", ready]);
    wait::until("its size", || (size() == "1 1").then_some(()));
    assert_eq!(agreed(&world, &cluster, &app), live);
    wait::until("an answer", || (answers(&app) == live).then_some(()));
    take();
    assert_eq!(agreed(&world, &cluster, &app), live);
    take();
    let told = wait::until("words that it is left alone", || {
        let drift: Value = world.status(&app)["drift"].clone();
        drift.to_string().contains("left alone").then_some(drift)
    });
    assert!(told.to_string().contains("gitops"), "{told}");
    assert_eq!(cluster.selected(&app.name), "r0-000000");
    // A person puts it back, and goes on.
    let back = format!(r#"{{"spec":{{"selector":{{"bascule.dev/release":"{live}"}}}}}}"#);
    cluster.kubectl(&["patch", "service", "shop-web", "--field-manager=bascule", "--patch", &back]);
    assert_eq!(agreed(&world, &cluster, &app), live);
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    cluster.until_empty();
}
