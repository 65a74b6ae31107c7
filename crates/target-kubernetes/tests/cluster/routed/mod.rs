//! Users come through an Ingress or an HTTPRoute, whose backends are swapped.

mod faults;
mod mends;
mod others;
mod releases;
mod unfit;
mod whole;

use bascule_engine::ports::SlotSpec;
use bascule_fake_cluster::{FakeCluster, Flavour};
use bascule_model::release::{Cluster, Route, RouteKind, ServiceKind};
use serde_json::{Value, json};

use crate::support::{NAMESPACE, World, epoch, spec};

/// What a release says that goes live by a route.
fn by_route(cluster: &mut Cluster, kind: RouteKind) {
    cluster.service = ServiceKind::ClusterIP;
    cluster.node_port = None;
    cluster.route = Some(Route { kind, name: "front".to_owned(), services: Vec::new() });
}

fn routed(kind: RouteKind, number: u64) -> SlotSpec {
    let mut spec = spec(number);
    by_route(spec.release.cluster.as_mut().unwrap(), kind);
    spec
}

/// The user's object, with one backend of somebody else's.
fn route(kind: RouteKind, backend: &str) -> Value {
    let version = match kind {
        RouteKind::Ingress => "networking.k8s.io/v1",
        // Which both flavours have.
        RouteKind::HTTPRoute => "gateway.networking.k8s.io/v1beta1",
    };
    json!({
        "apiVersion": version, "kind": kind.as_str(),
        "metadata": { "name": "front", "annotations": { "mine": "yes" } },
        "spec": { "rules": [rule(kind, "docs"), rule(kind, backend)] },
    })
}

fn rule(kind: RouteKind, backend: &str) -> Value {
    match kind {
        RouteKind::Ingress => {
            let service = json!({ "name": backend, "port": { "number": 80 } });
            json!({
                "host": format!("{backend}.example"),
                "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": { "service": service } }] },
            })
        }
        RouteKind::HTTPRoute => json!({ "backendRefs": [{ "name": backend, "port": 80 }] }),
    }
}

/// A place of the object that the last rule leads by.
fn place(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Ingress => "/spec/rules/1/http/paths/0/backend/service/name",
        RouteKind::HTTPRoute => "/spec/rules/1/backendRefs/0/name",
    }
}

/// The Service that users come to.
fn led(cluster: &FakeCluster, kind: RouteKind) -> String {
    let object = cluster.get(kind.as_str(), "front").unwrap();
    object.pointer(place(kind)).unwrap().as_str().unwrap().to_owned()
}

/// Somebody leads them elsewhere.
fn lead(cluster: &FakeCluster, kind: RouteKind, manager: &str, to: &str) {
    cluster.edit(kind.as_str(), "front", manager, |object| {
        *object.pointer_mut(place(kind)).unwrap() = to.into();
    });
}

/// The release that a Service selects.
fn selects(cluster: &FakeCluster, service: &str) -> String {
    let service = cluster.get("Service", service).unwrap();
    service["spec"]["selector"]["bascule.dev/release"].as_str().unwrap_or_default().to_owned()
}

/// The release that users get.
fn reached(cluster: &FakeCluster, kind: RouteKind) -> String {
    selects(cluster, &led(cluster, kind))
}

/// A cluster with the user's object in it, which leads to `blue`.
fn world(kind: RouteKind, flavour: Flavour) -> World {
    let world = World::over(FakeCluster::at(flavour, NAMESPACE, epoch()), "state-1");
    world.cluster.create("kubectl", route(kind, "shop-web-blue"));
    world
}

/// Each kind, and each flavour of a cluster.
fn worlds() -> impl Iterator<Item = (RouteKind, World)> {
    let all = RouteKind::ALL.map(|kind| [Flavour::New, Flavour::Old].map(|flavour| (kind, flavour)));
    all.into_iter().flatten().map(|(kind, flavour)| (kind, world(kind, flavour)))
}
