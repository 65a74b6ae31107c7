//! Tasks of a deploy: Jobs of the new release, beside a live one that notices nothing.

use super::{agreed, shop};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::fixture::{Fixture as _, Kubernetes};
use crate::support::world::World;
use crate::support::{processes, wait};
use crate::truth::requests::{evidence, users};

/// Adds a task that is a script of the image.
fn task(cluster: &Kubernetes, app: &mut App, keys: &str, body: &str) {
    app.script("migrate", body);
    cluster.take_along(app, &["migrate"]);
    app.more = format!("[[tasks]]\nname = \"migrate\"\ncommand = [\"/migrate\"]\n{keys}\n");
}

fn jobs(cluster: &Kubernetes) -> String {
    cluster.kubectl(&["get", "jobs,pods", "--selector", "bascule.dev/task", "--output", "name"])
}

fn until_none(cluster: &Kubernetes) {
    wait::patiently(wait::POD_ENDS, "no task", || {
        let left = jobs(cluster);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

#[test]
fn it_has_the_new_image_and_configuration_and_nobody_notices() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    world.deploy(&app).expect_live();
    agreed(&world, &cluster, &app);
    let users = users(app.door, 20.0);
    app.version("2");
    let body = "echo version $SHOP_VERSION of $BASCULE_RELEASE; ls /migrate; echo to stderr >&2";
    task(&cluster, &mut app, "", body);
    let ran = world.deploy(&app);
    ran.expect_live();
    let live = agreed(&world, &cluster, &app);
    users.lost_nothing();
    let report = world.report(&app, &ran.field("run"));
    let seen = &evidence(&report, "step_done", "before-start")["tasks"][0];
    let log = std::fs::read_to_string(seen["log"].as_str().unwrap()).unwrap();
    for line in [format!("version 2 of {live}"), "/migrate".to_owned(), "to stderr".to_owned()] {
        assert!(log.lines().any(|one| one == line), "{line}: {log}");
    }
    until_none(&cluster);
    // What needed to be done once is done.
    world.rollback(&app).expect_live();
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    cluster.until_empty();
}

#[test]
fn one_that_fails_leaves_everything_as_it_was() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.rollout.insert("warm", r#""0s""#.to_owned());
    world.deploy(&app).expect_live();
    let live = agreed(&world, &cluster, &app);
    let before = cluster.objects();
    app.version("2");
    task(&cluster, &mut app, "before = \"switch\"", "echo 'no such column: price' >&2; exit 3");
    world
        .deploy(&app)
        .expect(7, "rolled_back", "TASK_FAILED")
        .expect_message(&["the task migrate ended with exit status 3", "no such column: price"]);
    task(&cluster, &mut app, "timeout = \"2s\"", "echo waiting for a lock; sleep 1000");
    world
        .deploy(&app)
        .expect(7, "rolled_back", "TASK_FAILED")
        .expect_message(&["was not over within 2 s", "waiting for a lock"]);
    assert_eq!(agreed(&world, &cluster, &app), live);
    until_none(&cluster);
    wait::patiently(wait::POD_ENDS, "what was there", || {
        let there = cluster.objects();
        if there == before { Ok(()) } else { Err(there) }
    });
}

#[test]
fn a_control_plane_that_is_killed_meanwhile_begins_it_anew() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    world.deploy(&app).expect_live();
    let first = agreed(&world, &cluster, &app);
    let users = users(app.door, 20.0);
    app.version("2");
    task(&cluster, &mut app, "", "echo begin; sleep 4; echo end");
    app.write();
    let running = world.start(&app, &["deploy", ENVIRONMENT]);
    let uid = || {
        let path = "jsonpath={.items[*].metadata.uid}";
        cluster.kubectl(&["get", "jobs", "--selector", "bascule.dev/task", "--output", path])
    };
    let former = wait::until("a task that runs", || {
        let runs = cluster.kubectl(&["get", "pods", "--selector", "bascule.dev/task"]).contains("Running");
        runs.then(uid)
    });
    processes::kill(world.serve_pid().unwrap());
    // Who follows the run starts the next one.
    let next = wait::until("the same task, begun anew", || {
        Some(uid()).filter(|now| !now.is_empty() && *now != former)
    });
    assert_eq!(next.split(' ').count(), 1, "two at once: {next}");
    running.end().expect_live();
    let live = wait::until("the second version", || {
        Some(agreed(&world, &cluster, &app)).filter(|live| *live != first)
    });
    assert_eq!(cluster.selected(&app.name), live);
    users.lost_nothing();
    until_none(&cluster);
}
