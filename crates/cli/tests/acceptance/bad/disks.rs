//! State folders that cannot be written: read-only, or without room. Both need a mount, and so root; where there is none that is said.

use std::fs;

use crate::support::agreement::{seen_at_the_door, settled, truth_of};
use crate::support::app::ENVIRONMENT;
use crate::support::disk::Disk;
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;
use crate::support::world::World;

fn full_disk(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let Some(disk) = Disk::small(&world.state(), 24) else { return };
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let ran_before = world.running(&app);
    disk.fill();
    app.version("2");
    let ran = world.deploy(&app);
    let code = ran.field("error.code");
    assert_eq!((ran.status, code.as_str()), (75, "DISK_FULL"), "{ran:#?}");
    assert_eq!(seen_at_the_door(&app), before.live(), "users are not to notice");
    assert_eq!(world.running(&app), ran_before);
    disk.make_room();
    assert_eq!(settled(&world, &app), before);
    let ran = world.deploy(&app);
    truth_of(&world, &app, ran.expect_live(), &before);
}

fn full_disk_at_the_start(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let Some(disk) = Disk::small(&world.state(), 24) else { return };
    let app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    stop_the_control_plane(&world);
    disk.fill();
    let ran = world.run(&app, &["status", ENVIRONMENT]);
    assert_eq!((ran.status, ran.field("error.code").as_str()), (75, "DISK_FULL"), "{ran:#?}");
    assert_eq!(seen_at_the_door(&app), before.live(), "users are not to notice");
    disk.make_room();
    assert_eq!(settled(&world, &app), before);
}

fn read_only(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = (settled(&world, &app), world.running(&app));
    stop_the_control_plane(&world);
    let Some(disk) = Disk::read_only(&world.state()) else { return };
    for words in [["status", ENVIRONMENT], ["deploy", ENVIRONMENT], ["rollback", ENVIRONMENT]] {
        let ran = world.run(&app, &words);
        assert_eq!((ran.status, ran.field("error.code").as_str()), (75, "STATE_UNUSABLE"), "{ran:#?}");
        ran.expect_message(&[world.state().to_str().unwrap()]);
    }
    assert_eq!(seen_at_the_door(&app), before.0.live(), "users are not to notice");
    drop(disk);
    assert_eq!((settled(&world, &app), world.running(&app)), before);
}

fn read_only_meanwhile(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let ran_before = world.running(&app);
    let Some(disk) = Disk::read_only(&world.state()) else { return };
    app.version("2");
    fs::write(app.project().join("goods.txt"), "goods of version 2").unwrap();
    fixture.take_along(&mut app, &["goods.txt"]);
    let ran = world.deploy(&app);
    assert_ne!(ran.status, 0, "{ran:#?}");
    ran.expect_message(&["ead-only"]);
    assert_eq!(seen_at_the_door(&app), before.live(), "users are not to notice");
    assert_eq!(world.running(&app), ran_before);
    drop(disk);
    assert_eq!(settled(&world, &app), before);
    let ran = world.deploy(&app);
    truth_of(&world, &app, ran.expect_live(), &before);
}

fn stop_the_control_plane(world: &World<'_>) {
    processes::kill(world.serve_pid().unwrap());
    wait::until("the end of the control plane", || world.serve_pid().is_none().then_some(()));
}

on_each_target!(full_disk, full_disk_at_the_start, read_only, read_only_meanwhile);
