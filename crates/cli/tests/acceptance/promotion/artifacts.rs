//! What production runs is what settled in staging, by its digest.

use bascule_model::gate::Provenance;
use bascule_model::manifest;
use bascule_model::problem::{Code, Problem};
use bascule_server::api::{DeployRequest, Started, WishRequest};
use bascule_server::client::Client;

use super::{PRODUCTION, artifact, commit, deploy, status, with_production};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::files::files;
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn what_settled_is_what_production_runs(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.script("note", "# one");
    fixture.take_along(&mut app, &["note"]);
    with_production(&mut app, fixture.target(), "env = { PLACE = \"there\" }\n");
    app.write();
    let head = commit(&app);
    deploy(&world, &app, PRODUCTION)
        .expect(4, "refused", "NOTHING_TO_PROMOTE")
        .expect_message(&["settled in staging", "nothing is live there"]);
    deploy(&world, &app, ENVIRONMENT).expect_live();
    let settled = status(&world, &app, ENVIRONMENT);
    let (digest, release) = (artifact(&world, &app, ENVIRONMENT), settled["live"]["release"].clone());
    assert!(!digest.is_empty());
    assert_eq!(
        settled["live"]["provenance"],
        serde_json::json!({ "commit": head, "dirty": false, "pipeline": null })
    );

    // What the folder has become meanwhile is not looked at, and nothing is built.
    app.script("note", "# two");
    let planned = world.run(&app, &["plan", PRODUCTION]).last();
    assert_eq!(
        planned["plan"]["promoted"],
        serde_json::json!({ "environment": "staging", "release": release })
    );
    assert_eq!(planned["plan"]["artifact"], serde_json::json!({ "from": "store", "digest": digest }));
    assert_eq!(planned["plan"]["provenance"]["commit"], head.as_str());
    deploy(&world, &app, PRODUCTION).expect_live();
    assert_eq!(artifact(&world, &app, PRODUCTION), digest);
    let live = status(&world, &app, PRODUCTION);
    assert_eq!(live["live"]["provenance"]["dirty"], false, "{live:#}");
    let keys = planned["plan"]["configuration"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["key"] == "PLACE"), "its own configuration: {keys:?}");

    // The same with words; and not from anywhere else.
    world.run(&app, &["promote", "staging", PRODUCTION]).expect_live();
    assert_eq!(artifact(&world, &app, PRODUCTION), digest);
    for (from, to) in [("staging", "staging"), ("nowhere", PRODUCTION)] {
        assert_eq!(world.run(&app, &["promote", from, to]).status, 2, "{from} to {to}");
    }
    let history = world.run(&app, &["history", PRODUCTION]).last();
    assert_eq!(history["runs"][0]["promoted"]["release"], release, "{history:#}");

    // A later release of staging is another artifact, and differs until it is promoted.
    deploy(&world, &app, ENVIRONMENT).expect_live();
    assert_ne!(artifact(&world, &app, ENVIRONMENT), digest);
    let difference = |kind: &str| {
        let found = world.run(&app, &["diff", "staging", PRODUCTION]).last();
        let all = found["differences"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["kind"] == kind)
    };
    assert_eq!(difference("artifact").unwrap()["other"], digest.as_str());
    assert_eq!(difference("commit").unwrap()["other"], head.as_str());
    assert_eq!(difference("configuration").unwrap()["name"], "PLACE");
    deploy(&world, &app, PRODUCTION).expect_live();
    assert_eq!(difference("artifact"), None);
    assert_eq!(difference("commit"), None);
}

fn what_has_not_settled_is_not_taken(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    with_production(&mut app, fixture.target(), "");
    deploy(&world, &app, ENVIRONMENT).expect_live();
    let settled = artifact(&world, &app, ENVIRONMENT);
    // A release that turned back leaves the one that settled before.
    app.web.insert("command", r#"["./nothing"]"#.to_owned());
    assert_ne!(deploy(&world, &app, ENVIRONMENT).status, 0);
    app.web.insert("command", r#"["./app", "--port", "$PORT"]"#.to_owned());
    deploy(&world, &app, PRODUCTION).expect_live();
    assert_eq!(artifact(&world, &app, PRODUCTION), settled);
    // One that has the traffic and is still looked at is not taken, and neither is the one before.
    let point = "deploy.settle.apply.before";
    world.points.pause(point);
    let mut baking = world.start(&app, &["deploy", ENVIRONMENT]);
    world.points.wait_for(point, &mut baking);
    deploy(&world, &app, PRODUCTION)
        .expect(4, "refused", "NOTHING_TO_PROMOTE")
        .expect_message(&["is live there and has not settled"]);
    world.points.go_on(point);
    baking.end().expect_live();
    deploy(&world, &app, PRODUCTION).expect_live();
}

fn a_changed_byte_is_refused(fixture: &dyn Fixture) {
    const NOTE: &str = "#!/bin/sh\n# as it settled\n";
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.script("note", "# as it settled");
    fixture.take_along(&mut app, &["note"]);
    with_production(&mut app, fixture.target(), "");
    deploy(&world, &app, ENVIRONMENT).expect_live();
    let kept = files(&world.state().join("artifacts"));
    let note = kept.iter().find(|path| std::fs::read(path).unwrap() == NOTE.as_bytes()).unwrap();
    let mode = std::fs::metadata(note).unwrap().permissions();
    std::fs::remove_file(note).unwrap();
    std::fs::write(note, NOTE.replace("settled", "Settled")).unwrap();
    std::fs::set_permissions(note, mode.clone()).unwrap();
    for command in ["plan", "deploy"] {
        let ran = world.run(&app, &[command, PRODUCTION]);
        assert_eq!((ran.status, ran.field("error.code").as_str()), (4, "ARTIFACT_CHANGED"), "{ran:#?}");
    }
    std::fs::write(note, NOTE).unwrap();
    std::fs::set_permissions(note, mode).unwrap();
    deploy(&world, &app, PRODUCTION).expect_live();
}

fn migrations_are_those_that_staging_runs_on(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    let file = |name: &str| {
        let path = world.home().join(name);
        std::fs::write(&path, "").unwrap();
        format!("sqlite:{}", path.display())
    };
    let there = format!("database.url = \"{}\"\n", file("production.db"));
    app.more = format!(
        "[database]\nurl = \"{}\"\nmigrations = \"migrations\"\nformat = \"sqlx\"\nbackup = \"never\"\nrehearse = false\n",
        file("staging.db")
    );
    with_production(&mut app, fixture.target(), &there);
    let folder = app.project().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let write = |name: &str, table: &str| {
        std::fs::write(folder.join(name), format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY);\n"))
            .unwrap();
    };
    write("20260101000000_one.sql", "one");
    app.write();
    let head = commit(&app);
    deploy(&world, &app, ENVIRONMENT).expect_live();
    write("20260102000000_two.sql", "two");
    deploy(&world, &app, PRODUCTION)
        .expect(4, "refused", "PROMOTION_MIGRATIONS")
        .expect_message(&["only here: 20260102000000"]);
    assert!(world.run(&app, &["deploy", PRODUCTION]).field("error.remedy").contains(&head));
    let listed = world.run(&app, &["checklist", PRODUCTION]);
    assert_eq!(listed.field("error.code"), "PROMOTION_MIGRATIONS", "{listed:#?}");
    std::fs::remove_file(folder.join("20260102000000_two.sql")).unwrap();
    write("20260101000000_one.sql", "other");
    deploy(&world, &app, PRODUCTION)
        .expect(4, "refused", "PROMOTION_MIGRATIONS")
        .expect_message(&["with other contents"]);
    write("20260101000000_one.sql", "one");
    deploy(&world, &app, PRODUCTION).expect_live();
    write("20260102000000_two.sql", "two");
    deploy(&world, &app, ENVIRONMENT).expect_live();
    deploy(&world, &app, PRODUCTION).expect_live();
}

/// Deploys an artifact by its digest, as a pipeline does.
fn named(world: &World<'_>, app: &App, environment: &str, artifact: &str) -> Result<Started, Problem> {
    let text = std::fs::read_to_string(app.project().join("bascule.toml")).unwrap();
    let manifest = manifest::parse(&text, "bascule.toml").unwrap();
    let environment = manifest::resolve(&manifest, environment, &|_| None, None).unwrap();
    let provenance =
        Provenance { commit: "c0ffee".to_owned(), dirty: false, pipeline: Some("p1".to_owned()) };
    let wish = WishRequest {
        artifact: Some(artifact.to_owned()),
        provenance: Some(provenance),
        ..WishRequest::new(environment, app.project().to_owned())
    };
    let request = DeployRequest { wish, plan: None, actor: "pipeline p1".to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Client::new(&world.state()).post("/v1/deploy", &request))
}

fn a_pipeline_names_the_artifact(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.script("note", "# one");
    fixture.take_along(&mut app, &["note"]);
    with_production(&mut app, fixture.target(), "");
    deploy(&world, &app, ENVIRONMENT).expect_live();
    let first = artifact(&world, &app, ENVIRONMENT);
    app.script("note", "# two");
    deploy(&world, &app, ENVIRONMENT).expect_live();
    let second = artifact(&world, &app, ENVIRONMENT);
    let refused =
        |environment: &str, artifact: &str| named(&world, &app, environment, artifact).unwrap_err().code;
    let nowhere = format!("sha256:{}", "0".repeat(64));
    assert_eq!(refused(ENVIRONMENT, &nowhere), Code::ArtifactMissing);
    assert_eq!(refused(PRODUCTION, &first), Code::PromotionRefused);
    // What the folder holds now is not looked at.
    let live = |environment: &str, artifact: &str| {
        let started = named(&world, &app, environment, artifact).unwrap();
        let ran = world.run(&app, &["run", "show", started.run.as_str(), "--follow"]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        status(&world, &app, environment)["live"].clone()
    };
    for (environment, artifact) in [(ENVIRONMENT, &first), (PRODUCTION, &first)] {
        let live = live(environment, artifact);
        assert_eq!(live["artifact"], artifact.as_str(), "{live:#}");
        assert_eq!(live["provenance"]["pipeline"], "p1", "{live:#}");
    }
    assert_eq!(refused(PRODUCTION, &second), Code::PromotionRefused);
}

on_each_target!(what_settled_is_what_production_runs, what_has_not_settled_is_not_taken);
on_processes!(
    a_changed_byte_is_refused,
    migrations_are_those_that_staging_runs_on,
    a_pipeline_names_the_artifact
);
