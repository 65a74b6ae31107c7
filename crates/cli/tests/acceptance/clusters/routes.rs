//! Users are moved by the backends of an Ingress. Nobody in this cluster acts on one: what it names is seen, and the Services that it names
//! are asked.

use std::net::{IpAddr, SocketAddr};

use super::shop;
use crate::support::app::{App, ENVIRONMENT};
use crate::support::door;
use crate::support::fixture::Kubernetes;
use crate::support::wait;
use crate::support::world::World;

/// The shop behind the Ingress `front`, which leads to `backend`.
fn behind(world: &World<'_>, cluster: &Kubernetes, backend: &str) -> App {
    let mut app = shop(world);
    app.instances = 1;
    app.rollout.insert("warm", r#""10m""#.to_owned());
    app.place = format!(
        "namespace = {:?}\nkubernetes.switch = \"route\"\nkubernetes.route = {{ kind = \"Ingress\", name = \"front\" }}\n",
        cluster.namespace()
    );
    let rule = format!("--rule=shop.example/*={backend}:80");
    cluster.kubectl(&["create", "ingress", "front", &rule, "--rule=docs.example/*=docs:80"]);
    app
}

fn of_ingress(cluster: &Kubernetes, path: &str) -> String {
    cluster.kubectl(&["get", "ingress", "front", "--output", &format!("jsonpath={path}")])
}

/// The Service that users of the shop come to.
fn led(cluster: &Kubernetes) -> String {
    of_ingress(cluster, "{.spec.rules[0].http.paths[0].backend.service.name}")
}

/// The release that answers at a Service's own address.
fn answers(cluster: &Kubernetes, service: &str) -> String {
    let address = cluster.kubectl(&["get", "service", service, "--output", "jsonpath={.spec.clusterIP}"]);
    let address: IpAddr = address.parse().unwrap();
    let asked = door::get(SocketAddr::from((address, 80)), "localhost", "/version");
    asked.map(|answer| answer.release().to_owned()).unwrap_or_default()
}

/// Waits until the Ingress leads to the release that is live, and `status` finds nothing amiss. Answers which.
fn agreed(world: &World<'_>, cluster: &Kubernetes, app: &App) -> String {
    wait::until_ok("a state in which everything agrees", || {
        let status = world.status(app);
        let live = status["live"]["release"].as_str().unwrap_or_default().to_owned();
        let drift = status["drift"].as_array().is_some_and(Vec::is_empty);
        let seen = answers(cluster, &led(cluster));
        let is_quiet = status["run"].is_null() && drift && !live.is_empty();
        if is_quiet && seen == live { Ok(live) } else { Err(format!("{seen:?} answers: {status}")) }
    })
}

#[test]
fn an_ingress_leads_to_one_of_two_services_there_and_back() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = behind(&world, &cluster, "shop-web-blue");
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);
    assert_eq!(led(&cluster), "shop-web-blue");
    app.version("2");
    world.deploy(&app).expect_live();
    let second = agreed(&world, &cluster, &app);
    assert_ne!(second, first);
    assert_eq!(led(&cluster), "shop-web-green");
    // The former one is warm behind its own Service.
    assert_eq!(answers(&cluster, "shop-web-blue"), first);
    world.rollback(&app).expect_live();
    assert_eq!(agreed(&world, &cluster, &app), first);
    assert_eq!(led(&cluster), "shop-web-blue");
    // Whoever leads users elsewhere is named, and stands in the way.
    let elsewhere =
        r#"[{"op":"replace","path":"/spec/rules/0/http/paths/0/backend/service/name","value":"old"}]"#;
    cluster.kubectl(&[
        "patch",
        "ingress",
        "front",
        "--field-manager=gitops",
        "--type=json",
        "--patch",
        elsewhere,
    ]);
    app.version("3");
    world.deploy(&app).expect(4, "refused", "TRAFFIC_TAKEN").expect_message(&["Ingress front", "gitops"]);
    // It stays the user's: what was noted there goes, and what it leads to stays.
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    cluster.until_empty();
    assert_eq!(led(&cluster), "old");
    assert_eq!(of_ingress(&cluster, "{.spec.rules[1].http.paths[0].backend.service.name}"), "docs");
    assert!(!of_ingress(&cluster, "{.metadata.annotations}").contains("bascule"));
}

#[test]
fn an_ingress_that_leads_elsewhere_is_refused_with_what_to_write() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let app = behind(&world, &cluster, "shop-web");
    let ran = world.deploy(&app);
    ran.expect(4, "refused", "CLUSTER_REFUSED")
        .expect_message(&["Ingress front", "shop-web-blue or shop-web-green"]);
    let remedy = ran.problem().unwrap().remedy;
    assert!(remedy.contains("name: shop-web-blue"), "{remedy}");
    assert!(cluster.objects().is_empty(), "{:?}", cluster.objects());
}
