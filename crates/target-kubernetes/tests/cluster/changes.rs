//! What a plan says of the cluster: what a deploy would make and change, beside what is there.

use bascule_engine::ports::Target as _;
use bascule_model::plan::{Change, ObjectChange};
use bascule_model::problem::Code;
use bascule_model::release::Network;
use serde_json::json;

use crate::support::{FENCE, World, problem, spec, with_env};

fn words(changes: &[ObjectChange]) -> Vec<String> {
    let mut words = Vec::new();
    for one in changes {
        let beside = one.beside.as_ref().map(|it| format!(" beside {it}")).unwrap_or_default();
        words.push(format!("{:?} {}{beside}", one.change, one.object));
        for field in &one.fields {
            let value = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
            words.push(format!("  {}: {} > {}", field.path, value(&field.from), value(&field.to)));
        }
    }
    words
}

#[tokio::test(start_paused = true)]
async fn a_first_release_is_all_new_and_nothing_is_made_of_it() {
    let world = World::new();
    let first = with_env(spec(1), &[("MODE", "fast"), ("TOKEN", "hunter2hunter2")], &["TOKEN"]);
    let changes = world.target.changes(&first).await.unwrap();
    let told = words(&changes);
    assert!(changes.iter().all(|one| one.change == Change::Added), "{told:#?}");
    let kinds: Vec<&str> = changes.iter().filter_map(|one| one.object.split(' ').next()).collect();
    assert_eq!(kinds, ["ConfigMap", "Secret", "Deployment", "PodDisruptionBudget", "Service"], "{told:#?}");
    assert!(!told.join("\n").contains("hunter2"), "{told:#?}");
    assert!(
        world
            .cluster
            .calls()
            .iter()
            .all(|call| call.dry_run || ["get", "list"].contains(&call.verb.as_str()))
    );
}

#[tokio::test(start_paused = true)]
async fn the_next_one_is_told_field_by_field_beside_what_is_there_now() {
    let world = World::new();
    let first = with_env(spec(1), &[("MODE", "fast")], &[]);
    world.deploy(FENCE, &first, None).await.unwrap();
    // Somebody has been there since.
    world.cluster.edit("Deployment", "shop-web-r1-abcdef", "kubectl-edit", |object| {
        object["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    });
    let mut second = with_env(spec(2), &[("MODE", "fast")], &[]);
    second.release.services[0].limits.memory = Some(64 << 20);
    let told = words(&world.target.changes(&second).await.unwrap());
    for line in [
        "Added Deployment shop-web-r2-abcdef beside shop-web-r1-abcdef",
        "  spec.template.spec.hostNetwork: true > -",
        "  spec.selector.\"bascule.dev/release\": r1-abcdef > r2-abcdef",
        "Changed Service shop-web",
    ] {
        assert!(told.iter().any(|it| it == line), "{line}: {told:#?}");
    }
    assert!(told.iter().any(|line| line.starts_with("Same ConfigMap shop-web-")), "{told:#?}");
    let memory = "  spec.template.spec.containers[app].resources.limits.memory: ";
    assert!(told.iter().any(|line| line.starts_with(memory)), "{told:#?}");
    let image = "  spec.template.spec.containers[app].image: registry.test/shop@sha256:";
    assert!(told.iter().any(|line| line.starts_with(image)), "{told:#?}");
    second.release.artifact.clear();
    let told = words(&world.target.changes(&second).await.unwrap());
    let image = told.iter().find(|line| line.contains("[app].image:")).unwrap();
    assert!(image.ends_with(" > made by the deploy"), "{image}");
}

#[tokio::test(start_paused = true)]
async fn objects_of_files_and_who_may_come_in_are_told_as_well() {
    let map = |name: &str, mode: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "mode": mode } });
    let bringing = |number: u64, objects: Vec<serde_json::Value>, from: &str| {
        let mut spec = spec(number);
        spec.release.cluster.as_mut().unwrap().manifests = objects;
        spec.release.services[0].pods.network = Some(Network { from: vec![from.parse().unwrap()] });
        spec
    };
    let world = World::new();
    let first = bringing(1, vec![map("kept", "1"), map("changed", "1"), map("dropped", "1")], "app");
    let told = words(&world.target.changes(&first).await.unwrap());
    for line in ["Added ConfigMap kept", "Added ConfigMap dropped", "Added NetworkPolicy shop-web"] {
        assert!(told.iter().any(|it| it == line), "{line}: {told:#?}");
    }
    world.deploy(FENCE, &first, None).await.unwrap();
    let second = bringing(2, vec![map("kept", "1"), map("changed", "2"), map("new", "1")], "10.0.0.0/8");
    let told = words(&world.target.changes(&second).await.unwrap());
    for line in [
        "Same ConfigMap kept",
        "Changed ConfigMap changed",
        "  data.mode: 1 > 2",
        "Added ConfigMap new",
        "Removed ConfigMap dropped",
        "Changed NetworkPolicy shop-web",
    ] {
        assert!(told.iter().any(|it| it == line), "{line}: {told:#?}");
    }
    let mode = world.cluster.get("ConfigMap", "changed").unwrap()["data"]["mode"].clone();
    assert_eq!(mode, "1", "nothing was done");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_cannot_be_asked_is_said_so() {
    let world = World::new();
    world.cluster.fault(bascule_fake_cluster::Matcher::any(), bascule_fake_cluster::Fault::Hang);
    let refused = problem(world.target.changes(&spec(1)).await);
    assert_eq!(refused.code, Code::ClusterUnavailable, "{refused:?}");
}
