//! An engine whose disk is full: whatever needs room is refused with that reason, what runs goes on running, and with room again
//! the next deploy works.

use std::fs;

use crate::support::agreement::{seen_at_the_door, settled, truth_of};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::command::Ran;
use crate::support::disk::Disk;
use crate::support::fixture::{Docker, Fixture as _, Registry};
use crate::support::world::World;

/// Room for the shop's image and a little more, in MiB.
const SIZE: u32 = 384;

/// Deploys with a disk that is full from the beginning, or from a point of the run on; then with room again.
fn full_then_with_room(
    docker: &Docker,
    disk: &Disk,
    point: Option<&str>,
    change: impl FnOnce(&World<'_>, &mut App),
) {
    let world = World::new(docker);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let ran_before = world.running(&app);
    change(&world, &mut app);
    let ran = deploy_without_room(&world, &app, disk, point);
    // What was begun already is taken back.
    let status = if point.is_some() { 7 } else { 75 };
    assert_eq!((ran.status, ran.field("error.code").as_str()), (status, "DISK_FULL"), "{ran:#?}");
    ran.expect_message(&["no space left on device"]);
    assert!(ran.field("error.remedy").contains("docker system df"), "{ran:#?}");
    assert_eq!(seen_at_the_door(&app), before.live(), "users are not to notice");
    assert_eq!(world.running(&app), ran_before);
    disk.make_room();
    assert_eq!(settled(&world, &app), before);
    let ran = world.deploy(&app);
    truth_of(&world, &app, ran.expect_live(), &before);
}

fn deploy_without_room(world: &World<'_>, app: &App, disk: &Disk, point: Option<&str>) -> Ran {
    let Some(point) = point else {
        disk.fill();
        return world.deploy(app);
    };
    app.write();
    world.points.pause(point);
    let mut command = world.start(app, &["deploy", ENVIRONMENT]);
    world.points.wait_for(point, &mut command);
    disk.fill();
    world.points.go_on(point);
    command.end()
}

#[test]
fn no_room_for_a_build() {
    let Some((docker, disk)) = Docker::start_on_disk(SIZE) else { return };
    full_then_with_room(&docker, &disk, None, |_, app| {
        app.version("2");
        fs::write(app.project().join("goods.txt"), vec![b'x'; 1 << 20]).unwrap();
        docker.take_along(app, &["goods.txt"]);
    });
}

#[test]
fn no_room_for_a_name() {
    let Some((docker, disk)) = Docker::start_on_disk(SIZE) else { return };
    full_then_with_room(&docker, &disk, None, |_, app| {
        app.version("2");
    });
}

#[test]
fn no_room_for_a_container() {
    let Some((docker, disk)) = Docker::start_on_disk(SIZE) else { return };
    full_then_with_room(&docker, &disk, Some("deploy.start.apply.before"), |_, app| {
        app.version("2");
    });
}

#[test]
fn no_room_for_an_image_that_is_pulled() {
    let Some((docker, disk)) = Docker::start_on_disk(SIZE) else { return };
    let Some(registry) = Registry::start() else { return };
    full_then_with_room(&docker, &disk, None, |world, app| {
        let name = registry.name("shop:2");
        let project = world.home().join("image");
        fs::create_dir_all(&project).unwrap();
        fs::write(project.join("more"), vec![b'x'; 1 << 20]).unwrap();
        fs::write(project.join("Dockerfile"), "FROM acceptance/shop\nCOPY more /\n").unwrap();
        docker.client(&["build", "--quiet", "--tag", &name, project.to_str().unwrap()]);
        docker.client(&["push", "--quiet", &name]);
        docker.client(&["rmi", &name]);
        app.version("2");
        app.build.clear();
        app.build.insert("image", format!("{name:?}"));
    });
}

/// Nothing of the environment is there yet, not even its network.
#[test]
fn no_room_for_the_first_release() {
    let Some((docker, disk)) = Docker::start_on_disk(SIZE) else { return };
    let world = World::new(&docker);
    let app = world.shop("shop");
    let ran = deploy_without_room(&world, &app, &disk, Some("deploy.start.apply.before"));
    ran.expect(7, "rolled_back", "DISK_FULL");
    assert!(world.running(&app).is_empty());
    disk.make_room();
    world.deploy(&app).expect_live();
}
