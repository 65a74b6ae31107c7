//! Tasks of a deploy: the release's own commands, each run once, beside a live release that notices nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::before_the_switch;
use super::requests::{evidence, users};
use crate::support::agreement::settled;
use crate::support::app::{App, ENVIRONMENT};
use crate::support::command::Ran;
use crate::support::fixture::Fixture;
use crate::support::world::World;
use crate::support::{processes, wait};

/// A folder that tasks write to, wherever they run.
struct Diary(PathBuf);

impl Diary {
    fn new(fixture: &dyn Fixture, world: &World<'_>, app: &mut App) -> Self {
        let folder = world.home().join("diary");
        fs::create_dir_all(&folder).unwrap();
        // Containers run as somebody else.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        fixture.share(app, &folder);
        Self(folder.join("said"))
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.0).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

/// Adds a task that is a script of the artifact.
fn task(fixture: &dyn Fixture, app: &mut App, name: &str, keys: &str, body: &str) {
    app.script(name, body);
    fixture.take_along(app, &[name]);
    app.more += &format!("[[tasks]]\nname = {name:?}\ncommand = [\"./{name}\"]\n{keys}\n");
}

fn once_in_every_deploy(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    let diary = Diary::new(fixture, &world, &mut app);
    let said = diary.0.display();
    // Both are in one artifact.
    app.script("warm", &format!("echo \"warm $1\" >> {said}"));
    app.script(
        "migrate",
        &format!(
            "echo \"migrate $SHOP_VERSION of $BASCULE_RELEASE\" >> {said}; echo went well; echo and so on >&2"
        ),
    );
    fixture.take_along(&mut app, &["warm", "migrate"]);
    app.more =
        "[[tasks]]\nname = \"warm\"\ncommand = [\"./warm\", \"${BASCULE_SLOT}\"]\nbefore = \"switch\"\n\
                [[tasks]]\nname = \"migrate\"\ncommand = \"./migrate\"\n"
            .to_owned();
    let first = world.deploy(&app);
    first.expect_live();
    let release = first.field("release");
    assert_eq!(diary.lines(), [format!("migrate 1 of {release}"), "warm blue".to_owned()]);
    let report = world.report(&app, &first.field("run"));
    let ran = &evidence(&report, "step_done", "before-start")["tasks"][0];
    assert_eq!((&ran["name"], &ran["exit"]["code"]), (&"migrate".into(), &0.into()), "{report:#}");
    let log = fs::read_to_string(ran["log"].as_str().unwrap()).unwrap();
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(log.contains("went well\n") && log.contains("and so on\n"), "{log}");

    let users = users(app.door, 50.0);
    app.version("2");
    let second = world.deploy(&app);
    second.expect_live();
    let release = second.field("release");
    assert_eq!(diary.lines()[2..], [format!("migrate 2 of {release}"), "warm green".to_owned()]);
    // What a former release needed done is done.
    world.rollback(&app).expect_live();
    users.lost_nothing();
    assert_eq!(diary.lines().len(), 4);
    let left = world.run(&app, &["prune", ENVIRONMENT, "--dry-run"]);
    assert_eq!((left.status, left.field("bytes").as_str()), (0, "0"), "{left:#?}");
}

/// Deploys a good release, then one with a task, beside users; nobody notices.
fn spoiled(fixture: &dyn Fixture, keys: &str, body: &str) -> Ran {
    before_the_switch::spoiled(fixture, |app| task(fixture, app, "work", keys, body))
}

fn one_that_fails(fixture: &dyn Fixture) {
    let body = "echo altering; echo 'no such column: price' >&2; exit 3";
    spoiled(fixture, "", body)
        .expect(7, "rolled_back", "TASK_FAILED")
        .expect_message(&["the task work ended with exit status 3", "no such column: price"]);
    spoiled(fixture, "before = \"switch\"", body).expect(7, "rolled_back", "TASK_FAILED");
}

fn one_that_takes_too_long(fixture: &dyn Fixture) {
    // It is told to end, and does not want to.
    let body = "trap '' TERM; echo waiting for a lock; while true; do sleep 1; done";
    spoiled(fixture, "timeout = \"1s\"", body)
        .expect(7, "rolled_back", "TASK_FAILED")
        .expect_message(&["the task work was not over within 1 s", "waiting for a lock"]);
}

fn one_whose_program_is_not_there(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.more = "[[tasks]]\nname = \"work\"\ncommand = [\"./no-such-program\"]\n".to_owned();
    let ran = world.deploy(&app);
    assert_eq!((ran.status, ran.field("outcome").as_str()), (7, "rolled_back"), "{ran:#?}");
    ran.expect_message(&["work", "no-such-program"]);
    let status = world.status(&app);
    assert!(status["live"].is_null() && world.running(&app).is_empty(), "{status:#}");
    assert_eq!(fixture.standing(&world.state(), &app.name, ENVIRONMENT), Vec::<String>::new());
}

fn cut_off_and_run_again(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let first = settled(&world, &app);
    let diary = Diary::new(fixture, &world, &mut app);
    app.version("2");
    let said = diary.0.display();
    // The first one would go on for longer than it can take to be ended.
    let script = format!(
        "echo begin >> {said}; [ -e {said}.first ] || {{ : > {said}.first; sleep 100; }}; echo end >> {said}"
    );
    task(fixture, &mut app, "work", "", &script);
    let users = users(app.door, 50.0);
    app.write();
    let running = world.start(&app, &["deploy", ENVIRONMENT]);
    wait::until("a task that runs", || (diary.lines() == ["begin"]).then_some(()));
    processes::kill(world.serve_pid().unwrap());
    running.end();
    let after = wait::until("the second version", || {
        let after = settled(&world, &app);
        (diary.lines().last()? == "end").then_some(after)
    });
    assert_ne!(after.live(), first.live());
    // The first one was ended before it was begun again.
    assert_eq!(diary.lines(), ["begin", "begin", "end"]);
    users.lost_nothing();
    assert_eq!(world.running(&app).iter().filter(|one| one.release == after.live()).count(), 1);
}

fn no_longer_wanted(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let ran_before = world.running(&app);
    let diary = Diary::new(fixture, &world, &mut app);
    app.version("2");
    let said = diary.0.display();
    let body = format!(
        "trap 'echo told >> {said}; exit 1' TERM; echo begin >> {said}; while true; do sleep 0.1; done"
    );
    task(fixture, &mut app, "work", "", &body);
    app.write();
    let running = world.start(&app, &["deploy", ENVIRONMENT]);
    wait::until("a task that runs", || (diary.lines() == ["begin"]).then_some(()));
    let run = world.newest_run(&app).unwrap()["run"].as_str().unwrap().to_owned();
    assert_eq!(world.run(&app, &["abort", &run]).status, 0);
    assert_ne!(running.end().status, 0);
    assert_eq!(diary.lines(), ["begin", "told"]);
    assert_eq!((settled(&world, &app), world.running(&app)), (before, ran_before));
}

on_each_target!(
    once_in_every_deploy,
    one_that_fails,
    one_that_takes_too_long,
    one_whose_program_is_not_there,
    cut_off_and_run_again,
    no_longer_wanted,
);
