//! One release comes pod by pod as another one goes: whole runs of the engine, while somebody counts all the time who is there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bascule_engine::executor::Driven as Came;
use bascule_engine::steps::{SchemaNeeded, SlotNeeded, Warmth, sequence};
use bascule_fake_cluster::{FakeCluster, PodScript};
use bascule_model::plan::RunKind;
use bascule_model::problem::Code;
use bascule_model::release::Rolling;
use bascule_model::run::Outcome;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::driven::{Driven, Ended};
use crate::support::{image, key};

/// So many pods the shop has here.
const SIZE: u32 = 3;

fn world(max_unavailable: u32, max_surge: u32) -> Driven {
    let mut world = Driven::new();
    world.wish.release.rollout.rolling = Some(Rolling { max_unavailable, max_surge });
    world.wish.release.services[0].instances = SIZE;
    for number in 1..=9 {
        world.cluster.image(&image(number), PodScript::ready_after(Duration::from_secs(2)));
    }
    world
}

/// The fewest pods that users could reach, and the most that there were, while somebody looked.
struct Count {
    seen: Arc<Mutex<(usize, usize)>>,
    task: JoinHandle<()>,
}

impl Count {
    fn begin(cluster: &FakeCluster) -> Self {
        let seen = Arc::new(Mutex::new((usize::MAX, 0)));
        let (cluster, kept) = (cluster.clone(), seen.clone());
        let task = tokio::spawn(async move {
            loop {
                let (reached, there) = (reached(&cluster), cluster.list("Pod").len());
                {
                    let mut kept = kept.lock().unwrap();
                    *kept = (kept.0.min(reached), kept.1.max(there));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { seen, task }
    }

    /// Ends the count, and fails where it was ever outside of these.
    #[track_caller]
    fn within(self, least: u32, most: u32) {
        self.task.abort();
        let (fewest, there) = *self.seen.lock().unwrap();
        assert!(fewest >= least as usize, "{fewest} of {least} pods were behind the Service");
        assert!(there <= most as usize, "{there} pods were there, and {most} may be");
    }
}

/// Pods that are ready, are not going, and that the Service selects.
fn reached(cluster: &FakeCluster) -> usize {
    let service = cluster.get("Service", "shop-web").unwrap();
    let selector = service["spec"]["selector"].as_object().unwrap().clone();
    let is_ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        pod["metadata"]["deletionTimestamp"].is_null()
            && conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    let is_selected =
        |pod: &Value| selector.iter().all(|(name, value)| pod["metadata"]["labels"][name] == *value);
    cluster.list("Pod").iter().filter(|pod| is_ready(pod) && is_selected(pod)).count()
}

/// Pods of a release that are not going.
fn size(world: &Driven, release: &str) -> i64 {
    let deployment = world.cluster.get("Deployment", &format!("shop-web-{release}"));
    deployment.map_or(0, |one| one["spec"]["replicas"].as_i64().unwrap())
}

/// Waits until a release other than this one has so many pods that are to be there.
async fn until_new_has(world: &Driven, former: &str, count: i64) -> String {
    loop {
        let new = world.standing().into_iter().find(|one| one != former);
        if let Some(new) = new.filter(|new| size(world, new) >= count) {
            return new;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_comes_pod_by_pod_as_the_former_one_goes() {
    for (max_unavailable, max_surge) in [(0, 1), (1, 1), (0, 2), (2, 3)] {
        let world = world(max_unavailable, max_surge);
        let first = world.deploy(1).await.live();
        let planned = world.engine.plan_deploy(&world.wish).await.unwrap();
        let steps: Vec<&str> = planned.steps.iter().map(|step| step.name.as_str()).collect();
        assert!(steps.contains(&"roll") && !steps.contains(&"switch"), "{steps:?}");
        let count = Count::begin(&world.cluster);
        let second = world.deploy(2).await.live();
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, second.as_str());
        assert_eq!((size(&world, second.as_str()), size(&world, first.as_str())), (i64::from(SIZE), 0));
        assert!(world.end_window().await, "nothing of it is warm: it is retired at once");
        assert_eq!(world.standing(), [second.as_str()]);
        // And the next one, in the other slot.
        let count = Count::begin(&world.cluster);
        let third = world.deploy(3).await.live();
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, third.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn pods_wait_for_what_is_in_flight_before_they_end_whoever_ends_them() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let of = |release: &str| {
        let deployment = world.cluster.get("Deployment", &format!("shop-web-{release}")).unwrap();
        deployment["spec"]["template"]["spec"].clone()
    };
    let pod = of(first.as_str());
    // The drain of 1 s, at least the 3 s that nodes may take; and 2 s of grace.
    assert_eq!(pod["containers"][0]["lifecycle"], json!({ "preStop": { "sleep": { "seconds": 3 } } }));
    assert_eq!(pod["terminationGracePeriodSeconds"], 5);
    let mut plain = Driven::new();
    plain.wish.release.rollout.rolling = None;
    let live = plain.deploy(1).await.live();
    let deployment = plain.cluster.get("Deployment", &format!("shop-web-{live}")).unwrap();
    assert!(deployment["spec"]["template"]["spec"]["containers"][0]["lifecycle"].is_null());
}

#[tokio::test(start_paused = true)]
async fn who_was_not_made_to_go_pod_by_pod_is_switched_from_once() {
    let mut world = world(0, 1);
    let rolling = world.wish.release.rollout.rolling.take();
    world.deploy(1).await.live();
    world.wish.release.rollout.rolling = rolling;
    let planned = world.engine.plan_deploy(&world.wish).await.unwrap();
    assert!(
        planned.notes.iter().any(|note| note.contains("not made to go pod by pod")),
        "{:?}",
        planned.notes
    );
    assert!(planned.steps.iter().any(|step| step.name == "switch"));
    let second = world.deploy(2).await.live();
    assert_eq!(world.agreed().await, second.as_str());
    let planned = world.engine.plan_deploy(&world.wish).await.unwrap();
    assert!(planned.steps.iter().any(|step| step.name == "roll"), "now it can");
}

#[tokio::test(start_paused = true)]
async fn one_whose_first_pods_are_never_ready_meets_no_user() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let pods = world.pods(first.as_str());
    world.cluster.image(&image(2), PodScript::never_ready());
    world.at("deploy.roll.apply.before", |_| panic!("it came to users"));
    let count = Count::begin(&world.cluster);
    world.deploy(2).await.back(Code::InstanceNotReady);
    count.within(SIZE, SIZE + 1);
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!((world.standing(), world.pods(first.as_str())), (vec![first.to_string()], pods));
}

#[tokio::test(start_paused = true)]
async fn one_whose_later_pods_are_never_ready_is_returned_from() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let began = tokio::time::Instant::now();
    let count = Count::begin(&world.cluster);
    let spoil = async {
        let new = until_new_has(&world, first.as_str(), 2).await;
        // The second pod of it is the one that is not ready yet.
        world.cluster.image(&image(2), PodScript::never_ready());
        let ready: Vec<Value> = world.cluster.list("Pod");
        let of_new =
            ready.iter().filter(|pod| pod["metadata"]["labels"]["bascule.dev/release"] == new.as_str());
        assert_eq!(of_new.count(), 2);
    };
    let (ended, ()) = tokio::join!(world.deploy(2), spoil);
    ended.back(Code::InstanceNotReady);
    assert!(began.elapsed() >= world.wish.release.rollout.deadline, "{:?}", began.elapsed());
    // The one that had come fell as well, by no decision of ours: of the others all stayed.
    count.within(SIZE - 1, SIZE + 1);
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(world.standing(), [first.as_str()]);
    assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
}

#[tokio::test(start_paused = true)]
async fn one_that_crashes_under_way_ends_it_at_once() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let began = tokio::time::Instant::now();
    let spoil = async {
        until_new_has(&world, first.as_str(), 2).await;
        world.cluster.image(&image(2), PodScript::crash_loop(2));
    };
    let (ended, ()) = tokio::join!(world.deploy(2), spoil);
    ended.back(Code::InstanceCrashLoop);
    assert!(began.elapsed() < world.wish.release.rollout.deadline, "{:?}", began.elapsed());
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_when_all_of_it_has_come_is_returned_from_pod_by_pod() {
    for (max_unavailable, max_surge) in [(0, 1), (1, 2)] {
        let world = world(max_unavailable, max_surge);
        let first = world.deploy(1).await.live();
        world.failing(false, true);
        let count = Count::begin(&world.cluster);
        let failed = world.deploy(2).await.back(Code::VerifyFailed);
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, first.as_str());
        assert_eq!(world.standing(), [first.as_str()], "{failed} is left");
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
        // And what repairs it comes in the same way.
        world.failing(false, false);
        let count = Count::begin(&world.cluster);
        let third = world.deploy(3).await.live();
        count.within(SIZE - max_unavailable, SIZE + max_surge);
        assert_eq!(world.agreed().await, third.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_as_somebody_made_of_it_come_and_come_back() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let name = format!("shop-web-{first}");
    world.cluster.edit("Deployment", &name, "kubectl-scale", |one| one["spec"]["replicas"] = 5.into());
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.failing(false, true);
    let count = Count::begin(&world.cluster);
    world.deploy(2).await.back(Code::VerifyFailed);
    count.within(5, 6);
    assert_eq!(size(&world, first.as_str()), 5);
    world.failing(false, false);
    let count = Count::begin(&world.cluster);
    let third = world.deploy(3).await.live();
    count.within(5, 6);
    assert_eq!(size(&world, third.as_str()), 5);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_comes_the_same_way() {
    // Whether what is left of the former release stands still, or is made anew.
    for is_retired in [false, true] {
        let world = world(0, 1);
        let first = world.deploy(1).await.live();
        world.deploy(2).await.live();
        if is_retired {
            assert!(world.end_window().await);
        }
        let count = Count::begin(&world.cluster);
        assert_eq!(world.rollback(Some(&first)).await.unwrap().live(), first);
        count.within(SIZE, SIZE + 1);
        assert_eq!(world.agreed().await, first.as_str());
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_under_way_brings_the_former_one_back() {
    for come in 1..=i64::from(SIZE) {
        let world = world(0, 1);
        let first = world.deploy(1).await.live();
        let begun = world.begin(2).await.unwrap();
        let run = begun.run.clone();
        let count = Count::begin(&world.cluster);
        let abort = async {
            until_new_has(&world, first.as_str(), come).await;
            world.engine.abort(&run, "somebody").await.unwrap();
        };
        let (ended, ()) = tokio::join!(world.drive(begun), abort);
        assert_eq!(ended.outcome, Outcome::RolledBack, "at {come}: {ended:?}");
        count.within(SIZE, SIZE + 1);
        assert_eq!(world.agreed().await, first.as_str());
        assert_eq!(world.standing(), [first.as_str()]);
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE));
    }
}

/// Drives a deploy, kills its control plane where it is told to, and has the next one go on.
async fn killed(world: &Driven, number: u64, there: impl Future<Output = ()>) -> Ended {
    let begun = world.begin(number).await.unwrap();
    let mut drive = Box::pin(world.drive(begun));
    tokio::select! {
        ended = &mut drive => panic!("it was over before it was killed: {ended:?}"),
        () = there => {}
    }
    drop(drive);
    world.next().go_on().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_at_any_step_goes_on() {
    let names = sequence(RunKind::Deploy, Warmth::Cold, SlotNeeded::Free, SchemaNeeded::default());
    let names = names.into_iter().map(|name| if name == "switch" { "roll" } else { name });
    let points: Vec<String> = names
        .flat_map(|step| ["before", "after"].map(|when| format!("deploy.{step}.apply.{when}")))
        .collect();
    let world = world(0, 1);
    let mut live = world.deploy(1).await.live();
    for (number, point) in (2..).zip(points) {
        let (there, go) = world.hold(&point);
        let count = Count::begin(&world.cluster);
        let ended = killed(&world, number % 8 + 2, async { there.await.unwrap() }).await;
        drop(go);
        count.within(SIZE, SIZE + 1);
        let new = ended.live();
        assert_eq!(world.agreed().await, new.as_str(), "at {point}");
        assert_ne!(new, live);
        world.end_window().await;
        live = new;
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_in_the_middle_of_a_roll_goes_on_forth_or_back() {
    for after in (0..16_000).step_by(700) {
        for fails in [false, true] {
            let world = world(0, 1);
            let first = world.deploy(1).await.live();
            let (there, go) = world.hold("deploy.roll.apply.before");
            let count = Count::begin(&world.cluster);
            let in_the_middle = async {
                there.await.unwrap();
                go.send(()).unwrap();
                tokio::time::sleep(Duration::from_millis(after)).await;
                if fails {
                    world.failing(false, true);
                }
            };
            let ended = killed(&world, 2, in_the_middle).await;
            count.within(SIZE, SIZE + 1);
            let live = if fails { first.clone() } else { ended.release.clone().unwrap() };
            let outcome = if fails { Outcome::RolledBack } else { Outcome::Live };
            assert_eq!(ended.outcome, outcome, "after {after} ms: {ended:?}");
            assert_eq!(world.agreed().await, live.as_str(), "after {after} ms");
            assert_eq!(size(&world, live.as_str()), i64::from(SIZE), "after {after} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_killed_on_the_way_back_goes_on() {
    for after in (0..16_000).step_by(900) {
        let world = world(0, 1);
        let first = world.deploy(1).await.live();
        world.failing(false, true);
        let (there, go) = world.hold("deploy.roll.undo.before");
        let count = Count::begin(&world.cluster);
        let in_the_middle = async {
            there.await.unwrap();
            go.send(()).unwrap();
            tokio::time::sleep(Duration::from_millis(after)).await;
        };
        let begun = world.begin(2).await.unwrap();
        let mut drive = Box::pin(world.drive(begun));
        let is_over = tokio::select! {
            _ = &mut drive => true,
            () = in_the_middle => false,
        };
        drop(drive);
        if !is_over {
            assert_eq!(world.next().go_on().await.unwrap().outcome, Outcome::RolledBack, "after {after} ms");
        }
        count.within(SIZE, SIZE + 1);
        assert_eq!(world.agreed().await, first.as_str(), "after {after} ms");
        assert_eq!(world.standing(), [first.as_str()], "after {after} ms");
        assert_eq!(size(&world, first.as_str()), i64::from(SIZE), "after {after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_the_selector_in_the_middle_stops_it_and_is_named() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    let begun = world.begin(2).await.unwrap();
    let spoil = async {
        let new = until_new_has(&world, first.as_str(), 2).await;
        world.cluster.edit("Service", "shop-web", "gitops", move |service| {
            service["spec"]["selector"]["bascule.dev/release"] = new.clone().into();
        });
        size(&world, first.as_str())
    };
    let (came, had) = tokio::join!(world.engine.drive(begun), spoil);
    assert_eq!(came, Came::AwaitsPerson, "nobody knows whom users have");
    assert_eq!(size(&world, first.as_str()), had, "somebody went after that");
    let told = world.traffic.drift(&key()).await.unwrap().join("\n");
    assert!(told.contains("gitops"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_quota_needs_room_for_the_surge_and_not_for_twice() {
    let quota = |pods: u32| {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
            "spec": { "hard": { "pods": pods.to_string() } },
        })
    };
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    world.cluster.create("admin", quota(SIZE));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let ended = world.deploy(2).await;
    assert_eq!(ended.outcome, Outcome::Refused, "{ended:?}");
    assert_eq!(ended.cause.unwrap().code, Code::ClusterNoRoom);
    assert_eq!(world.agreed().await, first.as_str());
    world.cluster.edit("ResourceQuota", "small", "admin", |quota| {
        quota["spec"]["hard"]["pods"] = (SIZE + 1).to_string().into();
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let second = world.deploy(2).await.live();
    assert_eq!(world.agreed().await, second.as_str());
    // What is left of the former release has no pods that it could give back.
    let third = world.deploy(3).await.live();
    assert_eq!(world.agreed().await, third.as_str());
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_scales_does_not_roll() {
    let world = world(0, 1);
    let first = world.deploy(1).await.live();
    world.cluster.create(
        "admin",
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "theirs" },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": format!("shop-web-{first}") },
                "maxReplicas": 9,
            },
        }),
    );
    let ended = world.deploy(2).await;
    assert_eq!(ended.outcome, Outcome::Refused, "{ended:?}");
    let cause = ended.cause.unwrap();
    assert_eq!(cause.code, Code::ClusterRefused);
    assert!(cause.message.contains("theirs"), "{cause:?}");
    assert_eq!(world.agreed().await, first.as_str());
}
