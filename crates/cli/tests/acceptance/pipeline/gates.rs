//! Gates in the way of a commit: reports that are bad, unreadable or missing, each refused where it belongs and with the words for it.

use std::fs;
use std::process::Command;

use super::project::{TO_STAGING, app, commit, names, passes, stage};
use crate::support::app::App;
use crate::support::fixture::Fixture;
use crate::support::world::World;

const GATES: &str = "[gates]\ncoverage = \">= 80%\"\nnew_coverage = \">= 50%\"\ntests = \"no failures\"\nsecurity_score = \">= 7\"\n\
                     critical = \"== 0\"\n[gates.custom.bundle]\nvalue = \"size.json:$.total\"\ncondition = \"value < 300000\"\n";

const TESTS: &str = "<testsuite><testcase classname='cart' name='adds'/></testsuite>";
const SIZE: &str = "{\"total\": 1234}";

/// 10,000 lines, of which so many are covered.
fn lcov(covered: u32) -> String {
    let mut text = "SF:app\n".to_owned();
    (1..=10_000).for_each(|line| text.push_str(&format!("DA:{line},{}\n", u32::from(line <= covered))));
    text + "end_of_record\n"
}

fn sarif(results: &str) -> String {
    format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"scan"}}}},"results":[{results}]}}]}}"#
    )
}

/// Jobs that write as reports what the commit has in `given`.
fn project(world: &World<'_>) -> App {
    let checks = stage(
        "code quality",
        "scan",
        "run = \"cp given/scan.sarif scan.sarif\"\nreports.security = [\"scan.sarif\"]",
    );
    let tests = stage(
        "testing",
        "unit",
        "run = \"cp given/lcov.info given/junit.xml given/size.json .\"\n\
         reports = { coverage = [\"lcov.info\"], tests = [\"junit.xml\"], custom = [\"size.json\"] }",
    );
    let app = app(world, &format!("{checks}{tests}{TO_STAGING}{GATES}"));
    fs::create_dir_all(app.project().join("given")).unwrap();
    for (file, text) in [
        ("scan.sarif", sarif("")),
        ("lcov.info", lcov(8_000)),
        ("junit.xml", TESTS.to_owned()),
        ("size.json", SIZE.to_owned()),
    ] {
        give(&app, file, &text);
    }
    commit(&app);
    app
}

fn give(app: &App, file: &str, text: &str) {
    fs::write(app.project().join("given").join(file), text).unwrap();
}

fn each_bad_report_is_refused_where_it_belongs(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let shop = project(&world);
    passes(&world.run(&shop, &["ship"]));
    let live = world.status(&shop)["live"]["release"].clone();
    let failing = "<testsuite><testcase classname='cart' name='adds'/><testcase classname='cart' name='pays'><failure/></testcase></testsuite>";
    let skipped = "<testsuite><testcase name='adds'><skipped/></testcase></testsuite>";
    let critical =
        r#"{"ruleId":"SQLI","level":"note","properties":{"security-severity":"9.8"},"locations":[]}"#;
    for (file, bad, stage, words) in [
        ("junit.xml", failing.to_owned(), "testing", &["tests", "1 failed"][..]),
        ("junit.xml", skipped.to_owned(), "testing", &["tests", "no test was run", "no-data"]),
        ("junit.xml", "<testsuite><testcase".to_owned(), "testing", &["junit.xml is unreadable", "no-data"]),
        ("lcov.info", lcov(7_999), "testing", &["coverage", "7999 of 10000", "79.99%"]),
        (
            "lcov.info",
            lcov(9_000).replace("end_of_record", ""),
            "testing",
            &["lcov.info is unreadable", "cut off"],
        ),
        ("scan.sarif", sarif(critical), "code quality", &["security_score, critical", "1 critical"]),
        ("scan.sarif", "not json".to_owned(), "code quality", &["scan.sarif is unreadable"]),
        ("size.json", "{\"total\": 300000}".to_owned(), "testing", &["bundle", "300000"]),
    ] {
        let good = fs::read_to_string(shop.project().join("given").join(file)).unwrap();
        give(&shop, file, &bad);
        commit(&shop);
        let ran = world.run(&shop, &["ship"]);
        ran.expect(4, "failed", "GATE_REFUSED").expect_message(&[stage]).expect_message(words);
        assert!(!names(&world).contains(&"artifact-made".to_owned()), "{file}");
        give(&shop, file, &good);
    }
    // A report that is not written is the job's failure.
    fs::remove_file(shop.project().join("given/lcov.info")).unwrap();
    commit(&shop);
    world.run(&shop, &["ship"]).expect(4, "failed", "JOB_FAILED");
    assert_eq!(world.status(&shop)["live"]["release"], live, "nothing was touched");
}

fn a_gate_that_nobody_decides_is_in_the_way_of_the_deploy(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let checks = stage("testing", "unit", "run = \"true\"");
    let gates = "[gates]\ntests = \"no failures\"\n";
    let mut shop = app(&world, &format!("{checks}{TO_STAGING}{gates}"));
    world
        .run(&shop, &["ship"])
        .expect(4, "failed", "GATE_REFUSED")
        .expect_message(&["no job has written a tests report"]);
    assert_eq!(world.newest_run(&shop), None, "nothing was deployed");
    // One that is not required is only shown.
    shop.more = shop.more.replace("\"no failures\"", "{ condition = \"no failures\", required = false }");
    shop.write();
    commit(&shop);
    passes(&world.run(&shop, &["ship"]));
}

fn a_waiver_lets_a_commit_pass_and_is_shown(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let shop = project(&world);
    give(&shop, "lcov.info", &lcov(7_000));
    let waive = |until: &str| {
        let text = format!(
            "[[waiver]]\ngate = \"coverage\"\nreason = \"the parser is rewritten\"\nwho = \"ana\"\nuntil = {until}\n"
        );
        fs::write(shop.project().join("bascule.waivers.toml"), text).unwrap();
        commit(&shop);
    };
    // Nobody answers for ever.
    waive("\"2999-01-01\"");
    world.run(&shop, &["ship"]).expect(4, "failed", "GATE_REFUSED").expect_message(&["bascule.waivers.toml"]);
    let tomorrow = Command::new("date").args(["-u", "-d", "tomorrow", "+%F"]).output().unwrap();
    waive(&format!("\"{}\"", String::from_utf8(tomorrow.stdout).unwrap().trim()));
    passes(&world.run(&shop, &["ship"]));
    let shown = world.run(&shop, &["gate", "staging"]);
    let decisions = shown.last()["decisions"].clone();
    let coverage =
        decisions.as_array().unwrap().iter().find(|one| one["gate"] == "coverage").unwrap().clone();
    assert_eq!((&coverage["status"], &coverage["waiver"]["who"]), (&"waived".into(), &"ana".into()));
    assert_eq!(coverage["value"], "70% (7000 of 10000 lines)");
    assert_eq!(coverage["evidence"][0]["source"], "testing/unit: lcov.info");
    assert!(coverage["evidence"][0]["digest"].as_str().is_some_and(|digest| digest.len() == 64));
}

fn changed_lines_count_alone(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut shop = project(&world);
    passes(&world.run(&shop, &["ship"]));
    // `app` is one line, which is covered; in the next commit it has three more, of which one is covered.
    let more = |lines: &str| fs::write(shop.project().join("extra.sh"), lines).unwrap();
    more("one\ntwo\nthree\n");
    let covered = "SF:extra.sh\nDA:1,1\nDA:2,0\nDA:3,0\nend_of_record\n";
    give(&shop, "lcov.info", &format!("{}{covered}", lcov(10_000)));
    commit(&shop);
    world
        .run(&shop, &["ship"])
        .expect(4, "failed", "GATE_REFUSED")
        .expect_message(&["new_coverage", "1 of 3 changed lines"]);
    shop.more = shop.more.replace(">= 50%", ">= 30%");
    shop.write();
    commit(&shop);
    passes(&world.run(&shop, &["ship"]));
}

fn a_report_that_was_changed_afterwards_is_not_believed(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let shop = project(&world);
    passes(&world.run(&shop, &["ship"]));
    assert_eq!(world.run(&shop, &["gate", "staging"]).status, 0);
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(super::project::folder(&world).join("record.json")).unwrap())
            .unwrap();
    let reports = record["reports"].as_array().unwrap();
    let tests = reports.iter().find(|report| report["kind"] == "tests").unwrap();
    let kept = super::project::folder(&world).join(tests["file"].as_str().unwrap());
    fs::write(&kept, TESTS.replace("adds", "more")).unwrap();
    let shown = world.run(&shop, &["gate", "staging"]);
    assert_ne!(shown.status, 0);
    assert!(shown.err.contains("somebody has changed it"), "{}", shown.err);
    // Files that are named are judged without a pipeline.
    let file = shop.project().join("given/lcov.info");
    let named = format!("coverage={}", file.display());
    let shown = world.run(&shop, &["gate", "staging", "--report", &named]);
    assert_eq!(shown.status, 4);
    let decisions = shown.last()["decisions"].clone();
    let status = |gate: &str| {
        let found = decisions.as_array().unwrap().iter().find(|one| one["gate"] == gate).unwrap();
        found["status"].as_str().unwrap().to_owned()
    };
    assert_eq!((status("coverage").as_str(), status("tests").as_str()), ("pass", "no-data"));
}

on_processes!(
    each_bad_report_is_refused_where_it_belongs,
    a_gate_that_nobody_decides_is_in_the_way_of_the_deploy,
    a_waiver_lets_a_commit_pass_and_is_shown,
    changed_lines_count_alone,
    a_report_that_was_changed_afterwards_is_not_believed
);
