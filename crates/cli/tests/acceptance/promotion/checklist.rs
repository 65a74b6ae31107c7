//! The checklist, item by item, and the rehearsal that one of them asks for.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{PRODUCTION, artifact, deploy, with_production};
use crate::support::agreement::settled;
use crate::support::app::{App, ENVIRONMENT};
use crate::support::fixture::Fixture;
use crate::support::world::World;

const CHECK: &str = "[[verify]]\nname = \"well\"\nget = \"/health\"\nexpect = { status = 200 }\n";

fn listed(world: &World<'_>, app: &App) -> (i32, Value) {
    app.write();
    let ran = world.run(app, &["checklist", PRODUCTION]);
    (ran.status, ran.last())
}

/// The items that keep a release out; each has to say what to do.
fn blocking(world: &World<'_>, app: &App) -> Vec<String> {
    let (status, list) = listed(world, app);
    let blocks = |item: &&Value| !matches!(item["status"].as_str(), Some("pass" | "waived"));
    let items = list["items"].as_array().unwrap();
    let names: Vec<String> = items
        .iter()
        .filter(blocks)
        .map(|item| {
            assert!(item["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{item}");
            item["gate"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(status, if names.is_empty() { 0 } else { 4 }, "{list:#}");
    assert_eq!(list["passed"], names.is_empty());
    names
}

/// A pipeline's run that made the artifact, with what its gates said.
fn pipeline(world: &World<'_>, artifact: &str, tests: &str, critical: &str) -> PathBuf {
    let decision = |gate: &str, status: &str| {
        json!({ "gate": gate, "status": status, "required": true, "condition": "== 0", "value": null,
                "why": "seen", "remedy": null, "evidence": [], "waiver": null })
    };
    let record = json!({
        "run": "p1", "app": "shop", "commit": "c0", "dirty": false, "artifact": artifact,
        "began_at": "2026-01-01T00:00:00Z", "ended_at": null, "passed": null, "reports": [],
        "decisions": [decision("tests", tests), decision("critical", critical)],
    });
    let folder = world.state().join("pipelines/p1");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("record.json");
    std::fs::write(&path, record.to_string()).unwrap();
    path
}

fn each_item_keeps_a_release_out_until_it_was_seen(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.set("ONLY_THERE", "1");
    with_production(
        &mut app,
        fixture.target(),
        "env = { SHOP_VERSION = \"1\" }\n[environments.production.policy]\nchecklist = true\n",
    );
    deploy(&world, &app, ENVIRONMENT).expect_live();
    let all = ["tests", "critical", "rollback", "monitoring", "configuration"];
    assert_eq!(blocking(&world, &app), all);
    deploy(&world, &app, PRODUCTION).expect(4, "refused", "CHECKLIST_FAILED").expect_message(&[
        "5 of 6 items",
        "tests, critical, rollback, monitoring, configuration",
        "ONLY_THERE",
    ]);

    app.more.insert_str(0, CHECK);
    assert_eq!(blocking(&world, &app), ["tests", "critical", "rollback", "configuration"]);
    app.more.push_str("left_out = [\"ONLY_THERE\"]\n");
    assert_eq!(blocking(&world, &app), ["tests", "critical", "rollback"]);

    let ran = world.run(&app, &["rehearse", ENVIRONMENT]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let kept = ran.last();
    let kinds: Vec<&str> =
        kept["runs"].as_array().unwrap().iter().map(|run| run["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["deploy", "rollback", "deploy"]);
    assert_eq!((&kept["lost"], kept["requests"].as_u64().unwrap() > 0), (&json!(0), true), "{kept}");
    assert_eq!(kept["artifact"], artifact(&world, &app, ENVIRONMENT).as_str());
    assert_eq!(blocking(&world, &app), ["tests", "critical"]);

    let digest = artifact(&world, &app, ENVIRONMENT);
    // What another app showed with the same files does not count, nor what a version kept that did not note the app.
    let place = world.state().join("rehearsals");
    let file = format!("{}.json", digest.rsplit(':').next().unwrap());
    let own = place.join("shop").join(&file);
    std::fs::create_dir(place.join("register")).unwrap();
    for other in [place.join("register").join(&file), place.join(&file)] {
        std::fs::rename(&own, &other).unwrap();
        assert_eq!(blocking(&world, &app), ["tests", "critical", "rollback"], "{}", other.display());
        std::fs::rename(&other, &own).unwrap();
    }
    pipeline(&world, "sha256:00", "pass", "pass");
    assert_eq!(blocking(&world, &app), ["tests", "critical"], "of another artifact");
    pipeline(&world, &digest, "no-data", "fail");
    assert_eq!(blocking(&world, &app), ["tests", "critical"]);
    let record = pipeline(&world, &digest, "pass", "waived");
    assert!(blocking(&world, &app).is_empty());
    std::fs::write(&record, "{").unwrap();
    let ran = world.run(&app, &["checklist", PRODUCTION]);
    assert_eq!((ran.status, ran.field("error.code").as_str()), (75, "STATE_UNUSABLE"), "{ran:#?}");
    pipeline(&world, &digest, "pass", "pass");
    deploy(&world, &app, PRODUCTION).expect_live();
    assert_eq!(artifact(&world, &app, PRODUCTION), digest);

    // A rollback asks for none of it.
    deploy(&world, &app, PRODUCTION).expect_live();
    std::fs::remove_file(record).unwrap();
    world.run(&app, &["rollback", PRODUCTION]).expect_live();
}

fn the_first_release_of_an_environment_can_be_rehearsed(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.more = CHECK.to_owned();
    app.write();
    let ran = world.run(&app, &["rehearse", ENVIRONMENT, "--rate", "50"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let kept = ran.last();
    assert_eq!(kept["runs"].as_array().unwrap().len(), 4, "{kept}");
    // A path that answers no 2xx is no load that nothing was lost of, and leaves no evidence.
    std::fs::remove_dir_all(world.state().join("rehearsals")).unwrap();
    let ran = world.run(&app, &["rehearse", ENVIRONMENT, "--path", "/nowhere"]);
    assert_eq!((ran.status, ran.field("error.code").as_str()), (4, "REHEARSAL_REFUSED"), "{ran:#?}");
    assert!(!world.state().join("rehearsals").exists());
}

fn a_control_plane_killed_in_a_rehearsal_leaves_the_truth(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.more = CHECK.to_owned();
    deploy(&world, &app, ENVIRONMENT).expect_live();
    for point in ["rollback.switch.apply.before", "rollback.settle.apply.after", "deploy.switch.apply.after"]
    {
        let _ = std::fs::remove_dir_all(world.state().join("rehearsals"));
        world.points.pause(point);
        let mut rehearsing = world.start(&app, &["rehearse", ENVIRONMENT]);
        world.points.wait_for(point, &mut rehearsing);
        assert!(!world.state().join("rehearsals").exists(), "{point}: evidence of what is not over");
        crate::support::processes::kill(world.serve_pid().unwrap());
        world.points.go_on(point);
        let ran = rehearsing.end();
        assert_eq!(ran.status, 0, "{point}: {ran:#?}");
        let kept = ran.last();
        assert_eq!(kept["lost"], 0, "{point}: {kept}");
        let live = settled(&world, &app).live;
        assert_eq!(kept["runs"][2]["release"], json!(live), "{point}: {kept}");
    }
}

on_processes!(
    each_item_keeps_a_release_out_until_it_was_seen,
    the_first_release_of_an_environment_can_be_rehearsed,
    a_control_plane_killed_in_a_rehearsal_leaves_the_truth,
);
