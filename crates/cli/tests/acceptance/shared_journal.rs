//! The journal in PostgreSQL (`BASCULE_JOURNAL`): what holds over a file holds over a database, and what is new besides.

use std::fs;

use bascule_database_servers::Postgres;

use crate::support::agreement::{seen_at_the_door, settled, truth_of};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Process;
use crate::support::processes;
use crate::support::wait;
use crate::support::world::World;

/// A world whose journal is in a database, behind a role with a password.
fn world_over<'a>(server: &Postgres, database: &str) -> World<'a> {
    server.psql(database, "CREATE ROLE keeper LOGIN PASSWORD 'hunter2-secret'");
    server.psql(database, &format!("GRANT CREATE ON DATABASE {database} TO keeper"));
    let world = World::new(&Process);
    world.set_variable("BASCULE_JOURNAL", &server.address_over_tcp("keeper", "hunter2-secret", database));
    world
}

/// Deploys, kills the control plane in the midst of the second deploy, rolls back: the journal has all of it, nothing else has.
#[test]
fn killed_in_a_deploy_and_rolled_back() {
    let Some(server) = Postgres::start(&[]) else { return };
    let database = server.database();
    let world = world_over(&server, &database);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let first = settled(&world, &app);
    assert!(!world.state().join("journal.db").exists(), "the journal is in the database");

    app.version("2");
    app.write();
    let point = "deploy.switch.apply.after";
    world.points.pause(point);
    let mut command = world.start(&app, &["deploy", ENVIRONMENT]);
    world.points.wait_for(point, &mut command);
    processes::kill(world.serve_pid().unwrap());
    wait::until("the end of the control plane", || world.serve_pid().is_none().then_some(()));
    world.points.go_on(point);
    let _ = command.end();
    // The next command starts another control plane, which goes on.
    let second = settled(&world, &app);
    assert_ne!(second.live(), first.live(), "the switch had been made");
    let ran = world.rollback(&app);
    ran.expect_live();
    let third = truth_of(&world, &app, &ran, &second);
    assert_eq!(third.live(), first.live());

    let doctor = world.command(&["doctor", "--output", "json"]).output().unwrap();
    let said =
        String::from_utf8_lossy(&doctor.stdout).into_owned() + &String::from_utf8_lossy(&doctor.stderr);
    assert!(said.contains("answers and has a journal") && !said.contains("hunter2"), "{said}");

    let count = "SELECT count(*) FROM bascule_journal.runs WHERE finished_at IS NULL";
    assert_eq!(server.ask(&database, count), "0");
    let plain = "SELECT count(*) FROM bascule_journal.leases WHERE owner IS NOT NULL";
    assert_eq!(server.ask(&database, plain), "0");
    no_password(&world);
}

/// The server is stopped in the midst of a deploy: users notice nothing, nothing is lost, and the run goes on by itself.
#[test]
fn a_server_that_is_away_during_a_deploy() {
    let Some(mut server) = Postgres::start(&[]) else { return };
    let database = server.database();
    let world = world_over(&server, &database);
    let mut app = world.shop("shop");
    world.deploy(&app).expect_live();
    let first = settled(&world, &app);

    app.version("2");
    app.write();
    let point = "deploy.ready.apply.after";
    world.points.pause(point);
    let mut command = world.start(&app, &["deploy", ENVIRONMENT]);
    world.points.wait_for(point, &mut command);
    server.kill();
    world.points.go_on(point);
    assert_eq!(seen_at_the_door(&app), first.live(), "users are not to notice");
    let away = world.run(&app, &["status", ENVIRONMENT]);
    assert_eq!((away.status, away.field("error.code").as_str()), (75, "JOURNAL_UNAVAILABLE"), "{away:#?}");
    away.expect_message(&["PostgreSQL", "127.0.0.1"]);
    assert_eq!(seen_at_the_door(&app), first.live(), "nothing is done that cannot be written down");

    server.restart();
    let ran = command.end();
    ran.expect_live();
    truth_of(&world, &app, &ran, &first);
    no_password(&world);
}

/// A folder whose journal is in a database does not begin another when the variable is forgotten; a second folder shares the
/// journal, and leaves alone what runs from the first.
#[test]
fn a_second_state_folder_leaves_what_is_at_home_elsewhere() {
    let Some(server) = Postgres::start(&[]) else { return };
    let database = server.database();
    let world = world_over(&server, &database);
    let app = world.shop("shop");
    world.deploy(&app).expect_live();
    let (before, home) = (settled(&world, &app), world.state());
    let first = world.serve_pid().unwrap();

    world.set_state(&world.home().join("other"));
    let history = world.run(&app, &["history", ENVIRONMENT]);
    assert_eq!(history.status, 0, "{history:#?}");
    assert!(!history.last()["runs"].as_array().unwrap().is_empty(), "the journal is shared: {history:#?}");
    for words in [&["deploy", ENVIRONMENT][..], &["down", ENVIRONMENT]] {
        let refused = world.run(&app, words);
        assert_eq!(refused.field("error.code"), "ENVIRONMENT_ELSEWHERE", "{refused:#?}");
        refused.expect_message(&[&home.display().to_string()]);
    }
    let told = world.status(&app)["drift"].to_string();
    assert!(told.contains(&home.display().to_string()) && told.contains("from here"), "{told}");
    assert_eq!(seen_at_the_door(&app), before.live());

    world.set_state(&home);
    assert_eq!(world.serve_pid().map(|_| settled(&world, &app)), Some(before.clone()));
    processes::kill(first);
    wait::until("its end", || (!fs::exists(format!("/proc/{first}/exe")).unwrap_or(false)).then_some(()));
    world.set_variable("BASCULE_JOURNAL", "");
    let forgotten = world.run(&app, &["status", ENVIRONMENT]);
    assert_eq!(forgotten.field("error.code"), "STATE_UNUSABLE", "{forgotten:#?}");
    forgotten.expect_message(&["BASCULE_JOURNAL", "PostgreSQL"]);
    assert!(!home.join("journal.db").exists());
    no_password(&world);
}

/// The address with its password is in no file and no argument list; in the environment of the control plane and its callers alone.
fn no_password(world: &World<'_>) {
    let told = |path: &std::path::Path| fs::read(path).is_ok_and(|bytes| holds(&bytes, b"hunter2-secret"));
    let mut folders = vec![world.home().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                assert!(!told(&path), "{}", path.display());
            }
        }
    }
    for process in processes::of(world.home()) {
        assert!(!process.command.iter().any(|word| word.contains("hunter2-secret")), "{process:?}");
        let may_know = process.is_bascule("serve");
        let knows = process.environment.values().any(|value| value.contains("hunter2-secret"));
        assert!(may_know || !knows, "{:?}", process.command);
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
