//! Releases that come pod by pod as the former ones go, under load through the port of the node: nothing is lost, there are never too
//! few or too many, and one that is bad is returned from by itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bascule_load::{Load, Profile, Retry};
use serde_json::Value;

use super::{agreed, answers, shop};
use crate::support::app::App;
use crate::support::fixture::Kubernetes;
use crate::support::processes;
use crate::support::world::World;

const SIZE: usize = 3;

fn rolling(world: &World<'_>) -> App {
    let mut app = shop(world);
    app.instances = SIZE;
    app.rollout.insert("strategy", r#""rolling""#.to_owned());
    app.rollout.insert("bake", r#""500ms""#.to_owned());
    app.rollout.remove("warm");
    app
}

fn load(app: &App) -> Load {
    let profile = Profile {
        http1: 4,
        slow: 2,
        slow_for: Duration::from_millis(500),
        rate_per_second: Some(60.0),
        patience: Duration::from_secs(30),
        retry: Retry::IdempotentOnReused,
        ..Profile::idle(app.door)
    };
    bascule_load::start(profile).unwrap()
}

/// Fails where a request was lost.
fn nothing_was_lost(load: Load) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let figures = runtime.block_on(load.stop());
    println!("{} requests, {} lost, longest gap {} ms", figures.ok(), figures.failed(), figures.max_gap_ms);
    assert!(figures.ok() > 500, "too few to tell: {figures:#?}");
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
}

/// The fewest pods that were ready, and the most that were there, while something was done.
fn counted<T>(cluster: &Kubernetes, doing: impl FnOnce() -> T) -> (T, usize, usize) {
    let (fewest, most, is_done) = (AtomicUsize::new(usize::MAX), AtomicUsize::new(0), AtomicBool::new(false));
    let done = std::thread::scope(|scope| {
        // Also where `doing` panics: the scope waits for the one who counts.
        let _end = Ended(&is_done);
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let text = cluster.kubectl(&["get", "pods", "--output", "json"]);
                let all: Value = serde_json::from_str(&text).unwrap();
                let pods = all["items"].as_array().cloned().unwrap_or_default();
                fewest.fetch_min(pods.iter().filter(|pod| is_ready(pod)).count(), Ordering::Relaxed);
                most.fetch_max(pods.iter().filter(|pod| !is_kept(pod)).count(), Ordering::Relaxed);
            }
        });
        doing()
    });
    (done, fewest.into_inner(), most.into_inner())
}

/// Says at its end that what it goes along with has ended.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether a node keeps it though nothing of it runs any more.
fn is_kept(pod: &Value) -> bool {
    let statuses = pod["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
    !pod["metadata"]["deletionTimestamp"].is_null()
        && !statuses.is_empty()
        && statuses.iter().all(|one| one["state"]["running"].is_null())
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

#[test]
fn load_loses_nothing_while_releases_come_and_go_pod_by_pod() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = rolling(&world);
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);
    let load = load(&app);
    for surge in [1, 2] {
        app.rollout.insert("max_surge", surge.to_string());
        app.version(&format!("surge-{surge}"));
        let (ran, fewest, most) = counted(&cluster, || world.deploy(&app));
        ran.expect_live();
        assert!(fewest >= SIZE && most <= SIZE + surge, "{fewest} were ready, {most} were there");
        let live = agreed(&world, &cluster, &app);
        (0..20).for_each(|_| assert_eq!(answers(&app), live));
    }
    world.rollback_to(&app, &first).expect_live();
    assert_eq!(agreed(&world, &cluster, &app), first);
    nothing_was_lost(load);
    assert_eq!(world.run(&app, &["down", "staging"]).status, 0);
    cluster.until_empty();
}

#[expect(clippy::disallowed_methods, reason = "the shop in the pod is told a time as well")]
fn seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Of the new release the first pod is well, and no later one: the former one comes back by itself.
#[test]
fn one_that_does_not_come_to_its_end_is_returned_from() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = rolling(&world);
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);
    let load = load(&app);
    app.version("2");
    app.rollout.insert("deadline", r#""40s""#.to_owned());
    let until = seconds() + 60;
    let script = format!(
        r#"["sh", "-c", "[ $(/bin/busybox date +%s) -lt {until} ] || export SHOP_FAULT_NEVER_HEALTHY=1; exec /shop"]"#
    );
    app.web.insert("command", script);
    app.write();
    let point = "deploy.roll.apply.before";
    world.points.pause(point);
    let (ran, fewest, most) = counted(&cluster, || {
        let mut command = world.start(&app, &["deploy", "staging"]);
        world.points.wait_for(point, &mut command);
        let now = seconds();
        assert!(now < until, "its first pod took too long");
        std::thread::sleep(Duration::from_secs(u64::try_from(until - now).unwrap()));
        world.points.go_on(point);
        command.end()
    });
    ran.expect(7, "rolled_back", "INSTANCE_NOT_READY");
    assert!(fewest >= SIZE && most <= SIZE + 1, "{fewest} were ready, {most} were there");
    assert_eq!(agreed(&world, &cluster, &app), first);
    let failed = ran.field("release");
    assert!(cluster.pods(&failed).is_empty(), "pods of {failed} are left");
    assert_eq!(cluster.pods(&first).len(), SIZE);
    nothing_was_lost(load);
}

/// The control plane is killed while both releases have users, on the way there and on the way back.
#[test]
fn a_control_plane_that_is_killed_on_the_way_goes_on() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = rolling(&world);
    world.deploy(&app).expect_live();
    let mut live = agreed(&world, &cluster, &app);
    let load = load(&app);
    let last = "deploy.settle.apply.before";
    for (number, fails) in [false, true].into_iter().enumerate() {
        app.version(&format!("killed-{number}"));
        app.write();
        if fails {
            world.points.fail(last);
        }
        let mut command = world.start(&app, &["deploy", "staging"]);
        // Where it fails, the former release has given up its last pod before it is to come back.
        let point = if fails { "deploy.roll.undo.before" } else { "deploy.roll.apply.before" };
        world.points.wait_for(point, &mut command);
        std::thread::sleep(Duration::from_secs(3));
        processes::kill(world.serve_pid().unwrap());
        let ran = command.end();
        world.points.mend(last);
        let now = agreed(&world, &cluster, &app);
        let expected = if fails { live.clone() } else { ran.field("release") };
        assert_eq!(now, expected, "{ran:#?}");
        assert_eq!(cluster.pods(&now).len(), SIZE);
        live = now;
    }
    nothing_was_lost(load);
}
