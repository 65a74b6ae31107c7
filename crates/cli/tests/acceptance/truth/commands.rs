//! Commands beside the instances, and what is left over: nothing.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::support::agreement::settled;
use crate::support::app::{App, ENVIRONMENT};
use crate::support::command::fed;
use crate::support::fixture::Fixture;
use crate::support::world::World;

/// Runs a command in a fresh instance, with this as its input.
fn exec_with(world: &World<'_>, app: &App, command: &[&str], input: &[u8]) -> Output {
    let project = app.project().to_str().unwrap();
    let words = [&["exec", ENVIRONMENT, "web", "--project", project, "--"], command].concat();
    fed(world.command(&words), input)
}

fn exec(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.version("7");
    world.deploy(&app).expect_live();
    let before = (settled(&world, &app), world.running(&app));
    let project = app.project().to_str().unwrap();
    let script = "echo version $SHOP_VERSION; echo to stderr >&2; exit 3";
    let words = ["exec", ENVIRONMENT, "web", "--project", project, "--", "sh", "-c", script];
    let output = world.command(&words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "version 7\n");
    assert!(said.contains("to stderr"), "{said}");
    // It was no instance, and nothing of it is left.
    assert_eq!((settled(&world, &app), world.running(&app)), before);
    let left = world.run(&app, &["prune", ENVIRONMENT, "--dry-run"]);
    assert_eq!((left.status, left.field("bytes").as_str()), (0, "0"), "{left:#?}");
}

fn exec_input_and_status(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = (settled(&world, &app), world.running(&app));
    // More than any buffer on the way holds.
    let input: Vec<u8> = (0..1_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let output = exec_with(&world, &app, &["cat"], &input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
    let table: [(&[&str], i32); 6] = [
        (&["sh", "-c", "exit 0"], 0),
        (&["sh", "-c", "exit 75"], 75),
        (&["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137),
        (&["no-such-program"], 127),
        (&["/no/such/program"], 127),
        // A folder is no program.
        (&["/tmp"], 126),
    ];
    for (command, status) in table {
        let output = exec_with(&world, &app, command, b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{command:?}: {said}");
        assert!(output.stdout.is_empty(), "{command:?}: {output:?}");
        if let (126 | 127, [program]) = (status, command) {
            assert!(said.contains(program), "{command:?}: {said}");
        }
    }
    assert_eq!((settled(&world, &app), world.running(&app)), before);
}

fn exec_without_a_live_release(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    app.write();
    let nothing_is_live = || {
        let output = exec_with(&world, &app, &["echo", "never"], b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(4), &b""[..]), "{said}");
        assert!(said.contains("error[NOTHING_LIVE]") && said.contains("remedy: "), "{said}");
    };
    nothing_is_live();
    world.deploy(&app).expect_live();
    assert_eq!(exec_with(&world, &app, &["echo", "now"], b"").stdout, b"now\n");
    let down = world.run(&app, &["down", ENVIRONMENT]);
    assert_eq!(down.status, 0, "{down:#?}");
    nothing_is_live();
}

/// What a `prune` removed, or would.
fn pruned(world: &World<'_>, app: &App, words: &[&str]) -> Vec<Value> {
    let ran = world.run(app, &[&["prune", ENVIRONMENT], words].concat());
    assert_eq!(ran.status, 0, "{ran:#?}");
    ran.last()["removed"].as_array().unwrap().clone()
}

fn prune(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    app.rollout.insert("warm", r#""1h""#.to_owned());
    world.deploy(&app).expect_live();
    fs::write(app.project().join("goods.txt"), "goods of version 2").unwrap();
    fixture.take_along(&mut app, &["goods.txt"]);
    app.version("2");
    world.deploy(&app).expect_live();
    let before = (settled(&world, &app), world.running(&app));
    assert_eq!(pruned(&world, &app, &["--dry-run"]), Vec::<Value>::new());

    let folder = world.state().join("instances/shop").join(ENVIRONMENT).join("r77-0123456789");
    fs::create_dir_all(folder.join("web-1")).unwrap();
    fs::write(folder.join("web-1/log"), "its last words").unwrap();
    fixture.leave_behind(&world, "r77-0123456789");
    let listed = pruned(&world, &app, &["--dry-run"]);
    assert!(!listed.is_empty() && folder.exists(), "{listed:#?}");
    assert_eq!(pruned(&world, &app, &[]), listed);
    assert!(!folder.exists());
    assert_eq!(pruned(&world, &app, &["--dry-run"]), Vec::<Value>::new());
    fixture.check_left(&world);
    // Live and warm have lost nothing.
    assert_eq!((settled(&world, &app), world.running(&app)), before);
    let back = world.rollback(&app);
    back.expect_live();
    assert!(back.out.contains("switch") && !back.out.contains("\"step\":\"artifact\""), "{back:#?}");
}

on_each_target!(exec, exec_input_and_status, exec_without_a_live_release, prune);

#[cfg(feature = "docker")]
fn exec_with_secret_files(docker: &crate::support::fixture::Docker) {
    let world = World::new(docker);
    let mut app = world.shop("shop");
    app.set("TOKEN", "kept in a file");
    app.web.insert("secret_files", r#"["TOKEN"]"#.to_owned());
    world.deploy(&app).expect_live();
    let script = "cat $TOKEN_FILE; echo; wc -c < /run/secrets/TOKEN; echo \"${TOKEN-not in the environment}\"; echo x > /run/secrets/TOKEN || exit 9";
    let output = exec_with(&world, &app, &["sh", "-c", script], b"");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "[secret TOKEN]\n14\nnot in the environment\n", "{output:?}");
    assert_eq!(output.status.code(), Some(9), "nobody writes there");
    // Or they would stay in memory.
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
}

#[cfg(feature = "docker")]
on_docker!(exec_with_secret_files);
