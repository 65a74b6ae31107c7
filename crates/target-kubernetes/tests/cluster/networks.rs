//! Who may come in to a service's pods.

use bascule_engine::ports::{SlotSpec, Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Matcher};
use bascule_model::problem::Code;
use bascule_model::release::{Network, Peer};
use serde_json::{Value, json};

use crate::support::{FENCE, World, problem, slot, spec};

fn closed(number: u64, from: &[&str]) -> SlotSpec {
    let mut spec = spec(number);
    let from: Vec<Peer> = from.iter().map(|text| text.parse().unwrap()).collect();
    spec.release.services[0].pods.network = Some(Network { from });
    spec
}

/// Who is let in, and whether there is a policy at all.
fn let_in(world: &World) -> Option<Value> {
    let policy = world.cluster.get("NetworkPolicy", "shop-web")?;
    let selector = &policy["spec"]["podSelector"]["matchLabels"];
    assert!(
        selector.get("bascule.dev/release").is_none() && selector.get("bascule.dev/slot").is_none(),
        "{selector}"
    );
    Some(policy["spec"]["ingress"][0]["from"].clone())
}

fn addresses(all: &[&str]) -> Value {
    all.iter().map(|cidr| json!({ "ipBlock": { "cidr": cidr } })).collect()
}

#[tokio::test(start_paused = true)]
async fn without_the_key_there_is_no_policy_and_none_is_asked_for() {
    let world = World::new();
    world.cluster.deny("create", "networkpolicies");
    let first = spec(1);
    world.deploy(FENCE, &first, None).await.unwrap();
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    let calls = world.cluster.calls();
    let asked = calls.iter().filter(|call| call.resource == "networkpolicies");
    // It is looked whether one of others is in the way, and that is all.
    assert!(asked.clone().all(|call| call.verb == "list"), "{:?}", asked.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn while_two_stand_both_are_reached_as_before_and_the_last_one_decides() {
    for world in [World::new(), World::old()] {
        let (first, second) = (closed(1, &["10.0.0.0/8"]), closed(2, &["192.168.0.0/16"]));
        world.deploy(FENCE, &first, None).await.unwrap();
        assert_eq!(let_in(&world), Some(addresses(&["10.0.0.0/8"])));
        // The cluster writes there as well.
        world
            .cluster
            .fault(Matcher::any().verb("patch").resource("networkpolicies").first(1), Fault::Status(409));
        world.bring_up(FENCE, &second).await.unwrap();
        assert_eq!(let_in(&world), Some(addresses(&["10.0.0.0/8", "192.168.0.0/16"])));
        // It fails: what the one that stays says holds again.
        world.target.stop(FENCE, &slot(&second)).await.unwrap();
        assert_eq!(let_in(&world), Some(addresses(&["10.0.0.0/8"])));
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        world.target.stop(FENCE, &slot(&first)).await.unwrap();
        assert_eq!(let_in(&world), Some(addresses(&["192.168.0.0/16"])));
        world.switch(FENCE, Some(&second), None).await.unwrap();
        world.target.stop(FENCE, &slot(&second)).await.unwrap();
        assert_eq!(let_in(&world), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_says_nothing_is_reached_by_all_as_long_as_it_stands() {
    let world = World::new();
    let (open, shut, open_again) = (spec(1), closed(2, &["app"]), spec(3));
    world.deploy(FENCE, &open, None).await.unwrap();
    world.deploy(FENCE, &shut, Some(&open)).await.unwrap();
    assert_eq!(let_in(&world), None, "the former release would lose who it has");
    world.target.stop(FENCE, &slot(&open)).await.unwrap();
    assert!(let_in(&world).is_some());
    world.deploy(FENCE, &open_again, Some(&shut)).await.unwrap();
    assert_eq!(let_in(&world), None);
    world.target.stop(FENCE, &slot(&shut)).await.unwrap();
    assert_eq!(let_in(&world), None);
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_somebody_else_is_left_and_its_name_is_not_taken() {
    let world = World::new();
    let theirs = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "shop-web" },
        "spec": { "podSelector": {}, "ingress": [{ "from": [{ "podSelector": {} }] }] },
    });
    world.cluster.create("gitops", theirs.clone());
    let refused = problem(world.traffic.can_open(&closed(1, &["app"]).release).await);
    assert_eq!(refused.code, Code::NameTaken, "{refused:?}");
    assert!(refused.message.contains("NetworkPolicy shop-web"), "{refused:?}");
    // Under another name it opens what is to be shut: that is told.
    world.cluster.delete("NetworkPolicy", "shop-web");
    let mut other = theirs;
    other["metadata"]["name"] = json!("all");
    world.cluster.create("gitops", other);
    let told = world.target.can_start(&closed(1, &["app"])).await.unwrap().join("\n");
    assert!(told.contains("web: the NetworkPolicy all is for its pods as well"), "{told}");
    world.deploy(FENCE, &closed(1, &["app"]), None).await.unwrap();
    world.target.stop(FENCE, &slot(&closed(1, &["app"]))).await.unwrap();
    assert_eq!(world.names("NetworkPolicy"), ["all"]);
}

#[tokio::test(start_paused = true)]
async fn rights_for_it_are_asked_for_where_it_is_used() {
    let world = World::new();
    world.cluster.deny("patch", "networkpolicies");
    world.traffic.can_open(&spec(1).release).await.unwrap();
    let refused = problem(world.traffic.can_open(&closed(1, &["app"]).release).await);
    assert_eq!(refused.code, Code::ClusterForbidden, "{refused:?}");
    assert!(refused.message.contains("patch networkpolicies"), "{refused:?}");
    let role = bascule_target_kubernetes::render_role(spec(1).release.cluster.as_ref().unwrap());
    let rules = role.iter().find(|one| one["kind"] == "Role").unwrap()["rules"].to_string();
    assert!(
        rules.contains(r#""resources":["networkpolicies"],"verbs":["create","patch","delete"]"#),
        "{rules}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_takes_it_along() {
    let world = World::new();
    let first = closed(1, &["app"]);
    world.deploy(FENCE, &first, None).await.unwrap();
    world.traffic.close(FENCE, &first.release.key).await.unwrap();
    assert_eq!(let_in(&world), None);
}
