//! What stands beside each other: services, apps on one edge, state folders. And how all of it ends.

use crate::support::agreement::{Standings, seen_at_the_door, settled, truth_of};
use crate::support::app::ENVIRONMENT;
use crate::support::door;
use crate::support::fixture::Fixture;
use crate::support::world::World;

fn down(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    app.version("2");
    let last = world.deploy(&app).expect_live().field("release");
    settled(&world, &app);
    let ran = world.run(&app, &["down", ENVIRONMENT]);
    assert_eq!((ran.status, ran.field("live_release")), (0, String::new()), "{ran:#?}");
    assert_eq!(settled(&world, &app), Standings::default());
    assert_eq!(seen_at_the_door(&app), "", "the door is still open");
    world.run(&app, &["down", ENVIRONMENT]).expect(4, "refused", "NOTHING_LIVE");
    // It is no loss: a rollback brings back what was live.
    let ran = world.rollback(&app);
    ran.expect_live();
    assert_eq!(truth_of(&world, &app, &ran, &Standings::default()).live(), last);
}

fn a_worker_beside_it(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    fixture.take_along(&mut app, &["worker"]);
    app.script("worker", "echo working; exec sleep 1000");
    app.more =
        "[services.worker]\ncommand = [\"./worker\"]\n[services.worker.health]\nstart_period = \"300ms\"\n"
            .to_owned();
    app.others = 1;
    let ran = world.deploy(&app);
    ran.expect_live();
    let before = truth_of(&world, &app, &ran, &Standings::default());
    // One that ends is no worker: the release goes back, though its web service is well.
    app.script("worker", "echo no work to be had; exit 4");
    // A busy machine may take longer than the others' time to end it.
    app.more = app.more.replace("300ms", "5s");
    let ran = world.deploy(&app);
    ran.expect(7, "rolled_back", "INSTANCE_CRASH_LOOP").expect_message(&[
        "worker",
        "exit status 4",
        "no work to be had",
    ]);
    truth_of(&world, &app, &ran, &before);
}

fn two_apps_on_one_door(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let (mut one, mut other) = (world.shop("one"), world.shop("other"));
    other.door = one.door;
    one.hosts = vec!["one.example.com".to_owned()];
    other.hosts = vec!["other.example.com".to_owned()];
    world.deploy(&one).expect_live();
    world.deploy(&other).expect_live();
    let before = (settled(&world, &one), settled(&world, &other));
    let nobody = door::get(one.door, "third.example.com", "/version").unwrap();
    assert!(nobody.status >= 400 && nobody.release().is_empty(), "{nobody:#?}");
    one.version("2");
    let ran = world.deploy(&one);
    truth_of(&world, &one, ran.expect_live(), &before.0);
    assert_eq!(settled(&world, &other), before.1);
    assert_eq!(world.run(&one, &["down", ENVIRONMENT]).status, 0);
    assert_eq!(settled(&world, &other), before.1);
    let gone = door::get(one.door, "one.example.com", "/version").unwrap();
    assert!(gone.status >= 400 && gone.release().is_empty(), "{gone:#?}");
}

fn two_state_folders(fixture: &dyn Fixture) {
    let (one, other) = (World::new(fixture), World::new(fixture));
    let (mut app, same) = (one.shop("shop"), other.shop("shop"));
    one.deploy(&app).expect_live();
    other.deploy(&same).expect_live();
    let untouched = (settled(&other, &same), other.running(&same));
    app.version("2");
    one.deploy(&app).expect_live();
    settled(&one, &app);
    assert_eq!(one.run(&app, &["down", ENVIRONMENT]).status, 0);
    assert_eq!(settled(&one, &app), Standings::default());
    assert_eq!((settled(&other, &same), other.running(&same)), untouched);
}

on_each_target!(down, a_worker_beside_it, two_apps_on_one_door, two_state_folders);
