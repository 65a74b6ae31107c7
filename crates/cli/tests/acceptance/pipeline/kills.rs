//! Runners and control planes that are killed: the run goes on, finished jobs are not run again, `finally` is run.

use std::time::Duration;

use super::project::{TO_STAGING, app, commit, events, folder, git, lines, names, runner, stage, wait_for};
use crate::support::fixture::Fixture;
use crate::support::world::World;
use crate::support::{processes, wait};

/// Jobs that note that they ran beside the checkout; the second waits until a file is there.
fn stages() -> String {
    let first =
        stage("one", "first", "run = \"echo first >> ../ran\"\nfinally = \"echo first >> ../finally\"");
    let second = "run = [\"echo second >> ../ran\", \"until test -e ../go; do sleep 0.02; done\"]\n\
                  finally = \"echo second >> ../finally\"";
    let last = stage("three", "last", "run = \"echo last >> ../ran\"\nfinally = \"echo last >> ../finally\"");
    format!("{first}{}{last}", stage("two", "second", second))
}

fn a_runner_that_is_killed_in_a_job_is_followed_by_another(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let shop = app(&world, &stages());
    let shipping = world.start(&shop, &["ship"]);
    for attempt in 1..=2 {
        wait::until_ok("the second job", || {
            let ran = lines(&folder(&world).join("ran"));
            if ran.iter().filter(|line| *line == "second").count() == attempt {
                Ok(())
            } else {
                Err(ran.join(","))
            }
        });
        processes::kill(runner(&world));
        wait::until_ok("another runner", || {
            let begun = names(&world).iter().filter(|name| *name == "runner-began").count();
            if begun == attempt + 1 { Ok(()) } else { Err(begun.to_string()) }
        });
    }
    std::fs::write(folder(&world).join("go"), "").unwrap();
    shipping.end().expect(0, "passed", "");
    let ran = lines(&folder(&world).join("ran"));
    assert_eq!(ran, ["first", "second", "second", "second", "last"]);
    let finally = lines(&folder(&world).join("finally"));
    assert_eq!(finally, ["first", "second", "second", "second", "last"]);
    let lost = events(&world).iter().filter(|event| event["end"] == "lost").count();
    assert_eq!(lost, 2);
}

/// Kills the runner after each event in turn.
fn a_runner_is_killed_at_every_boundary(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let stages = format!("{}{TO_STAGING}", stages());
    for at in 1.. {
        let shop = app(&world, &stages);
        let before = folder(&world);
        let shipping = world.start(&shop, &["ship"]);
        wait::until_ok("a run", || if folder(&world) == before { Err("none".to_owned()) } else { Ok(()) });
        std::fs::write(folder(&world).join("go"), "").unwrap();
        let is_over = wait::until_ok("an event", || {
            let events = events(&world);
            let is_over = events.last().is_some_and(|event| event["event"] == "finished");
            if events.len() >= at || is_over { Ok(is_over) } else { Err(events.len().to_string()) }
        });
        if !is_over {
            processes::kill(runner(&world));
        }
        shipping.end().expect(0, "passed", "");
        let ran = lines(&folder(&world).join("ran"));
        for job in ["first", "second", "last"] {
            let done = names(&world).iter().filter(|name| **name == format!("job-done {job}")).count();
            assert_eq!(done, 1, "{job} after event {at}");
            let lost =
                events(&world).iter().filter(|event| event["job"] == job && event["end"] == "lost").count();
            let times = ran.iter().filter(|line| *line == job).count();
            assert!((1..=1 + lost).contains(&times), "{job} ran {times} times after event {at}, lost {lost}");
        }
        let deploys = events(&world).iter().filter(|event| event["event"] == "deploy-runs").count();
        assert!(deploys >= 1, "after event {at}");
        std::fs::remove_dir_all(shop.project().join(".git")).unwrap();
        if is_over {
            assert!(at > 15, "only {at} events");
            break;
        }
    }
}

fn a_control_plane_that_is_killed_disturbs_nothing(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let shop = app(&world, &format!("{}{TO_STAGING}", stages()));
    let shipping = world.start(&shop, &["ship"]);
    wait_for(&world, "job-began second");
    let serve = world.serve_pid().unwrap();
    processes::kill(serve);
    std::fs::write(folder(&world).join("go"), "").unwrap();
    wait_for(&world, "deploy-began");
    if let Some(serve) = world.serve_pid() {
        processes::kill(serve);
    }
    shipping.end().expect(0, "passed", "");
    assert_eq!(lines(&folder(&world).join("ran")), ["first", "second", "last"]);
    let runners = names(&world).iter().filter(|name| *name == "runner-began").count();
    assert_eq!(runners, 1, "{:?}", names(&world));
    // The control plane that answers may have begun a moment ago.
    wait::until_ok("a state without drift", || {
        let drift = world.status(&shop)["drift"].clone();
        if drift.as_array().is_some_and(Vec::is_empty) { Ok(()) } else { Err(drift) }
    });
}

fn runner_and_control_plane_are_killed_together(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.set_variable("JOB_TOKEN", "c4nary-of-a-job");
    let keys = "run = [\"echo $JOB_TOKEN | wc -c >> ../ran\", \"until test -e ../go; do sleep 0.02; done\"]\n\
                secrets = [\"JOB_TOKEN\"]";
    let shop = app(&world, &stage("one", "only", keys));
    let shipping = world.start(&shop, &["ship"]);
    wait_for(&world, "job-began only");
    wait::until_ok("the job", || {
        if lines(&folder(&world).join("ran")).is_empty() { Err("no") } else { Ok(()) }.map_err(str::to_owned)
    });
    processes::kill(runner(&world));
    processes::kill(world.serve_pid().unwrap());
    // Whoever follows starts the control plane again, and that one the runner, with the sealed secret.
    wait::until_ok("a second attempt", || {
        let ran = lines(&folder(&world).join("ran"));
        if ran.len() == 2 { Ok(()) } else { Err(ran.join(",")) }
    });
    std::fs::write(folder(&world).join("go"), "").unwrap();
    shipping.end().expect(0, "passed", "");
    assert_eq!(lines(&folder(&world).join("ran")), ["16", "16"]);
    wait::until_ok("what was sealed is gone", || {
        let sealed = folder(&world).join("private.sealed");
        std::thread::sleep(Duration::from_millis(5));
        if sealed.exists() { Err("it is there".to_owned()) } else { Ok(()) }
    });
}

fn a_run_whose_values_nobody_can_open_is_ended(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.set_variable("JOB_TOKEN", "c4nary-of-a-job");
    let keys = "run = \"until test -e ../go; do sleep 0.02; done\"\nsecrets = [\"JOB_TOKEN\"]";
    let shop = app(&world, &stage("one", "only", keys));
    let shipping = world.start(&shop, &["ship"]);
    wait_for(&world, "job-began only");
    std::fs::write(folder(&world).join("private.sealed"), "sealed with another key").unwrap();
    processes::kill(runner(&world));
    let ran = shipping.end();
    assert_eq!(ran.field("outcome"), "failed", "{ran:#?}");
    assert_eq!(ran.field("error.code"), "CONFIGURATION_UNREADABLE", "{ran:#?}");
    ran.expect_message(&["another one, or the file was changed"]);
    wait::until_ok("nothing that is under way", || {
        if folder(&world).join("active").exists() { Err("it is".to_owned()) } else { Ok(()) }
    });
    let run = folder(&world).file_name().unwrap().to_string_lossy().into_owned();
    let again = world.run(&shop, &["pipeline", "abort", &run]);
    assert_eq!(again.field("error.code"), "RUN_NOT_THERE", "{again:#?}");
}

/// The runner dies while its deploy goes on; whoever aborts the run gets the deploy undone.
fn a_deploy_whose_runner_was_killed_is_ended_by_an_abort(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut shop = world.shop("shop");
    shop.more = TO_STAGING.to_owned();
    shop.rollout.insert("bake", "\"600s\"".to_owned());
    shop.write();
    git(&shop, &["init", "--quiet"]);
    commit(&shop);
    let shipping = world.start(&shop, &["ship"]);
    wait_for(&world, "deploy-runs");
    wait::until("the bake", || (world.status(&shop)["run"]["step"] == "bake").then_some(()));
    processes::kill(runner(&world));
    let run = folder(&world).file_name().unwrap().to_string_lossy().into_owned();
    let aborted = world.run(&shop, &["pipeline", "abort", &run]);
    assert_eq!(aborted.status, 0, "{aborted:#?}");
    assert_eq!(shipping.end().field("outcome"), "aborted");
    let deploy = events(&world).iter().find(|event| event["event"] == "deploy-runs").unwrap()["run"].clone();
    let report = world.report(&shop, deploy.as_str().unwrap());
    assert_eq!(report["outcome"]["outcome"], "rolled_back", "{report:#}");
    assert_eq!(world.status(&shop)["live"], serde_json::Value::Null);
}

on_processes!(
    a_run_whose_values_nobody_can_open_is_ended,
    a_deploy_whose_runner_was_killed_is_ended_by_an_abort,
    a_runner_that_is_killed_in_a_job_is_followed_by_another,
    a_runner_is_killed_at_every_boundary,
    a_control_plane_that_is_killed_disturbs_nothing,
    runner_and_control_plane_are_killed_together
);
