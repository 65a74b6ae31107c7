//! Secrets through every door: whatever is written down or shown afterwards has none of them, in no form.

use std::path::Path;
use std::process::Output;

use bascule_secrets::SecretValue;
use bascule_secrets::redact::Redactor;

use crate::support::app::{App, ENVIRONMENT};
use crate::support::command::fed;
use crate::support::files::files;
use crate::support::fixture::Fixture;
use crate::support::processes::kill;
use crate::support::wait::until;
use crate::support::world::World;

const STORE: &str = "c4nary $tore \"q'uo\\te\" /+=&%ü";
const ROTATED: &str = "c4nary-rotated-Zq81";
const ENV: &str = "c4nary env/variable+71";
const ENV_FILE: &str = "c4nary-env-file-82";
const COMMAND: &str = "c4nary-command-93";
const BESIDE: &str = "c4nary-said-beside-it-94";
const FILE: &str = "-----BEGIN X-----\nc4naryLine1+/AbC\nc4naryLine2==\"'\n-----END X-----";

/// Prints its environment in several forms, then is the shop, or ends.
const SPEAKS: &str = r#"env
for name in FROM_STORE FROM_ENV FROM_ENV_FILE FROM_FILE FROM_COMMAND; do
  value=$(printenv "$name")
  printf %s "$value" | base64 -w0; echo
  printf 'user:%s:x' "$value" | base64 -w0; echo
  printf %s "$value" | od -An -v -tx1 | tr -d ' \n'; echo
  echo "token is: $value" >&2
done
[ -z "$CRASHES" ] || exit 3
exec ./app "$@""#;

fn secret(world: &World<'_>, app: &App, words: &[&str], input: &str) -> Output {
    let project = app.project().to_str().unwrap();
    let words = [&["secret"], words, &["--project", project]].concat();
    fed(world.command(&words), input.as_bytes())
}

/// Runs a command beside the instances.
fn exec(world: &World<'_>, app: &App, command: &[&str]) -> Output {
    let project = app.project().to_str().unwrap();
    fed(world.command(&[&["exec", ENVIRONMENT, "web", "--project", project, "--"], command].concat()), b"")
}

fn no_canary_is_written_or_shown(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.set_variable("BASCULE_KEY", &"5a".repeat(32));
    world.set_variable("FROM_ENV", ENV);
    app.script("speaks", SPEAKS);
    fixture.take_along(&mut app, &["speaks"]);
    app.web.insert("command", r#"["./speaks", "--port", "$PORT"]"#.to_owned());
    app.web.insert("env", r#"{ CRASHES = "${CRASHES}" }"#.to_owned());
    app.set("CRASHES", "");
    // The build says what it can: its environment, and a file that is a secret, in pieces.
    app.build
        .insert("command", r#""env; head -c 25 canary.pem; sleep 0.2; tail -c +26 canary.pem""#.to_owned());
    let secrets = format!(
        "\n[secrets]\nFROM_STORE = \"store\"\nFROM_ENV = \"env\"\nFROM_FILE = {{ from = \"file:canary.pem\" }}\n\
         FROM_COMMAND = \"command:printf %s {COMMAND}\"\n\
         [[verify]]\nname = \"shop\"\nget = \"/health\"\nheader = {{ X-Token = \"Bearer ${{FROM_STORE}}\" }}\n\
         expect = {{ status = 200 }}\n"
    );
    app.more.push_str(&secrets);
    app.write();
    std::fs::write(app.project().join(".env.staging"), format!("FROM_ENV_FILE='{ENV_FILE}'\n")).unwrap();
    let file = app.project().join("canary.pem");
    std::fs::write(&file, FILE).unwrap();
    std::process::Command::new("chmod").arg("600").arg(&file).status().unwrap();

    let mut said: Vec<(String, Vec<u8>)> = Vec::new();
    let mut note = |what: &str, output: Output| {
        said.push((what.to_owned(), [output.stdout, output.stderr].concat()));
        output.status.code()
    };
    let refused = note("an argument", secret(&world, &app, &["set", ENVIRONMENT, "FROM_STORE", STORE], ""));
    assert_eq!(refused, Some(2));
    assert_eq!(note("set", secret(&world, &app, &["set", ENVIRONMENT, "FROM_STORE"], STORE)), Some(0));
    for words in
        [&["plan", ENVIRONMENT][..], &["config", ENVIRONMENT, "--origin"], &["secret", "list", ENVIRONMENT]]
    {
        let ran = world.run(&app, words);
        assert_eq!(ran.status, 0, "{ran:#?}");
        assert!(ran.out.contains("FROM_STORE"), "{ran:#?}");
    }
    world.run(&app, &["deploy", ENVIRONMENT]).expect_live();
    let versions = || world.status(&app)["live"]["secrets"].clone();
    assert_eq!(versions(), serde_json::json!({ "FROM_STORE": 1 }));

    // What it wrote is shown with marks.
    let logs = world.run(&app, &["logs", ENVIRONMENT]);
    for name in ["FROM_STORE", "FROM_ENV", "FROM_ENV_FILE", "FROM_FILE", "FROM_COMMAND"] {
        assert!(logs.out.contains(&format!("[secret {name}]")), "{name}: {logs:#?}");
    }

    // So is what a command beside the instances writes, and what the build wrote.
    let said_by_exec = exec(&world, &app, &["sh", "-c", "env; env >&2"]);
    for text in [&said_by_exec.stdout, &said_by_exec.stderr] {
        let text = String::from_utf8_lossy(text);
        for name in ["FROM_STORE", "FROM_ENV", "FROM_ENV_FILE", "FROM_FILE", "FROM_COMMAND"] {
            assert!(text.contains(&format!("{name}=[secret {name}]")), "{name}: {text}");
        }
    }
    assert_eq!(note("exec", said_by_exec), Some(0));
    let built: String = files(&world.state().join("logs"))
        .iter()
        .filter(|path| path.to_str().unwrap().ends_with("-build.log"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(
        built.contains("FROM_ENV=[secret FROM_ENV]") && built.contains("\n[secret FROM_FILE]"),
        "{built}"
    );

    // A rotated secret is a release, and a rollback has the former value.
    let rotated = note("rotate", secret(&world, &app, &["rotate", ENVIRONMENT, "FROM_STORE"], ROTATED));
    assert_eq!(rotated, Some(0));
    world.run(&app, &["deploy", ENVIRONMENT]).expect_live();
    assert_eq!(versions(), serde_json::json!({ "FROM_STORE": 2 }));
    world.rollback(&app).expect_live();
    assert_eq!(versions(), serde_json::json!({ "FROM_STORE": 1 }));

    // An instance that prints its environment and ends.
    app.set("CRASHES", "yes");
    let crashed = world.deploy(&app);
    assert_eq!(crashed.status, 7, "{crashed:#?}");
    assert!(crashed.out.contains("[secret FROM_FILE]"), "{crashed:#?}");
    let run = crashed.field("run");
    world.report(&app, &run);
    world.run(&app, &["history", ENVIRONMENT]);

    // A source that fails, with the value of another one on its lips.
    app.more = app.more.replace("command:printf %s", &format!("command:echo {BESIDE} >&2; exit 4; echo"));
    let failed = world.deploy(&app);
    assert_eq!(
        (failed.status, failed.field("error.code").as_str()),
        (4, "SECRET_UNAVAILABLE"),
        "{failed:#?}"
    );

    let all: Vec<SecretValue> = [STORE, ROTATED, ENV, ENV_FILE, COMMAND, BESIDE, FILE]
        .map(|text| SecretValue::new(text.to_owned()))
        .into();
    let redactor = Redactor::new(all.iter().map(|value| ("CANARY", value)));
    let has_one = |bytes: &[u8]| redactor.bytes(bytes) != bytes;
    let mut of_apps = 0;
    let state = files(&world.state());
    assert!(state.iter().any(|path| path.ends_with("journal.db")));
    let shown = files(&world.home().join("said"));
    assert!(shown.len() >= 20);
    let store = app.project().join(".bascule");
    for path in state.into_iter().chain(shown).chain(files(&store)) {
        let bytes = std::fs::read(&path).unwrap_or_default();
        // What an app writes is kept as it wrote it, for its owner alone.
        if path.starts_with(world.state().join("instances"))
            && path.file_name().is_some_and(|name| name == "out.log")
        {
            of_apps += usize::from(has_one(&bytes));
            continue;
        }
        assert!(!has_one(&bytes), "{}: {}", path.display(), String::from_utf8_lossy(&redactor.bytes(&bytes)));
    }
    assert!(of_apps >= 3, "the app did print them");
    for (what, bytes) in said {
        assert!(!has_one(&bytes), "{what}");
    }
}

/// Says where it finds its secret, and what that is.
const READS: &str = r#"echo "token at $TOKEN_FILE: $(cat "$TOKEN_FILE") ${TOKEN-and not in the environment}"
exec ./app "$@""#;

fn a_secret_is_a_file_in_memory(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let mut app = world.shop("shop");
    world.set_variable("BASCULE_KEY", &"5a".repeat(32));
    app.script("reads", READS);
    fixture.take_along(&mut app, &["reads"]);
    app.web.insert("command", r#"["./reads", "--port", "$PORT"]"#.to_owned());
    app.more.push_str("\n[secrets]\nTOKEN = { from = \"store\", as = \"file\" }\n");
    app.write();
    assert_eq!(secret(&world, &app, &["set", ENVIRONMENT, "TOKEN"], STORE).status.code(), Some(0));
    world.run(&app, &["deploy", ENVIRONMENT]).expect_live();

    let logs = world.run(&app, &["logs", ENVIRONMENT]);
    assert!(logs.out.contains("TOKEN: [secret TOKEN] and not in the environment"), "{logs:#?}");
    let script =
        "echo \"$TOKEN_FILE\"; stat -c %a \"$TOKEN_FILE\"; wc -c < \"$TOKEN_FILE\"; cat \"$TOKEN_FILE\"";
    let said = exec(&world, &app, &["sh", "-c", script]);
    let out = String::from_utf8_lossy(&said.stdout);
    let (path, rest) = out.split_once('\n').unwrap();
    assert_eq!(rest, format!("400\n{}\n[secret TOKEN]", STORE.len()), "{said:?}");
    let path = Path::new(path);
    assert!(!path.exists() && !path.starts_with(world.home()), "{}", path.display());
    // What the instance has is beside it.
    let all = path.ancestors().nth(2).unwrap();
    assert_eq!(files(all).len(), 1, "{}", all.display());
    assert_eq!(std::fs::read_to_string(&files(all)[0]).unwrap(), STORE);

    // The control plane is killed, and nothing is in memory any more, as after a restart of the machine.
    let old = files(all)[0].clone();
    let before = world.running(&app);
    kill(world.serve_pid().unwrap());
    until("the end of the control plane", || world.serve_pid().is_none().then_some(()));
    std::fs::remove_dir_all(all).unwrap();
    kill(before[0].pid);
    until("the instance with its file", || {
        world.status(&app);
        (old.exists() && world.running(&app) != before).then_some(())
    });
    let value = SecretValue::new(STORE.to_owned());
    let redactor = Redactor::new([("CANARY", &value)]);
    for path in files(&world.state()).iter().chain(&files(&world.home().join("said"))) {
        let bytes = std::fs::read(path).unwrap_or_default();
        // What the app wrote is kept as it wrote it.
        let is_of_app = path.file_name().is_some_and(|name| name == "out.log");
        assert_eq!(redactor.bytes(&bytes) != bytes, is_of_app, "{}", path.display());
    }
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    assert!(!all.exists(), "{}", all.display());
}

on_processes!(no_canary_is_written_or_shown, a_secret_is_a_file_in_memory);
