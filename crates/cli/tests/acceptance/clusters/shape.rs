//! What the manifest adds to what Bascule makes by itself: to Deployments, who comes in to pods, and objects of its own.

use std::fs;

use super::{agreed, shop};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::fixture::Kubernetes;
use crate::support::world::World;

/// The environment's place with more of `kubernetes`.
fn with(app: &mut App, place: &str, more: &str) {
    app.place = format!("{place}{more}\n");
}

#[test]
fn a_patch_is_of_its_release() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    let place = app.place.clone();
    let patched = |team: &str, key: &str| {
        format!(
            r#"kubernetes.patches = [{{ metadata = {{ annotations = {{ team = "{team}" }} }}, spec = {{ template = {{ spec = {{ {key} = [{{ key = "shop", operator = "Exists" }}] }} }} }} }}]"#
        )
    };
    let team = |release: &str| {
        let path = "jsonpath={.metadata.annotations.team} {.spec.template.spec.tolerations[0].key}";
        cluster.kubectl(&["get", "deployment", &format!("shop-web-{release}"), "--output", path])
    };
    with(&mut app, &place, &patched("one", "tolerations"));
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);
    assert_eq!(team(&first), "one shop");
    with(&mut app, &place, &patched("two", "tolerations"));
    app.version("2");
    world.deploy(&app).expect_live();
    let second = agreed(&world, &cluster, &app);
    assert_eq!((team(&first), team(&second)), ("one shop".to_owned(), "two shop".to_owned()));
    // A word that the API server would only pass over.
    with(&mut app, &place, &patched("three", "toleratons"));
    app.version("3");
    world
        .deploy(&app)
        .expect(4, "refused", "CLUSTER_WOULD_REFUSE")
        .expect_message(&["spec.template.spec.toleratons"]);
    // What is rendered is what was applied.
    let project = app.project().to_str().unwrap();
    let rendered =
        world.command(&["render", "kubernetes", ENVIRONMENT, "--project", project]).output().unwrap();
    let rendered = String::from_utf8_lossy(&rendered.stdout).into_owned();
    assert!(rendered.contains("team: two"), "{rendered}");
    world.rollback(&app).expect_live();
    assert_eq!(agreed(&world, &cluster, &app), first);
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    cluster.until_empty();
}

#[test]
fn objects_of_files_go_live_come_back_and_are_pruned() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    let place = app.place.clone();
    let folder = app.project().join("k8s");
    fs::create_dir(&folder).unwrap();
    let map = |name: &str, mode: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  mode: {mode}\n---\n")
    };
    let mode = |name: &str| {
        let path = "jsonpath={.data.mode}";
        cluster.kubectl(&["get", "configmap", name, "--ignore-not-found", "--output", path])
    };
    with(&mut app, &place, r#"kubernetes.manifests = ["k8s/*.yaml"]"#);
    fs::write(folder.join("a.yaml"), map("shop-extra", "one")).unwrap();
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);
    assert_eq!(mode("shop-extra"), "one");
    fs::write(folder.join("a.yaml"), map("shop-extra", "two") + &map("shop-new", "two")).unwrap();
    app.version("2");
    world.deploy(&app).expect_live();
    agreed(&world, &cluster, &app);
    assert_eq!((mode("shop-extra"), mode("shop-new")), ("two".to_owned(), "two".to_owned()));
    // Neither the way back nor what follows needs the files.
    fs::remove_dir_all(&folder).unwrap();
    with(&mut app, &place, "");
    world.rollback(&app).expect_live();
    assert_eq!(agreed(&world, &cluster, &app), first);
    app.version("3");
    world.deploy(&app).expect_live();
    agreed(&world, &cluster, &app);
    // The second release was retired first: what it had alone is gone, what it had changed is as the first one wants it.
    assert_eq!((mode("shop-extra"), mode("shop-new")), ("one".to_owned(), String::new()));
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    assert_eq!(mode("shop-extra"), "");
    cluster.until_empty();
}

#[test]
fn who_may_come_in_is_said_to_the_cluster() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    app.web.insert("network", r#"{ from = ["app", "0.0.0.0/0"] }"#.to_owned());
    world.deploy(&app).expect_live();
    agreed(&world, &cluster, &app);
    let from = "jsonpath={.spec.ingress[0].from[*].ipBlock.cidr}";
    let said =
        || cluster.kubectl(&["get", "networkpolicy", "shop-web", "--ignore-not-found", "--output", from]);
    assert_eq!(said(), "0.0.0.0/0");
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    assert_eq!(said(), "");
    cluster.until_empty();
}
