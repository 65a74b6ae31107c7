//! Scenarios of the list that this target was designed from, each as whole runs of the engine.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bascule_engine::engine::Decision;
use bascule_engine::executor::Driven as Came;
use bascule_fake_cluster::{FakeCluster, Fault, Matcher, PodScript};
use bascule_model::manifest::InstanceText;
use bascule_model::problem::Code;
use bascule_model::run::Outcome;
use serde_json::Value;

use crate::driven::{BAKE, Driven};
use crate::support::{image, key};

/// Writes that were asked of the cluster.
fn writes(world: &Driven) -> Vec<String> {
    let calls = world.cluster.calls();
    let changes = |verb: &str| !matches!(verb, "get" | "list" | "watch");
    calls
        .iter()
        .filter(|call| changes(&call.verb) && !call.dry_run && call.resource != "selfsubjectaccessreviews")
        .map(|call| format!("{} {} {}", call.verb, call.resource, call.name))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn s02_a_check_before_the_switch_fails_and_passes_after_it_was_mended() {
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    world.failing(true, false);
    world.at("deploy.switch.apply.before", |_| panic!("it came to the switch"));
    world.deploy(2).await.back(Code::VerifyFailed);
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(world.standing(), [first.as_str()], "nothing of it is kept");
    world.failing(false, false);
    world.at("deploy.switch.apply.before", |_| {});
    let third = world.deploy(2).await.live();
    assert_eq!(world.agreed().await, third.as_str());
}

#[tokio::test(start_paused = true)]
async fn s05_one_that_failed_is_taken_away_once_and_the_next_one_goes_live() {
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    world.failing(true, false);
    world.cluster.forget_calls();
    let failed = world.deploy(2).await.back(Code::VerifyFailed);
    world.failing(false, false);
    let live = first.to_string();
    world.at("deploy.verify.apply.after", move |cluster| {
        let service = cluster.get("Service", "shop-web").unwrap();
        assert_eq!(
            service["spec"]["selector"]["bascule.dev/release"],
            live.as_str(),
            "before it was verified"
        );
    });
    let third = world.deploy(3).await.live();
    assert_eq!(world.agreed().await, third.as_str());
    let name = format!("delete deployments shop-web-{failed}");
    assert_eq!(writes(&world).iter().filter(|write| **write == name).count(), 1, "{:#?}", writes(&world));
}

#[tokio::test(start_paused = true)]
async fn s07_the_deadline_is_for_becoming_ready_and_not_for_being_watched() {
    let mut world = Driven::new();
    world.wish.release.rollout.bake = Duration::from_secs(120);
    assert!(world.wish.release.rollout.deadline < Duration::from_secs(120));
    let began = tokio::time::Instant::now();
    let first = world.deploy(1).await.live();
    assert!(began.elapsed() >= Duration::from_secs(120), "{:?}", began.elapsed());
    world.cluster.image(&image(2), PodScript::never_ready());
    let began = tokio::time::Instant::now();
    world.deploy(2).await.back(Code::InstanceNotReady);
    assert!(began.elapsed() >= world.wish.release.rollout.deadline, "{:?}", began.elapsed());
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(world.standing(), [first.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn s08_a_rollback_within_the_window_is_the_switch_alone_however_large_a_release_was_made() {
    let mut world = Driven::new();
    world.wish.release.rollout.warm = Duration::from_secs(600);
    let first = world.deploy(1).await.live();
    let name = format!("shop-web-{first}");
    world.cluster.edit("Deployment", &name, "hpa", |one| one["spec"]["replicas"] = 5.into());
    tokio::time::sleep(Duration::from_secs(30)).await;
    world.deploy(2).await.live();
    let pods = world.pods(first.as_str());
    assert_eq!(pods.len(), 5);
    // Whatever would be asked of one that is made anew fails.
    world.failing(true, true);
    assert_eq!(world.rollback(None).await.unwrap().live(), first);
    assert_eq!(world.pods(first.as_str()), pods, "its pods are those that stood by");
    assert_eq!(world.agreed().await, first.as_str());
}

#[tokio::test(start_paused = true)]
async fn s09_a_rollback_within_the_window_asks_no_check_and_one_after_it_does() {
    let mut world = Driven::new();
    world.wish.release.rollout.warm = Duration::from_secs(600);
    let first = world.deploy(1).await.live();
    let second = world.deploy(2).await.live();
    let pods = world.pods(first.as_str());
    world.failing(true, true);
    let asked = |world: &Driven| {
        let (before, after) = &world.outside.asked;
        before.load(Ordering::Relaxed) + after.load(Ordering::Relaxed)
    };
    let before = asked(&world);
    assert_eq!(world.rollback(None).await.unwrap().live(), first);
    assert_eq!(asked(&world), before, "it was checked");
    assert_eq!(world.pods(first.as_str()), pods, "its pods are those that stood by");
    assert_eq!(world.agreed().await, first.as_str());

    // Its window is over, and what it was is made anew: that is checked, and this one fails.
    tokio::time::sleep(Duration::from_secs(700)).await;
    assert!(world.end_window().await);
    assert_eq!(world.standing(), [first.as_str()]);
    world.rollback(Some(&second)).await.unwrap().back(Code::VerifyFailed);
    assert!(asked(&world) > before);
    assert_eq!(world.agreed().await, first.as_str());
    world.failing(false, false);
    assert_eq!(world.rollback(Some(&second)).await.unwrap().live(), second);
}

#[tokio::test(start_paused = true)]
async fn s10_releases_that_nobody_needs_go() {
    let world = Driven::new();
    let mut live = world.deploy(1).await.live();
    for number in 2..=4 {
        live = world.deploy(number).await.live();
        world.end_window().await;
        assert_eq!(world.standing(), [live.as_str()]);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let all = world.cluster.list("Pod");
    assert_eq!(world.pods(live.as_str()).len(), all.len(), "pods of former releases are left");
}

/// A release's pods of which the cluster says that they are ready.
fn ready(cluster: &FakeCluster, release: &str) -> usize {
    let is_ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    let pods = cluster.list("Pod");
    pods.iter()
        .filter(|pod| pod["metadata"]["labels"]["bascule.dev/release"] == release && is_ready(pod))
        .count()
}

/// The Deployments but that of a release.
fn but(cluster: &FakeCluster, release: &str) -> Vec<String> {
    let all = cluster.list("Deployment");
    let names = all.iter().filter_map(|one| one["metadata"]["name"].as_str());
    names.filter(|name| !name.ends_with(release)).map(str::to_owned).collect()
}

/// From now on, as often as it can be looked at: the fewest ready pods of a release while users got that one; none but the former
/// one's count.
fn fewest_of_who_follows(world: &Driven, former: &str) -> Arc<AtomicUsize> {
    let fewest = Arc::new(AtomicUsize::new(usize::MAX));
    let (cluster, former, seen) = (world.cluster.clone(), former.to_owned(), fewest.clone());
    tokio::spawn(async move {
        loop {
            let service = cluster.get("Service", "shop-web").unwrap();
            let selected = service["spec"]["selector"]["bascule.dev/release"].as_str().unwrap();
            if selected != former {
                seen.fetch_min(ready(&cluster, selected), Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    fewest
}

#[tokio::test(start_paused = true)]
async fn s11_a_release_of_which_one_pod_was_looked_at_is_whole_before_it_gets_the_traffic() {
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    let live = first.to_string();
    world.at("deploy.verify.apply.after", move |cluster| {
        let [new] = &but(cluster, &live)[..] else { panic!("one is new") };
        cluster.edit("Deployment", new, "kubectl-scale", |one| one["spec"]["replicas"] = 1.into());
    });
    let (there, go) = world.hold("deploy.switch.apply.before");
    let look = async {
        there.await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        go.send(()).unwrap();
    };
    let fewest = fewest_of_who_follows(&world, first.as_str());
    let (second, ()) = tokio::join!(world.deploy(2), look);
    let second = second.live();
    assert_eq!(fewest.load(Ordering::Relaxed), 2, "so many were ready when it got the traffic");
    assert_eq!(world.agreed().await, second.as_str());
}

#[tokio::test(start_paused = true)]
async fn s13_a_live_release_that_grows_before_the_switch_takes_the_new_one_along() {
    let world = Driven::new();
    // Whoever has written hears of it later, as from any server.
    world.cluster.lag_watches(Duration::from_millis(50));
    let first = world.deploy(1).await.live();
    let (there, go) = world.hold("deploy.switch.apply.before");
    let grow = async {
        there.await.unwrap();
        let name = format!("shop-web-{first}");
        world.cluster.edit("Deployment", &name, "hpa", |one| one["spec"]["replicas"] = 5.into());
        tokio::time::sleep(Duration::from_secs(5)).await;
        go.send(()).unwrap();
    };
    let fewest = fewest_of_who_follows(&world, first.as_str());
    let (second, ()) = tokio::join!(world.deploy(2), grow);
    let second = second.live();
    assert_eq!(fewest.load(Ordering::Relaxed), 5, "so many were ready when it got the traffic");
    assert_eq!(world.agreed().await, second.as_str());
}

#[tokio::test(start_paused = true)]
async fn s14_good_to_bad_bad_to_bad_and_bad_to_good() {
    let world = Driven::new();
    // A first one that is bad leaves nothing that has users.
    world.cluster.image(&image(9), PodScript::crash_loop(2));
    world.deploy(9).await.back(Code::InstanceCrashLoop);
    assert!(world.standing().is_empty());
    world.deploy(9).await.back(Code::InstanceCrashLoop);
    let good = world.deploy(1).await.live();
    for _ in 0..2 {
        world.deploy(9).await.back(Code::InstanceCrashLoop);
        assert_eq!(world.agreed().await, good.as_str());
        assert_eq!(world.standing(), [good.as_str()]);
    }
    let better = world.deploy(2).await.live();
    assert_eq!(world.agreed().await, better.as_str());
}

#[tokio::test(start_paused = true)]
async fn s15_a_new_release_while_one_is_watched_waits_for_its_end_and_is_watched_anew() {
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    let begun = world.begin(2).await.unwrap();
    let run = begun.run.clone();
    let (there, go) = world.hold("deploy.bake.apply.before");
    let meanwhile = async {
        there.await.unwrap();
        assert_ne!(world.selected(), first.as_str());
        let refused = world.begin(3).await.err().map(|problem| problem.code);
        assert_eq!(refused, Some(Code::LeaseHeld));
        world.engine.abort(&run, "somebody").await.unwrap();
        go.send(()).unwrap();
    };
    let (ended, ()) = tokio::join!(world.drive(begun), meanwhile);
    assert_eq!(ended.outcome, Outcome::RolledBack, "{ended:?}");
    assert_eq!(world.agreed().await, first.as_str());
    let began = tokio::time::Instant::now();
    let third = world.deploy(3).await.live();
    assert!(began.elapsed() >= BAKE, "{:?}", began.elapsed());
    assert_eq!(world.agreed().await, third.as_str());
}

#[tokio::test(start_paused = true)]
async fn s19_a_release_that_falls_after_the_switch_leaves_the_healthy_one_as_it_was() {
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    let pods = world.pods(first.as_str());
    let there = world.cluster.get("Deployment", &format!("shop-web-{first}")).unwrap();
    let live = first.to_string();
    world.at("deploy.bake.apply.before", move |cluster| {
        let service = cluster.get("Service", "shop-web").unwrap();
        let new = service["spec"]["selector"]["bascule.dev/release"].as_str().unwrap().to_owned();
        assert_ne!(new, live);
        cluster.image(&image(2), PodScript::crash_loop(2));
        cluster.delete_pods(&[("bascule.dev/release", new.as_str())]);
    });
    let ended = world.deploy(2).await;
    assert_eq!(ended.outcome, Outcome::RolledBack, "{ended:?}");
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(world.standing(), [first.as_str()]);
    assert_eq!(world.pods(first.as_str()), pods);
    let now = world.cluster.get("Deployment", &format!("shop-web-{first}")).unwrap();
    assert_eq!((&now["metadata"]["uid"], &now["spec"]), (&there["metadata"]["uid"], &there["spec"]));
}

#[tokio::test(start_paused = true)]
async fn s20_another_configuration_is_another_release_and_one_that_cannot_be_written_is_an_error() {
    let mut world = Driven::new();
    let set = |world: &mut Driven, value: &str| {
        let web = "web".parse().unwrap();
        let text = InstanceText::literal(value);
        world.wish.configuration.env.entry(web).or_default().insert("MODE".to_owned(), text);
        let print = format!("print-of-{value}");
        world.wish.release.services[0].configuration.insert("MODE".to_owned(), print);
        value.clone_into(&mut world.wish.release.content);
    };
    let maps = |world: &Driven| -> Vec<Value> {
        world.cluster.list("ConfigMap").iter().map(|map| map["data"]["MODE"].clone()).collect()
    };
    set(&mut world, "one");
    let first = world.deploy(1).await.live();
    assert_eq!(maps(&world), ["one"]);
    set(&mut world, "two");
    world.cluster.fault(Matcher::any().verb("create").resource("configmaps").kept(), Fault::Status(503));
    world.deploy(1).await.back(Code::ClusterUnavailable);
    assert_eq!(world.agreed().await, first.as_str());
    assert_eq!(maps(&world), ["one"]);
    world.cluster.clear_faults();
    let at_the_switch = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = at_the_switch.clone();
    world.at("deploy.switch.apply.before", move |cluster| {
        *seen.lock().unwrap() =
            cluster.list("ConfigMap").iter().map(|map| map["data"]["MODE"].clone()).collect();
    });
    let second = world.deploy(1).await.live();
    let mut both = at_the_switch.lock().unwrap().clone();
    both.sort_by_key(ToString::to_string);
    assert_eq!(both, ["one", "two"], "each has its own");
    assert_ne!(first, second);
    world.end_window().await;
    assert_eq!(maps(&world), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn s21_going_back_to_what_is_live_changes_nothing() {
    let mut world = Driven::new();
    world.wish.release.rollout.warm = Duration::from_secs(600);
    let first = world.deploy(1).await.live();
    world.deploy(2).await.live();
    assert_eq!(world.rollback(None).await.unwrap().live(), first);
    let pods = world.pods(first.as_str());
    world.cluster.forget_calls();
    let refused =
        world.rollback(Some(&first)).await.map(|ended| ended.outcome).map_err(|problem| problem.code);
    assert_eq!(refused, Err(Code::NothingToRollBackTo));
    assert!(writes(&world).is_empty(), "{:#?}", writes(&world));
    assert_eq!((world.agreed().await, world.pods(first.as_str())), (first.to_string(), pods));
}

#[tokio::test(start_paused = true)]
async fn s22_whenever_a_run_is_aborted_the_service_works() {
    let steps = ["start", "ready", "verify", "switch", "bake", "verify-live"];
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    let pods = world.pods(first.as_str());
    for (number, step) in (2..).zip(steps) {
        let begun = world.begin(number).await.unwrap();
        let run = begun.run.clone();
        let (there, go) = world.hold(&format!("deploy.{step}.apply.before"));
        let abort = async {
            there.await.unwrap();
            world.engine.abort(&run, "somebody").await.unwrap();
            go.send(()).unwrap();
        };
        let (ended, ()) = tokio::join!(world.drive(begun), abort);
        assert_eq!(ended.outcome, Outcome::RolledBack, "at {step}: {ended:?}");
        assert_eq!(world.agreed().await, first.as_str(), "at {step}");
        assert_eq!(world.standing(), [first.as_str()], "at {step}");
        assert_eq!(world.pods(first.as_str()), pods, "at {step}");
    }
    // And down takes all of it away.
    let begun = world.engine.down(&key(), "somebody").await.unwrap();
    assert_eq!(world.drive(begun).await.outcome, Outcome::Live);
    assert!(world.standing().is_empty() && world.cluster.get("Service", "shop-web").is_none());
}

#[tokio::test(start_paused = true)]
async fn s28_a_restart_takes_no_pod_that_a_budget_keeps() {
    let world = Driven::new();
    let first = world.deploy(1).await.live();
    let budget = world.cluster.get("PodDisruptionBudget", "shop-web").unwrap();
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    // Whoever is chosen by the budget and is well, as often as it can be looked at.
    let fewest = Arc::new(AtomicUsize::new(usize::MAX));
    let (cluster, seen) = (world.cluster.clone(), fewest.clone());
    let watch = tokio::spawn(async move {
        loop {
            let pods = cluster.list("Pod");
            let releases: BTreeSet<&str> = pods
                .iter()
                .filter_map(|pod| pod["metadata"]["labels"]["bascule.dev/release"].as_str())
                .collect();
            let well = releases.iter().map(|release| ready(&cluster, release)).sum();
            seen.fetch_min(well, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    // The same image once more is how an app is started anew; and back again.
    let second = world.deploy(1).await.live();
    assert_ne!(first, second);
    world.rollback(None).await.unwrap().live();
    watch.abort();
    assert_eq!(fewest.load(Ordering::Relaxed), 2, "its pods were fewer than it has");
    // It is there as long as there are pods.
    assert!(world.cluster.get("PodDisruptionBudget", "shop-web").is_some());
}

#[tokio::test(start_paused = true)]
async fn s24_a_release_that_was_rolled_back_by_hand_is_told_and_stands_in_the_way() {
    let mut world = Driven::new();
    world.wish.release.rollout.warm = Duration::from_secs(600);
    let first = world.deploy(1).await.live();
    let second = world.deploy(2).await.live();
    let back = first.to_string();
    world.cluster.edit("Service", "shop-web", "kubectl-patch", move |service| {
        service["spec"]["selector"]["bascule.dev/release"] = back.clone().into();
    });
    let told = world.traffic.drift(&key()).await.unwrap().join("\n");
    assert!(told.contains("kubectl-patch") && told.contains(second.as_str()), "{told}");
    // The next deploy does not write over it, and a person who puts it back ends that.
    let begun = world.begin(3).await.unwrap();
    let run = begun.run.clone();
    let came = world.engine.drive(begun).await;
    assert_ne!(came, Came::Over(Outcome::Live));
    assert_eq!(world.selected(), first.as_str(), "somebody's decision was written over");
    let here = second.to_string();
    world.cluster.edit("Service", "shop-web", "kubectl-patch", move |service| {
        service["spec"]["selector"]["bascule.dev/release"] = here.clone().into();
    });
    if came == Came::AwaitsPerson {
        let begun = world.engine.resolve(&run, Decision::RetryUndo, "somebody").await.unwrap();
        assert_eq!(world.drive(begun).await.outcome, Outcome::RolledBack);
    }
    assert_eq!(world.agreed().await, second.as_str());
}
