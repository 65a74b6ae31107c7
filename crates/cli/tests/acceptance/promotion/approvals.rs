//! Approvals by other users of the machine. Who they are the kernel says, so that they have to be other users: only root can be them.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::{PRODUCTION, artifact, commit, deploy, status, with_production};
use crate::support::PROGRAM;
use crate::support::app::{App, ENVIRONMENT};
use crate::support::fixture::Fixture;
use crate::support::wait;
use crate::support::world::World;

/// A place for the socket that every user can reach.
fn place() -> TempDir {
    let folder = tempfile::Builder::new().prefix("bascule-approvals-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn socket(place: &TempDir) -> String {
    place.path().join("approve.sock").display().to_string()
}

/// Runs a command of the program as another user.
fn as_user(uid: u32, words: &[&str]) -> Output {
    let uid = uid.to_string();
    Command::new("setpriv")
        .args(["--reuid", &uid, "--regid", &uid, "--clear-groups", PROGRAM])
        .args(words)
        .args(["--output", "json"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/tmp")
        .env("USER", format!("user-{uid}"))
        .output()
        .unwrap()
}

fn last(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{output:?}"))
}

fn approve(place: &TempDir, uid: u32, plan: &str) -> (Option<i32>, Value) {
    let output = as_user(uid, &["approve", plan, "--at", &socket(place)]);
    (output.status.code(), last(&output))
}

fn code(answer: &(Option<i32>, Value)) -> (Option<i32>, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}

/// An app whose environment wants so many approvals, in a world with a place for the socket.
fn wanting(world: &World<'_>, place: &TempDir, approvals: u32, more: &str) -> App {
    world.set_variable("BASCULE_APPROVALS", place.path().to_str().unwrap());
    let mut app = world.shop("shop");
    app.more = format!("[environments.staging.policy]\napprovals = {approvals}\n{more}\n");
    app
}

/// The hash that a deploy which needs approvals names.
fn refused_plan(world: &World<'_>, app: &App) -> String {
    let ran = deploy(world, app, ENVIRONMENT);
    ran.expect(5, "refused", "APPROVAL_NEEDED");
    let remedy = ran.field("error.remedy");
    let hash = remedy.split(['`', ' ']).find(|word| word.len() == 64).unwrap_or_default().to_owned();
    assert!(remedy.contains(&format!("bascule deploy staging --plan {hash}")), "{remedy}");
    hash
}

fn others_approve_of_one_plan(fixture: &dyn Fixture) {
    if !is_root() {
        return;
    }
    let (world, place) = (World::new(fixture), place());
    let mut app = wanting(&world, &place, 2, "");
    let plan = refused_plan(&world, &app);

    // Who asked is nobody else, whatever name is given; a hash that nobody asked for is none.
    let own = world.run(&app, &["approve", &plan]);
    assert_eq!((own.status, own.field("error.code").as_str()), (3, "APPROVAL_REFUSED"), "{own:#?}");
    let wrong = plan.chars().rev().collect::<String>();
    assert_eq!(code(&approve(&place, 61_001, &wrong)), (Some(3), "APPROVAL_REFUSED"));
    assert_eq!(code(&approve(&place, 61_001, "../journal")), (Some(3), "APPROVAL_REFUSED"));
    let meant = as_user(61_001, &["approve", &plan, "production", "--at", &socket(&place)]);
    assert_eq!(code(&(meant.status.code(), last(&meant))), (Some(3), "APPROVAL_REFUSED"));

    // One user counts once.
    let shown = as_user(61_001, &["approve", &plan, "--show", "--at", &socket(&place)]);
    assert_eq!(last(&shown)["plan"]["key"], "shop/staging");
    for _ in 0..2 {
        let (status, answer) = approve(&place, 61_001, &plan);
        assert_eq!((status, &answer["have"], &answer["wanted"]), (Some(0), &1.into(), &2.into()), "{answer}");
        assert!(answer["approval"]["actor"].as_str().unwrap().ends_with("(uid 61001)"));
    }
    world.run(&app, &["deploy", ENVIRONMENT, "--plan", &plan]).expect(5, "refused", "APPROVAL_NEEDED");

    // Approvals outlive the control plane, and the door is opened again by the next one, whoever starts it.
    let pid = world.serve_pid().unwrap();
    crate::support::processes::kill(pid);
    wait::until("the end of the control plane", || (world.serve_pid() != Some(pid)).then_some(()));
    world.status(&app);
    assert_eq!(approve(&place, 61_002, &plan).0, Some(0));
    // Two at once use it once.
    let both = [0, 1].map(|_| world.start(&app, &["deploy", ENVIRONMENT, "--plan", &plan]));
    let both = both.map(crate::support::command::Running::end);
    let mut statuses = both.each_ref().map(|ran| ran.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [0, 6], "{both:#?}");
    let ran = both.iter().find(|ran| ran.status == 0).unwrap();
    let report = world.report(&app, &ran.field("run"));
    let users: Vec<_> =
        report["approvals"].as_array().unwrap().iter().map(|one| one["uid"].clone()).collect();
    assert_eq!(users, [61_001, 61_002]);

    // A plan is used once; the next one is another one.
    world.run(&app, &["deploy", ENVIRONMENT, "--plan", &plan]).expect(6, "refused", "PLAN_STALE");
    assert_eq!(code(&approve(&place, 61_003, &plan)), (Some(3), "APPROVAL_REFUSED"));
    app.version("2");
    assert_ne!(refused_plan(&world, &app), plan);

    // Nobody but its owner gets further by that door or by the other one.
    for (path, expected) in [("/v1/environments", "404"), ("/v1/deploy", "404"), ("/v1/hello", "200")] {
        let said = asked(&socket(&place), path).unwrap();
        assert!(said.starts_with(&format!("HTTP/1.1 {expected}")), "{path}: {said}");
    }
    let inside =
        as_user(61_001, &["approve", &plan, "--at", world.state().join("bascule.sock").to_str().unwrap()]);
    assert_eq!(last(&inside)["error"]["code"], "CONTROL_PLANE_UNAVAILABLE");
}

fn asked(socket: &str, path: &str) -> std::io::Result<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

fn an_approval_expires(fixture: &dyn Fixture) {
    if !is_root() {
        return;
    }
    let (world, place) = (World::new(fixture), place());
    let app = wanting(&world, &place, 1, "approvals_for = \"1s\"");
    let plan = refused_plan(&world, &app);
    assert_eq!(approve(&place, 61_001, &plan).0, Some(0));
    wait::until("an approval that holds no longer", || {
        let holds = world.run(&app, &["plan", ENVIRONMENT]).last()["holds"].clone();
        (holds[0]["code"] == "APPROVAL_NEEDED").then_some(())
    });
    world.run(&app, &["deploy", ENVIRONMENT, "--plan", &plan]).expect(5, "refused", "APPROVAL_NEEDED");
}

fn a_folder_of_somebody_else_is_no_place_for_approvals(fixture: &dyn Fixture) {
    let (world, place) = (World::new(fixture), place());
    let app = wanting(&world, &place, 1, "");
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    deploy(&world, &app, ENVIRONMENT)
        .expect(75, "refused", "STATE_UNUSABLE")
        .expect_message(&["not this user's alone to write to"]);
}

fn whoever_comes_in_numbers_is_let_in_by_few(fixture: &dyn Fixture) {
    let (world, place) = (World::new(fixture), place());
    let app = wanting(&world, &place, 1, "");
    refused_plan(&world, &app);
    let serve = world.serve_pid().unwrap();
    let open = || std::fs::read_dir(format!("/proc/{serve}/fd")).unwrap().count();
    let before = open();
    let idle: Vec<_> =
        (0..100).map(|_| std::os::unix::net::UnixStream::connect(socket(&place)).unwrap()).collect();
    assert_eq!(world.status(&app)["live"], Value::Null);
    assert!(open() < before + 40, "{before} files before, {} with {} connections", open(), idle.len());
    drop(idle);
    // Until it has seen them go it closes what comes, also in the middle of a question.
    wait::until_ok("a door that answers again", || match asked(&socket(&place), "/v1/hello") {
        Ok(said) if said.starts_with("HTTP/1.1 200") => Ok(()),
        said => Err(said),
    });
}

/// One user comes in numbers and says nothing; another one is let in all the same.
fn no_user_keeps_the_others_out(fixture: &dyn Fixture) {
    if !is_root() {
        return;
    }
    let (world, place) = (World::new(fixture), place());
    let app = wanting(&world, &place, 1, "");
    let plan = refused_plan(&world, &app);
    let idle: Vec<_> =
        (0..100).map(|_| std::os::unix::net::UnixStream::connect(socket(&place)).unwrap()).collect();
    assert_eq!(approve(&place, 61_001, &plan).0, Some(0));
    drop(idle);
}

/// Takes the hash out of what is to be typed when it is approved.
fn shipped_plan(ran: &crate::support::command::Ran, command: &str, commit: &str) -> String {
    assert_eq!(ran.field("error.code"), "APPROVAL_NEEDED", "{ran:#?}");
    let remedy = ran.field("error.remedy");
    let hash = remedy.split(['`', ' ']).find(|word| word.len() == 64).unwrap_or_default().to_owned();
    let whole = format!("`{command} --plan {hash}` in the project's folder at commit {commit}");
    assert!(remedy.contains(&whole), "{remedy}");
    hash
}

const STAGES: &str = "[[pipeline.stage]]\nbuild = true\n[[pipeline.stage]]\ndeploy = \"staging\"\n";

fn what_was_shipped_is_deployed_when_it_is_approved(fixture: &dyn Fixture) {
    if !is_root() {
        return;
    }
    let (world, place) = (World::new(fixture), place());
    let app = wanting(&world, &place, 1, STAGES);
    app.write();
    let head = commit(&app);
    let shipped = world.run(&app, &["ship"]);
    let plan = shipped_plan(&shipped, "bascule deploy staging", &head);
    let made = shipped.field("artifact");
    assert!(!made.is_empty(), "{shipped:#?}");
    let deploys = ["deploy", ENVIRONMENT, "--plan", &plan];
    world.run(&app, &deploys).expect(5, "refused", "APPROVAL_NEEDED");
    assert_eq!(approve(&place, 61_001, &plan).0, Some(0));
    world.run(&app, &deploys).expect_live();
    assert_eq!(artifact(&world, &app, ENVIRONMENT), made);
    assert_eq!(status(&world, &app, ENVIRONMENT)["live"]["provenance"]["commit"], head.as_str());
}

fn what_was_shipped_is_promoted_when_it_is_approved(fixture: &dyn Fixture) {
    if !is_root() {
        return;
    }
    let (world, place) = (World::new(fixture), place());
    world.set_variable("BASCULE_APPROVALS", place.path().to_str().unwrap());
    let mut app = world.shop("shop");
    let stages = format!("{STAGES}[[pipeline.stage]]\ndeploy = \"production\"\n");
    let more = format!("[environments.production.policy]\napprovals = 1\nchecklist = false\n{stages}");
    with_production(&mut app, fixture.target(), &more);
    app.write();
    let head = commit(&app);
    let shipped = world.run(&app, &["ship"]);
    let plan = shipped_plan(&shipped, "bascule promote staging production", &head);
    assert_eq!(approve(&place, 61_001, &plan).0, Some(0));
    world.run(&app, &["promote", "staging", PRODUCTION, "--plan", &plan]).expect_live();
    assert_eq!(artifact(&world, &app, PRODUCTION), shipped.field("artifact"));
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

on_processes!(
    others_approve_of_one_plan,
    an_approval_expires,
    a_folder_of_somebody_else_is_no_place_for_approvals,
    whoever_comes_in_numbers_is_let_in_by_few,
    no_user_keeps_the_others_out,
    what_was_shipped_is_deployed_when_it_is_approved,
    what_was_shipped_is_promoted_when_it_is_approved,
);
