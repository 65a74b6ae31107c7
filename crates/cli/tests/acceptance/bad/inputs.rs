//! Doors that are taken, files that are missing or were changed.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use crate::support::agreement::{Standings, settled, truth_of};
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn port_in_use(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    let stranger = TcpListener::bind(app.door).unwrap();
    let ran = world.deploy(&app);
    ran.expect(4, "refused", "PORT_IN_USE").expect_message(&[&app.door.to_string()]);
    let status = world.status(&app);
    assert!(status["live"].is_null() && status["standby"].is_null(), "{status:#}");
    assert_eq!(world.running(&app), []);
    drop(stranger);
    let ran = world.deploy(&app);
    truth_of(&world, &app, ran.expect_live(), &Standings::default());
}

fn missing_files(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.build.insert("files", r#"["ap"]"#.to_owned());
    world
        .deploy(&app)
        .expect(4, "refused", "ARTIFACT_MISSING")
        .expect_message(&["`files` names ap", "did you mean app"]);
    assert_eq!(settled(&world, &app), before);
}

fn a_wrong_manifest(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.rollout.insert("bake", "\"soon\"".to_owned());
    world.deploy(&app).expect(2, "refused", "MANIFEST_INVALID");
    assert_eq!(settled(&world, &app), before);
}

fn a_failing_build(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    app.build.insert("command", r#""echo the shop does not compile; exit 9""#.to_owned());
    let ran = world.deploy(&app);
    ran.expect(4, "refused", "BUILD_FAILED").expect_message(&["exit status 9", "the shop does not compile"]);
    truth_of(&world, &app, &ran, &before);
}

fn an_artifact_changed_on_disk(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    fixture.take_along(&mut app, &["goods.txt"]);
    let mut releases = Vec::new();
    for version in ["1", "2", "3"] {
        fs::write(app.project().join("goods.txt"), format!("the goods of version {version}")).unwrap();
        app.version(version);
        releases.push(world.deploy(&app).expect_live().field("release"));
    }
    let before = settled(&world, &app);
    let stored = stored_files(&world)
        .into_iter()
        .find(|path| fs::read(path).is_ok_and(|bytes| bytes == b"the goods of version 1"));
    let stored = stored.unwrap();
    let good = fs::metadata(&stored).unwrap().permissions();
    fs::remove_file(&stored).unwrap();
    fs::write(&stored, "the goods of whom 1234").unwrap();
    fs::set_permissions(&stored, good).unwrap();
    let ran = world.rollback_to(&app, &releases[0]);
    ran.expect(4, "refused", "ARTIFACT_CHANGED").expect_message(&["goods.txt"]);
    truth_of(&world, &app, &ran, &before);
    let ran = world.rollback(&app);
    assert_eq!(truth_of(&world, &app, ran.expect_live(), &before).live(), releases[1]);
}

fn stored_files(world: &World<'_>) -> Vec<PathBuf> {
    let folder = world.state().join("artifacts/contents");
    fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect()
}

on_each_target!(port_in_use, a_wrong_manifest);
on_processes!(missing_files, a_failing_build, an_artifact_changed_on_disk);
