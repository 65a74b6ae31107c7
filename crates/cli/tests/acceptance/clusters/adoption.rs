//! A Deployment that somebody else made goes live as the first release, under load and as it runs; the next one follows it, or it is
//! given back.

use std::time::Duration;

use bascule_load::{Profile, Retry};
use serde_json::{Value, json};

use super::{answers, shop};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::fixture::Kubernetes;
use crate::support::wait;
use crate::support::world::World;

/// What the pods that are taken over say of themselves.
const FORMER: &str = "former";

/// Their Deployment and Service.
fn theirs(cluster: &Kubernetes, app: &App) {
    let labels = json!({ "app": "web" });
    let env = json!([
        { "name": "PORT", "value": "3000" },
        { "name": "BASCULE_RELEASE", "value": FORMER },
        { "name": "SHOP_VERSION", "value": "0" },
        { "name": "SHOP_LAST_CALL_MS", "value": "1000" },
    ]);
    let container = json!({
        "name": "main", "image": "acceptance/shop", "imagePullPolicy": "Never", "env": env,
        "command": ["./app", "--port", "3000"],
        "ports": [{ "containerPort": 3000 }],
        "securityContext": { "runAsUser": 1000 },
        "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 }, "periodSeconds": 1 },
    });
    let objects = [
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "labels": labels },
            "spec": {
                "replicas": 2, "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } },
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "labels": labels },
            "spec": {
                "type": "NodePort", "selector": labels,
                "ports": [{ "port": 80, "targetPort": 3000, "nodePort": app.door.port() }],
            },
        }),
    ];
    for object in objects {
        cluster.create(&object);
        // Who asks a port of the node before it leads somewhere may wait for long.
        cluster.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"]);
    }
    let behind = || {
        cluster.kubectl(&["get", "endpoints", "web", "--output", "jsonpath={.subsets[*].addresses[*].ip}"])
    };
    wait::until("pods behind the Service", || (behind().split(' ').count() == 2).then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    wait::until("an answer through the port of the node", || (answers(app) == FORMER).then_some(()));
}

/// The pods that there are: name, and how often each was started again.
fn pods(cluster: &Kubernetes) -> Vec<(String, i64)> {
    let all: Value = serde_json::from_str(&cluster.kubectl(&["get", "pods", "--output", "json"])).unwrap();
    let items = all["items"].as_array().cloned().unwrap_or_default();
    let stay = items.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    let one = |pod: &Value| {
        let restarts = pod["status"]["containerStatuses"][0]["restartCount"].as_i64().unwrap_or(-1);
        (pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(), restarts)
    };
    let mut pods: Vec<_> = stay.map(one).collect();
    pods.sort();
    pods
}

fn adopting(world: &World<'_>) -> App {
    let mut app = shop(world);
    app.place = app.place.replace("{ type", "{ name = \"web\", type");
    app.place.push_str("kubernetes.adopt = \"web\"\n");
    app
}

#[test]
fn what_runs_is_taken_over_under_load_and_the_next_release_follows() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = adopting(&world);
    theirs(&cluster, &app);
    let before = pods(&cluster);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let profile = Profile {
        http1: 4,
        rate_per_second: Some(40.0),
        patience: Duration::from_secs(30),
        retry: Retry::IdempotentOnReused,
        ..Profile::idle(app.door)
    };
    let load = bascule_load::start(profile).unwrap();
    let first = world.deploy(&app);
    first.expect_live();
    assert_eq!(pods(&cluster), before, "a pod was started or ended");
    assert_eq!(answers(&app), FORMER);
    let deployments = cluster.kubectl(&["get", "deployments", "--output", "name"]);
    assert_eq!(deployments, format!("deployment.apps/shop-web-{}", first.field("release")));
    assert_eq!(world.status(&app)["drift"], json!([]));
    app.version("2");
    let second = world.deploy(&app);
    second.expect_live();
    wait::until("an answer of the next release", || (answers(&app) == second.field("release")).then_some(()));
    let figures = runtime.block_on(load.stop());
    assert!(figures.ok() > 100, "too few to tell: {figures:#?}");
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    // One that was taken over is as good a way back as any.
    let back = world.rollback_to(&app, &first.field("release"));
    back.expect_live();
    assert_eq!(answers(&app), FORMER);
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    cluster.until_empty();
}

#[test]
fn what_was_taken_over_is_given_back() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let app = adopting(&world);
    theirs(&cluster, &app);
    let before = pods(&cluster);
    world.deploy(&app).expect_live();
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    assert_eq!(pods(&cluster), before, "a pod was started or ended");
    assert_eq!(answers(&app), FORMER);
    let rolled = cluster.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    assert!(rolled.contains("successfully rolled out"), "{rolled}");
    assert_eq!(pods(&cluster), before, "a pod was started or ended");
    let labelled = cluster.kubectl(&["get", "all", "--selector", "bascule.dev/app=shop", "--output", "name"]);
    assert_eq!(labelled, "");
    // It is whole: it rolls as it always did.
    cluster.kubectl(&["set", "env", "deployment/web", "SHOP_VERSION=1"]);
    cluster.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"]);
    assert_eq!(cluster.objects(), Vec::<String>::new());
}
