//! What is refused before anything is made, and what fails and is told.

use serde_json::json;

use super::{agreed, shop};
use crate::support::fixture::Kubernetes;
use crate::support::world::World;

#[test]
fn a_quota_without_room_for_two() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    world.deploy(&app).expect_live();
    let live = agreed(&world, &cluster, &app);
    let before = cluster.objects();
    cluster.kubectl(&["create", "quota", "small", "--hard=pods=3"]);
    // The cluster counts what is there before it enforces.
    crate::support::wait::until("a quota that has counted", || {
        let used = cluster.kubectl(&["get", "quota", "small", "--output", "jsonpath={.status.used.pods}"]);
        (used == "2").then_some(())
    });
    app.version("2");
    let ran = world.deploy(&app);
    ran.expect(4, "refused", "CLUSTER_NO_ROOM").expect_message(&["small", "3 of pods", "2 more"]);
    assert_eq!(agreed(&world, &cluster, &app), live);
    assert_eq!(cluster.objects(), before, "something was made");
}

#[test]
fn a_name_that_is_taken() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let app = shop(&world);
    cluster.kubectl(&["create", "service", "clusterip", "shop-web", "--tcp=80:80"]);
    world.deploy(&app).expect(4, "refused", "NAME_TAKEN").expect_message(&["Service shop-web"]);
    assert!(cluster.objects().is_empty(), "{:?}", cluster.objects());
}

#[test]
fn a_namespace_that_is_not_there() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.place = app.place.replace(cluster.namespace(), "nowhere-to-be-found");
    world.deploy(&app).expect(4, "refused", "CLUSTER_REFUSED").expect_message(&["nowhere-to-be-found"]);
}

#[test]
fn a_release_that_ends_again_and_again() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    world.deploy(&app).expect_live();
    let live = agreed(&world, &cluster, &app);
    app.version("2").set("SHOP_CRASH_AFTER_MS", "1");
    app.web.insert("command", r#"["sh", "-c", "echo the words of the end; exit 3"]"#.to_owned());
    let ran = world.deploy(&app);
    ran.expect(7, "rolled_back", "INSTANCE_CRASH_LOOP")
        .expect_message(&["exit status 3", "the words of the end"]);
    assert_eq!(agreed(&world, &cluster, &app), live);
    let failed = ran.field("release");
    assert!(cluster.pods(&failed).is_empty(), "pods of {failed} are left");
}

#[test]
fn what_the_cluster_itself_would_refuse() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    let limits = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "small" },
        "spec": { "limits": [{ "type": "Container", "max": { "memory": "64Mi" } }] },
    });
    cluster.create(&limits);
    app.web.insert("resources", r#"{ memory = "128Mi" }"#.to_owned());
    let ran = world.deploy(&app);
    ran.expect(4, "refused", "CLUSTER_WOULD_REFUSE")
        .expect_message(&["Pod shop-web-", "maximum memory usage per Container is 64Mi"]);
    assert!(cluster.objects().is_empty(), "{:?}", cluster.objects());
    cluster.kubectl(&["delete", "limitrange", "small"]);
    world.deploy(&app).expect_live();
    agreed(&world, &cluster, &app);
}
