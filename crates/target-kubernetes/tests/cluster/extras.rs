//! Objects of the files of `manifests`.

use bascule_engine::ports::{SlotSpec, Target as _, Traffic as _};
use bascule_fake_cluster::{Fault, Matcher};
use bascule_model::problem::Code;
use bascule_model::release::DeploymentPatch;
use serde_json::{Value, json};

use crate::support::{FENCE, World, problem, slot, spec, with_env};

fn map(name: &str, mode: &str) -> Value {
    // As people label theirs, and as the configuration of services is labelled.
    let metadata = json!({ "name": name, "labels": { "app.kubernetes.io/name": "shop" } });
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "mode": mode } })
}

fn bringing(number: u64, objects: Vec<Value>) -> SlotSpec {
    let mut spec = with_env(spec(number), &[("MODE", "fast")], &[]);
    spec.release.cluster.as_mut().unwrap().manifests = objects;
    spec
}

fn mode(world: &World, name: &str) -> Option<String> {
    let found = world.cluster.get("ConfigMap", name)?;
    Some(found["data"]["mode"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn they_come_first_and_go_with_the_last_release_that_has_them() {
    for world in [World::new(), World::old()] {
        let first = bringing(1, vec![map("kept", "1"), map("dropped", "1")]);
        let second = bringing(2, vec![map("kept", "2")]);
        world.cluster.forget_calls();
        world.deploy(FENCE, &first, None).await.unwrap();
        let calls = world.cluster.calls();
        let at = |verb: &str, name: &str| {
            calls.iter().position(|call| call.verb == verb && call.name == name && !call.dry_run).unwrap()
        };
        assert!(at("patch", "kept") < at("create", "shop-web-r1-abcdef"));
        let made = world.cluster.get("ConfigMap", "kept").unwrap();
        assert_eq!(made["metadata"]["labels"]["bascule.dev/app"], "shop");
        let all = bascule_target_kubernetes::render_objects(&first, "state-1");
        assert_eq!(all[0]["metadata"]["annotations"], made["metadata"]["annotations"]);
        assert_eq!(
            (all[0]["data"]["mode"].as_str(), all[1]["metadata"]["name"].as_str()),
            (Some("1"), Some("dropped"))
        );
        world.deploy(FENCE, &second, Some(&first)).await.unwrap();
        assert_eq!(
            (mode(&world, "kept").as_deref(), mode(&world, "dropped").as_deref()),
            (Some("2"), Some("1"))
        );
        world.target.stop(FENCE, &slot(&first)).await.unwrap();
        assert_eq!((mode(&world, "kept").as_deref(), mode(&world, "dropped")), (Some("2"), None));
        // No file is needed for the way back.
        world.deploy(FENCE, &first, Some(&second)).await.unwrap();
        world.target.stop(FENCE, &slot(&second)).await.unwrap();
        assert_eq!(
            (mode(&world, "kept").as_deref(), mode(&world, "dropped").as_deref()),
            (Some("1"), Some("1"))
        );
        world.switch(FENCE, Some(&first), None).await.unwrap();
        world.target.stop(FENCE, &slot(&first)).await.unwrap();
        world.traffic.close(FENCE, &first.release.key).await.unwrap();
        assert!(world.names("ConfigMap").is_empty(), "{:?}", world.names("ConfigMap"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_release_that_failed_has_changed_is_as_before() {
    let world = World::new();
    let (first, second) =
        (bringing(1, vec![map("kept", "1")]), bringing(2, vec![map("kept", "2"), map("new", "2")]));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.bring_up(FENCE, &second).await.unwrap();
    assert_eq!(mode(&world, "kept").as_deref(), Some("2"));
    // It is stopped once more where the first time was in vain.
    world.cluster.fault(Matcher::any().verb("delete").resource("configmaps").first(1), Fault::Forbidden);
    assert!(world.target.stop(FENCE, &slot(&second)).await.is_err());
    world.target.stop(FENCE, &slot(&second)).await.unwrap();
    assert_eq!((mode(&world, "kept").as_deref(), mode(&world, "new")), (Some("1"), None));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_made_is_theirs() {
    let world = World::new();
    world.cluster.create("gitops", map("kept", "theirs"));
    let first = bringing(1, vec![map("kept", "ours")]);
    let refused = problem(world.traffic.can_open(&first.release).await);
    assert_eq!(refused.code, Code::NameTaken, "{refused:?}");
    assert!(refused.message.contains("ConfigMap kept"), "{refused:?}");
    // Also where it came between the look and the start.
    let refused = problem(world.target.start(FENCE, &first).await);
    assert_eq!(refused.code, Code::NameTaken, "{refused:?}");
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    assert_eq!(mode(&world, "kept").as_deref(), Some("theirs"));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_written_is_a_conflict_with_their_name() {
    let world = World::new();
    let (first, second) = (bringing(1, vec![map("kept", "1")]), bringing(2, vec![map("kept", "2")]));
    world.deploy(FENCE, &first, None).await.unwrap();
    world.cluster.edit("ConfigMap", "kept", "gitops", |map| map["data"]["mode"] = json!("theirs"));
    let refused = problem(world.target.can_start(&second).await);
    assert_eq!(refused.code, Code::ClusterWouldRefuse, "{refused:?}");
    for words in ["ConfigMap kept", "gitops", ".data.mode"] {
        assert!(refused.message.contains(words), "{words}: {refused:?}");
    }
    let refused = problem(world.target.start(FENCE, &second).await);
    assert!(refused.message.contains("gitops"), "{refused:?}");
    // That is no reason to leave what is to go.
    world.target.stop(FENCE, &slot(&second)).await.unwrap();
    assert_eq!(mode(&world, "kept").as_deref(), Some("theirs"));
    assert_eq!(world.names("Deployment"), ["shop-web-r1-abcdef"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_is_said_before_anything_is() {
    let world = World::new();
    let object = |version: &str, kind: &str, name: &str| json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
    for (object, words) in [
        (object("v1", "ConfigMop", "a"), "the cluster has no ConfigMop in v1"),
        (object("example.com/v1", "Rule", "a"), "the cluster has no Rule in example.com/v1"),
        (object("v1", "Namespace", "a"), "would belong to no namespace"),
        (object("v1", "Service", "shop-web"), "the Service shop-web is one that Bascule makes itself"),
        (object("v1", "ConfigMap", "shop-web-0123456789"), "one that Bascule makes itself"),
        (object("apps/v1", "Deployment", "shop-web-r7-abcdef"), "one that Bascule makes itself"),
        (object("networking.k8s.io/v1", "NetworkPolicy", "shop-web"), "one that Bascule makes itself"),
    ] {
        let refused = problem(world.traffic.can_open(&bringing(1, vec![object.clone()]).release).await);
        assert_eq!(refused.code, Code::ClusterWouldRefuse, "{refused:?}");
        assert!(refused.message.contains(words), "{object}: {refused:?}");
    }
    let webhook = Matcher::any().verb("patch").resource("configmaps").dry();
    world.cluster.fault(webhook, Fault::Denied("no maps here"));
    let refused = problem(world.target.can_start(&bringing(1, vec![map("a", "1")])).await);
    assert!(
        refused.message.contains("the ConfigMap a: ") && refused.message.contains("no maps here"),
        "{refused:?}"
    );
    assert!(world.names("ConfigMap").is_empty());
}

#[tokio::test(start_paused = true)]
async fn rights_for_their_kinds_are_asked_for_and_printed() {
    let world = World::new();
    world.cluster.deny("patch", "configmaps");
    world.cluster.deny("create", "ingresses");
    let ingress =
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "shop" } });
    let first = bringing(1, vec![map("a", "1"), map("b", "1"), ingress]);
    world.traffic.can_open(&spec(1).release).await.unwrap();
    let refused = problem(world.traffic.can_open(&first.release).await);
    assert_eq!(refused.code, Code::ClusterForbidden, "{refused:?}");
    assert!(refused.message.ends_with("patch configmaps, create ingresses"), "{refused:?}");
    let role = bascule_target_kubernetes::render_role(first.release.cluster.as_ref().unwrap());
    let rules = role.iter().find(|one| one["kind"] == "Role").unwrap()["rules"].to_string();
    for resource in
        [r#"[""],"resources":["configmaps"]"#, r#"["networking.k8s.io"],"resources":["ingresses"]"#]
    {
        let wanted = format!(r#"{{"apiGroups":{resource},"verbs":["get","create","patch","delete"]}}"#);
        assert_eq!(rules.matches(&wanted).count(), 1, "{wanted}: {rules}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_comes_with_them_is_there_for_the_pods() {
    let world = World::new();
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "shop" } });
    let mut first = bringing(1, vec![account]);
    let changes = json!({ "spec": { "template": { "spec": { "serviceAccountName": "shop" } } } });
    let cluster = first.release.cluster.as_mut().unwrap();
    cluster.patches = vec![DeploymentPatch { service: None, changes }];
    let told = world.target.can_start(&first).await.unwrap().join("\n");
    assert!(told.contains("its ServiceAccount is not there yet"), "{told}");
    world.deploy(FENCE, &first, None).await.unwrap();
    // Without the file it is nobody's.
    let mut lacking = first.clone();
    lacking.release.cluster.as_mut().unwrap().manifests.clear();
    world.target.stop(FENCE, &slot(&first)).await.unwrap();
    let refused = problem(world.target.can_start(&lacking).await);
    assert_eq!(refused.code, Code::ClusterWouldRefuse, "{refused:?}");
}
