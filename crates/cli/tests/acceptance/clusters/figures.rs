//! A bake decides on figures: those of a Prometheus, and those of requests of our own.

use bascule_database_servers::{Exporter, Prometheus};

use super::{agreed, shop};
use crate::support::fixture::Kubernetes;
use crate::support::world::World;
use crate::truth::requests::{evidence, wait_for_word};

/// What a controller for Ingresses has counted for the shop's Service, in this namespace.
fn counted(namespace: &str, well: u64, failed: u64) -> String {
    let labels = format!("namespace=\"{namespace}\",service=\"shop-web\"");
    let requests = "nginx_ingress_controller_requests";
    let times = "nginx_ingress_controller_request_duration_seconds_bucket";
    let all = well + failed;
    format!(
        "{requests}{{{labels},status=\"200\"}} {well}\n{requests}{{{labels},status=\"502\"}} {failed}\n\
         {times}{{{labels},le=\"0.1\"}} {all}\n{times}{{{labels},le=\"+Inf\"}} {all}\n"
    )
}

#[test]
fn what_a_prometheus_saw_fail_is_switched_back() {
    let exporter = Exporter::start();
    let Some(prometheus) = Prometheus::start(&[(exporter.address(), "job: controller")]) else { return };
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.place.push_str(&format!("observe = {{ prometheus = {:?} }}\n", prometheus.address()));
    app.rollout.insert("min_requests", "50".to_owned());
    // It has nothing yet: that is said, and the checks decide.
    let ran = world.deploy(&app);
    ran.expect_live();
    let seen = evidence(&world.report(&app, &ran.field("run")), "step_done", "bake");
    assert_eq!(seen["rule"], "probe", "{seen:#}");
    let said = seen["sentence"].as_str().unwrap_or_default();
    assert!(said.contains("no data") && said.contains("has nothing for requests"), "{seen:#}");
    let before = agreed(&world, &cluster, &app);

    exporter.say(&counted(cluster.namespace(), 0, 0));
    exporter.until_asked(3);
    app.version("2");
    app.rollout.insert("bake", r#""3600s""#.to_owned());
    app.write();
    let deploy = world.start(&app, &["deploy", "staging"]);
    wait_for_word(&deploy, "0 requests from users so far");
    // It grows while it is scraped: what is there at the first look of a window is no growth.
    for share in 1..=4 {
        exporter.until_asked(3);
        exporter.say(&counted(cluster.namespace(), 200 * share, 50 * share));
    }
    let ran = deploy.end();
    ran.expect(7, "rolled_back", "BAKE_ERRORS").expect_message(&["requests from users failed"]);
    assert_eq!(agreed(&world, &cluster, &app), before);
    let seen = evidence(&world.report(&app, &ran.field("run")), "step_failed", "bake");
    assert_eq!((&seen["rule"], &seen["requests_of"]), (&"errors".into(), &"users".into()), "{seen:#}");
}

#[test]
fn what_a_probe_saw_fail_is_switched_back() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.place.push_str("observe = { probe = { rate = 50, path = \"/version\" } }\n");
    for (key, value) in [
        ("min_requests", "50"),
        ("on_no_data", r#""wait""#),
        // A machine that is slow for a moment says nothing here.
        ("max_p95", r#""60s""#),
    ] {
        app.rollout.insert(key, value.to_owned());
    }
    let ran = world.deploy(&app);
    ran.expect_live();
    let seen = evidence(&world.report(&app, &ran.field("run")), "step_done", "bake");
    assert_eq!((&seen["rule"], &seen["requests_of"]), (&"thresholds".into(), &"probe".into()), "{seen:#}");
    let before = agreed(&world, &cluster, &app);
    app.version("2").set("SHOP_FAULT_ERROR_RATE", "5%");
    app.rollout.insert("bake", r#""3600s""#.to_owned());
    let ran = world.deploy(&app);
    ran.expect(7, "rolled_back", "BAKE_ERRORS").expect_message(&["requests from the probe failed"]);
    assert_eq!(agreed(&world, &cluster, &app), before);
}
