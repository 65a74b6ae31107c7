//! What keeps a commit from going on, with the words that say so.

use super::project::{TO_STAGING, app, commit, folder, git, lines, names, stage, wait_for};
use crate::support::disk::Disk;
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::world::World;

fn jobs_fail_in_every_way(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let finally = "finally = \"echo $BASCULE_JOB >> ../../../../finally\"";
    for (keys, code, words) in [
        ("run = \"exit 3\"", "JOB_FAILED", "ended with status 3"),
        ("run = \"no-such-program\"", "JOB_FAILED", "ended with status 127"),
        ("run = \"kill -9 $$\"", "JOB_FAILED", "signal 9"),
        ("run = \"sleep 1000\"\nattempt_timeout = \"200ms\"", "JOB_FAILED", "longer than one attempt may"),
        ("run = \"sleep 1000\"\ntimeout = \"200ms\"", "JOB_FAILED", "longer than all attempts together may"),
        (
            "run = \"exit 75\"\nretry = { attempts = 3, backoff = \"10ms\", on = [\"exit:75\"] }",
            "JOB_FAILED",
            "attempt 3 of 3",
        ),
        ("run = \"true\"\nreports.tests = [\"junit.xml\"]", "REPORT_MISSING", "junit.xml"),
        ("run = \"true\"\nreports.tests = [\"old.xml\"]", "REPORT_MISSING", "old.xml"),
    ] {
        let stages = format!("{}{TO_STAGING}", stage("checks", "unit", &format!("{keys}\n{finally}")));
        let shop = app(&world, &stages);
        std::fs::write(shop.project().join("old.xml"), "<testsuite/>").unwrap();
        commit(&shop);
        world.run(&shop, &["ship"]).expect(4, "failed", code).expect_message(&["checks/unit", words]);
        let begun = names(&world).iter().filter(|name| *name == "finally-began unit").count();
        assert_eq!(begun, 1, "{keys}");
        assert!(!names(&world).contains(&"artifact-made".to_owned()), "{keys}");
        std::fs::remove_dir_all(shop.project().join(".git")).unwrap();
    }
    assert_eq!(world.newest_run(&world.shop("shop")), None, "nothing was deployed");
}

fn a_commit_that_is_not_there_is_refused(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let shop = world.shop("shop");
    shop.write();
    world.run(&shop, &["ship"]).expect(2, "", "PIPELINE_UNKNOWN");
    let shop = {
        let mut shop = shop;
        shop.more = stage("checks", "unit", "run = \"true\"");
        shop.write();
        shop
    };
    world.run(&shop, &["ship"]).expect(4, "", "CHECKOUT_FAILED").expect_message(&["in no git repository"]);
    git(&shop, &["init", "--quiet"]);
    world.run(&shop, &["ship"]).expect(2, "", "COMMIT_UNKNOWN");
    commit(&shop);
    world.run(&shop, &["ship", "--commit", "v9"]).expect(2, "", "COMMIT_UNKNOWN").expect_message(&["v9"]);
    world.run(&shop, &["ship", "--commit=--output=x"]).expect(2, "", "COMMIT_UNKNOWN");
    super::project::passes(&world.run(&shop, &["ship"]));
}

fn an_abort_ends_all_of_a_job_and_runs_its_finally(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    // A child in a session of its own, and one that does not hear SIGTERM.
    let keys = "run = [\"setsid sleep 7777 &\", \"sleep 8888\"]\nfinally = \"echo done > ../finally\"";
    let shop = app(&world, &stage("checks", "unit", keys));
    let shipping = world.start(&shop, &["ship"]);
    wait_for(&world, "job-began unit");
    let run = folder(&world).file_name().unwrap().to_string_lossy().into_owned();
    let aborted = world.run(&shop, &["pipeline", "abort", &run]);
    assert_eq!(aborted.status, 0, "{aborted:#?}");
    shipping.end().expect(7, "aborted", "ABORTED");
    assert_eq!(lines(&folder(&world).join("finally")), ["done"]);
    let left: Vec<_> = processes::of(world.home())
        .into_iter()
        .filter(|one| one.environment.contains_key("BASCULE_JOB"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    world.run(&shop, &["pipeline", "abort", &run]).expect(4, "", "RUN_NOT_THERE");
}

fn a_deploy_that_turns_back_fails_the_run(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut shop = app(&world, TO_STAGING);
    shop.script("app", "exit 1");
    commit(&shop);
    let ran = world.run(&shop, &["ship"]);
    ran.expect(7, "failed", "INSTANCE_CRASH_LOOP").expect_message(&["staging", "the deploy run-"]);
    shop.version("2");
}

fn a_full_disk_is_said(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let Some(_disk) = Disk::small(&world.state(), 8) else { return };
    let place = world.home().join("finally");
    let keys = format!(
        "run = \"head -c 12000000 /dev/zero | tr '\\\\0' '\\\\n'\"\nfinally = \"echo done > {}\"",
        place.display()
    );
    let shop = app(&world, &stage("checks", "unit", &keys));
    world.run(&shop, &["ship"]).expect(75, "failed", "DISK_FULL").expect_message(&["checks.unit.1.log"]);
    assert_eq!(lines(&place), ["done"]);
}

on_processes!(
    a_full_disk_is_said,
    jobs_fail_in_every_way,
    a_commit_that_is_not_there_is_refused,
    an_abort_ends_all_of_a_job_and_runs_its_finally,
    a_deploy_that_turns_back_fails_the_run
);
