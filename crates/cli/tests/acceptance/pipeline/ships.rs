//! What a commit goes through until it is live.

use super::project::{TO_STAGING, app, commit, folder, lines, names, passes, stage};
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn a_commit_goes_live_with_what_was_committed(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let checks = "[[pipeline.stage]]\nname = \"checks\"\n[pipeline.stage.jobs.lint]\nrun = \"test -f app\"\n\
                  [pipeline.stage.jobs.unit]\nneeds = [\"lint\"]\n\
                  run = [\"env | sort > env.txt\", \"echo '<testsuite/>' > junit.xml\", \"git rev-parse HEAD\"]\n\
                  env = { MODE = \"test\" }\nreports = { tests = [\"junit.xml\"], custom = [\"env.txt\"] }\n";
    let mut shop = app(&world, &format!("{checks}{TO_STAGING}"));
    let id = commit(&shop);
    // What is not committed does not count.
    shop.version("2");
    shop.write();
    let ran = world.run(&shop, &["ship"]);
    passes(&ran);
    assert!(ran.err.contains("1 file is not as in the commit"), "{}", ran.err);
    let status = world.status(&shop);
    assert_eq!(status["live"]["artifact"], ran.last()["artifact"], "{status:#}");
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder(&world).join("record.json")).unwrap()).unwrap();
    assert_eq!(record["commit"], id.as_str());
    assert_eq!((&record["passed"], &record["dirty"]), (&true.into(), &false.into()));
    let reports = record["reports"].as_array().unwrap();
    assert_eq!(reports.len(), 2);
    let env = reports.iter().find(|report| report["path"] == "env.txt").unwrap();
    let env = lines(&folder(&world).join(env["file"].as_str().unwrap()));
    let known = [
        "PATH=", "HOME=", "LANG=", "USER=", "CI=", "TERM=", "TMPDIR=", "BASCULE_", "MODE=", "PWD=",
        "OLDPWD=", "SHLVL=", "_=",
    ];
    let stray: Vec<_> =
        env.iter().filter(|line| !known.iter().any(|known| line.starts_with(known))).collect();
    assert!(stray.is_empty(), "{stray:?}");
    assert!(env.contains(&"MODE=test".to_owned()) && env.contains(&"CI=true".to_owned()), "{env:?}");
    assert!(!env.iter().any(|line| line.contains("BASCULE_STATE")), "{env:?}");
    let log = world.run(&shop, &["pipeline", "logs", ran.field("run").as_str(), "unit"]);
    assert!(log.out.contains(&id), "{}", log.out);
    // The way back is the same as after a deploy by hand, and a second ship has its own run.
    passes(&world.run(&shop, &["ship", "--dirty"]));
    assert_eq!(world.run(&shop, &["pipeline", "show"]).last()["record"]["dirty"], true);
    assert_eq!(world.rollback(&shop).status, 0);
}

fn a_rehearsal_is_of_what_was_shipped(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut shop = app(&world, &format!("{}{TO_STAGING}", stage("checks", "unit", "run = \"true\"")));
    let shipped = world.run(&shop, &["ship"]);
    passes(&shipped);
    // The folder has gone on since.
    shop.version("2");
    shop.write();
    let ran = world.run(&shop, &["rehearse", "staging"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let artifact = shipped.last()["artifact"].as_str().unwrap().to_owned();
    assert_eq!(world.status(&shop)["live"]["artifact"], artifact.as_str());
    let digest = artifact.rsplit(':').next().unwrap();
    let kept = std::fs::read_dir(world.state().join("rehearsals/shop")).unwrap();
    let names: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() == 1 && names[0].contains(digest), "{names:?}");
}

fn a_part_is_run_alone(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let two = "[[pipeline.stage]]\nname = \"one\"\n[pipeline.stage.jobs.a]\nrun = \"true\"\n\
               [pipeline.stage.jobs.b]\nrun = \"true\"\nneeds = [\"a\"]\n[pipeline.stage.jobs.c]\nrun = \"false\"\n";
    let shop = app(&world, &format!("{two}{}{TO_STAGING}", stage("two", "d", "run = \"true\"")));
    passes(&world.run(&shop, &["pipeline", "run", "b"]));
    let begun = |name: &str| names(&world).contains(&format!("job-began {name}"));
    assert!(begun("a") && begun("b") && !begun("c"), "{:?}", names(&world));
    passes(&world.run(&shop, &["pipeline", "run", "two"]));
    world.run(&shop, &["pipeline", "run", "staging"]).expect(2, "", "USAGE");
    world.run(&shop, &["pipeline", "run", "nothing"]).expect(2, "", "PIPELINE_UNKNOWN");
    world.run(&shop, &["ship"]).expect(4, "failed", "JOB_FAILED").expect_message(&["one/c", "status 1"]);
    let listed = world.run(&shop, &["pipeline", "list"]);
    assert_eq!(listed.last()["pipelines"].as_array().unwrap().len(), 3, "{listed:#?}");
}

fn what_has_not_changed_is_not_run_again(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let keys = "run = [\"date +%s%N > kept\", \"cat input > report\"]\ncache = { paths = [\"kept\"] }\ninputs = [\"input\"]\n\
                reports.custom = [\"report\"]";
    let later = stage("later", "look", "run = \"cat kept\"");
    let shop = app(&world, &format!("{}{later}", stage("checks", "unit", keys)));
    std::fs::write(shop.project().join("input"), "1").unwrap();
    commit(&shop);
    let ship = || {
        passes(&world.run(&shop, &["pipeline", "run"]));
        let names = names(&world);
        let events = super::project::events(&world);
        let because = events.iter().find_map(|event| event["because"].as_str().map(str::to_owned));
        (names.contains(&"job-began unit".to_owned()), because)
    };
    assert_eq!(ship(), (true, Some("it never passed here".to_owned())));
    std::fs::write(shop.project().join("other"), "1").unwrap();
    commit(&shop);
    assert_eq!(ship(), (false, None));
    let record = world.run(&shop, &["pipeline", "show"]).last()["record"].clone();
    assert!(record["reports"][0]["file"].is_string(), "{record:#}");
    std::fs::write(shop.project().join("input"), "2").unwrap();
    commit(&shop);
    assert_eq!(ship(), (true, Some("input changed".to_owned())));
}

fn two_at_once_do_not_disturb_each_other(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let keys = "run = \"date > kept\"\ncache = { key = [\"app\"], paths = [\"kept\"] }";
    let shop = app(&world, &stage("checks", "unit", keys));
    // The control plane is there: which of the two starts it is another matter.
    world.serve();
    let running: Vec<_> = (0..3).map(|_| world.start(&shop, &["pipeline", "run"])).collect();
    running.into_iter().for_each(|one| passes(&one.end()));
    let listed = world.run(&shop, &["pipeline", "list"]).last();
    assert_eq!(listed["pipelines"].as_array().unwrap().len(), 3);
    let worktrees = super::project::git(&shop, &["worktree", "list"]);
    assert_eq!(worktrees.lines().count(), 1, "{worktrees}");
}

fn what_follows_sees_a_run_that_is_damaged(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let shop = app(&world, &stage("checks", "unit", "run = \"true\""));
    let run = world.run(&shop, &["ship"]).field("run");
    let events = folder(&world).join("events.jsonl");
    let text = std::fs::read_to_string(&events).unwrap();
    std::fs::write(&events, text.replacen("stage-began", "stage-begun", 1)).unwrap();
    for words in [&["pipeline", "show", &run][..], &["pipeline", "show", &run, "--follow"]] {
        world.run(&shop, words).expect(8, "", "PIPELINE_DAMAGED").expect_message(&["events.jsonl, line"]);
    }
}

on_processes!(
    a_rehearsal_is_of_what_was_shipped,
    two_at_once_do_not_disturb_each_other,
    what_follows_sees_a_run_that_is_damaged,
    a_commit_goes_live_with_what_was_committed,
    a_part_is_run_alone,
    what_has_not_changed_is_not_run_again
);
