//! A route that cannot be swapped is refused before anything is made, with what is to be written into it.

use bascule_engine::ports::Traffic as _;
use bascule_fake_cluster::{FakeCluster, Flavour};
use bascule_model::problem::Code;
use bascule_model::release::RouteKind;
use serde_json::{Value, json};

use super::{lead, route, routed, rule, world};
use crate::support::{FENCE, NAMESPACE, World, epoch, problem};

async fn refused(kind: RouteKind, object: Option<Value>) -> (String, String) {
    let world = World::over(FakeCluster::at(Flavour::New, NAMESPACE, epoch()), "state-1");
    if let Some(object) = object {
        world.cluster.create("kubectl", object);
    }
    let first = routed(kind, 1);
    for refused in
        [world.traffic.can_open(&first.release).await, world.traffic.open(FENCE, &first.release).await]
    {
        assert_eq!(problem(refused).code, Code::ClusterRefused);
    }
    assert!(world.names("Service").is_empty() && world.names("Deployment").is_empty());
    if let Some(object) = world.cluster.get(kind.as_str(), "front") {
        assert_eq!(object["metadata"]["annotations"], json!({ "mine": "yes" }));
    }
    let refused = problem(world.traffic.can_open(&first.release).await);
    (refused.message, refused.remedy)
}

#[tokio::test(start_paused = true)]
async fn what_has_to_be_written_is_said() {
    for kind in RouteKind::ALL {
        let mut both = route(kind, "shop-web-blue");
        both["spec"]["rules"][0] = rule(kind, "shop-web-green");
        for (object, words) in [
            (None, "it is not there"),
            (Some(route(kind, "shop-web")), "none of its backends is shop-web-blue or shop-web-green"),
            (Some(both), "it leads to shop-web-green and to shop-web-blue"),
        ] {
            let (message, remedy) = refused(kind, object).await;
            assert!(message.contains(words), "{words}: {message}");
            assert!(remedy.contains("name: shop-web-blue"), "{remedy}");
        }
    }
    let mut object = route(RouteKind::HTTPRoute, "shop-web-blue");
    let split = json!([{ "name": "shop-web-blue", "port": 80, "weight": 9 }, { "name": "shop-web-green", "port": 80, "weight": 1 }]);
    object["spec"]["rules"][1]["backendRefs"] = split;
    let (message, _) = refused(RouteKind::HTTPRoute, Some(object)).await;
    assert!(message.contains("several backends (spec.rules[1])"), "{message}");
    let mut object = route(RouteKind::Ingress, "shop-web-blue");
    object["spec"]["rules"][1]["http"]["paths"][0]["backend"]["service"]["port"] = json!({ "number": 8080 });
    let (message, _) = refused(RouteKind::Ingress, Some(object)).await;
    assert!(message.contains("port 8080 of shop-web-blue"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_it_does_not_lead_to_is_named_with_the_slot_that_it_does() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        lead(&world.cluster, kind, "kubectl", "shop-web-green");
        let mut first = routed(kind, 1);
        let mut api = first.release.services[0].clone();
        api.name = "api".parse().unwrap();
        api.traffic.as_mut().unwrap().path = "/api".to_owned();
        first.release.services.push(api);
        let refused = problem(world.traffic.can_open(&first.release).await);
        assert!(refused.message.contains("shop-api-blue or shop-api-green"), "{refused:?}");
        assert!(refused.remedy.contains("name: shop-api-green"), "{refused:?}");
        // Of users who come to it otherwise nothing is asked.
        let cluster = first.release.cluster.as_mut().unwrap();
        cluster.route.as_mut().unwrap().services = vec!["web".parse().unwrap()];
        world.traffic.can_open(&first.release).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_among_the_objects_of_files_is_refused() {
    for kind in RouteKind::ALL {
        let world = world(kind, Flavour::New);
        let mut first = routed(kind, 1);
        first.release.cluster.as_mut().unwrap().manifests = vec![route(kind, "shop-web-blue")];
        let refused = problem(world.traffic.can_open(&first.release).await);
        assert_eq!(refused.code, Code::ClusterWouldRefuse, "{refused:?}");
        assert!(refused.message.contains("front") && refused.message.contains("`route`"), "{refused:?}");
    }
}
