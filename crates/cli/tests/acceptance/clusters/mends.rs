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
    cluster.kubectl(&["scale", "deployment", &name, "--replicas=0"]);
    // What counts is what the cluster has seen: its controllers may never have met the 0.
    let ready = "jsonpath={.metadata.generation} {.status.observedGeneration} {.spec.replicas} {.status.readyReplicas}";
    wait::until_ok("its size", || {
        let said = cluster.kubectl(&["get", "deployment", &name, "--output", ready]);
        let words: Vec<&str> = said.split(' ').collect();
        let is_so = matches!(words[..], [generation, seen, "1", "1"] if generation == seen);
        if is_so { Ok(()) } else { Err(said) }
    });
    // Also until a pod is gone that was told to end: it may take a connection, and answer it no more.
    wait::patiently(wait::POD_ENDS, "the end of pods that were told to end", || {
        let pods = cluster.pods(&live);
        let goes = |pod: &&Value| !pod["metadata"]["deletionTimestamp"].is_null();
        match pods.iter().find(goes) {
            None => Ok(()),
            Some(pod) => Err(pod["metadata"]["name"].to_string()),
        }
    });
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
