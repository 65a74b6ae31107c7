//! Times in which nothing is deployed, and files that are in no commit.

use super::{PRODUCTION, commit, deploy, with_production};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn nothing_is_deployed_in_a_freeze_but_a_rollback_is(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.set_variable("BASCULE_APPROVALS", world.home().join("approvals").to_str().unwrap());
    let mut app = world.shop("shop");
    let before = deploy(&world, &app, ENVIRONMENT).expect_live().field("release");
    app.version("2");
    deploy(&world, &app, ENVIRONMENT).expect_live();
    let frozen = "[environments.staging.policy]\nfreeze = [\"Mon 08:00..Mon 08:00 UTC\"]\napprovals = 3\n";
    app.more = frozen.to_owned();
    app.version("3");
    deploy(&world, &app, ENVIRONMENT)
        .expect(3, "refused", "FROZEN")
        .expect_message(&["Mon 08:00..Mon 08:00 UTC", "staging of shop"]);
    let holds = world.run(&app, &["plan", ENVIRONMENT]).last()["holds"].clone();
    assert_eq!((&holds[0]["code"], &holds[1]["code"]), (&"FROZEN".into(), &"APPROVAL_NEEDED".into()));
    let text = world.command(&["plan", ENVIRONMENT, "--project", app.project().to_str().unwrap()]);
    let text = crate::support::command::fed(text, b"");
    assert!(String::from_utf8_lossy(&text.stdout).contains("what keeps it out now"), "{text:?}");
    world.rollback(&app).expect_live();
    assert_eq!(world.status(&app)["live"]["release"], before.as_str());
    app.more = frozen.replace("Mon 08:00..Mon 08:00 UTC", "Sat..Sun Europe/Nowhere");
    deploy(&world, &app, ENVIRONMENT)
        .expect(3, "refused", "FROZEN")
        .expect_message(&["does not know its time zone"]);
    app.more =
        "[environments.staging.policy]\nfreeze = [\"2020-01-01..2020-01-02 Europe/Berlin\"]\n".to_owned();
    deploy(&world, &app, ENVIRONMENT).expect_live();
}

fn what_is_in_no_commit_is_kept_out(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.more = "[environments.staging.policy]\nallow_dirty = false\n".to_owned();
    deploy(&world, &app, ENVIRONMENT)
        .expect(3, "refused", "DIRTY_REFUSED")
        .expect_message(&["nothing says which commit"]);
    let head = commit(&app);
    deploy(&world, &app, ENVIRONMENT).expect_live();
    assert_eq!(world.status(&app)["live"]["provenance"]["commit"], head.as_str());
    app.script("more", "# new");
    deploy(&world, &app, ENVIRONMENT).expect(3, "refused", "DIRTY_REFUSED").expect_message(&[&head]);
    commit(&app);
    deploy(&world, &app, ENVIRONMENT).expect_live();
}

const MEASURED: &str = "\
[environments.production.policy]
checklist = false
[gates.custom.bundle]
value = \"size.json:$.total\"
condition = \"value < 3\"
max_age = \"1d\"
[[pipeline.stage]]
name = \"checks\"
[pipeline.stage.jobs.size]
run = \"echo '{\\\"total\\\": 1}' > size.json\"
reports.custom = [\"size.json\"]
[[pipeline.stage]]
build = true
[[pipeline.stage]]
deploy = \"staging\"
";

fn evidence_that_has_become_too_old_is_not_promoted(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    with_production(&mut app, fixture.target(), MEASURED);
    app.write();
    commit(&app);
    let shipped = world.run(&app, &["ship", "--to", "staging"]);
    shipped.expect(0, "passed", "");
    let record = world.state().join("pipelines").join(shipped.field("run")).join("record.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    old["reports"][0]["taken_at"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(&record, old.to_string()).unwrap();
    let promote = ["promote", "staging", PRODUCTION];
    world.run(&app, &promote).expect(4, "refused", "GATE_REFUSED").expect_message(&[
        "bundle",
        "checks/size: size.json",
        "counts for 1d only",
    ]);
    assert_eq!(world.run(&app, &["plan", PRODUCTION]).last()["holds"][0]["code"], "GATE_REFUSED");
    std::fs::write(&record, text).unwrap();
    world.run(&app, &promote).expect_live();
}

on_processes!(
    nothing_is_deployed_in_a_freeze_but_a_rollback_is,
    what_is_in_no_commit_is_kept_out,
    evidence_that_has_become_too_old_is_not_promoted
);
