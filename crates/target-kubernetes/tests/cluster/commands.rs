//! Commands beside the instances, as far as the cluster in memory goes: nobody can be attached to there.

use bascule_engine::ports::{ExecSpec, PortError, Target as _};
use bascule_fake_cluster::{Fault, Matcher, PodScript};
use bascule_model::problem::Code;
use serde_json::json;

use crate::support::{FENCE, World, image, problem, slot, spec};

fn command(spec: &bascule_engine::ports::SlotSpec) -> ExecSpec {
    ExecSpec {
        slot: slot(spec),
        service: "web".parse().unwrap(),
        command: vec!["true".to_owned()],
        terminal: None,
    }
}

async fn until_none(world: &World) {
    for _ in 0..600 {
        if world.names("Job").is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("left: {:?}", world.names("Job"));
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_attended_to_leaves_nothing() {
    for fault in [None, Some(Fault::LostAnswer), Some(Fault::Status(503))] {
        let world = World::new();
        let first = spec(1);
        world.deploy(FENCE, &first, None).await.unwrap();
        world.cluster.image(&image(1), PodScript::never_ready());
        if let Some(fault) = fault {
            world.cluster.fault(Matcher::any().verb("create").resource("jobs").first(1), fault);
        }
        // It runs, and nobody can be attached to it.
        let refused: Result<(), PortError> = world.target.exec(&command(&first)).await.map(|_| ());
        let refused = problem(refused);
        assert!(refused.message.contains("attach to the command"), "{fault:?}: {refused:?}");
        until_none(&world).await;
        assert_eq!(world.names("Deployment"), ["shop-web-r1-abcdef"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_may_not_is_told() {
    let world = World::new();
    let first = spec(1);
    world.cluster.deny("create", "jobs");
    // It may deploy all the same.
    world.deploy(FENCE, &first, None).await.unwrap();
    let refused: Result<(), PortError> = world.target.exec(&command(&first)).await.map(|_| ());
    assert_eq!(problem(refused).code, Code::ClusterForbidden);
}

#[tokio::test(start_paused = true)]
async fn what_a_control_plane_left_behind_is_removed_and_nothing_else() {
    let world = World::new();
    world.deploy(FENCE, &spec(1), None).await.unwrap();
    let job = |name: &str, owner: &str, process: &str| {
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": name,
                "labels": { "app.kubernetes.io/managed-by": "bascule", "bascule.dev/exec": "web" },
                "annotations": { "bascule.dev/owner": owner, "bascule.dev/process": process },
            },
            "spec": { "template": { "spec": {
                "restartPolicy": "Never",
                "containers": [{ "name": "app", "image": "registry.test/shop@sha256:1" }],
            } } },
        })
    };
    world.cluster.create("bascule", job("left", "state-1", "home-1/1"));
    world.cluster.create("bascule", job("of-another", "state-2", "home-1/1"));
    // Another machine, with the same journal: its command may go on.
    world.cluster.create("bascule", job("of-another-machine", "state-1", "home-2/1"));
    world.target.forget_leftovers();
    for _ in 0..600 {
        if world.names("Job").len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(world.names("Job"), ["of-another", "of-another-machine"]);
}
