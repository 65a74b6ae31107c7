//! The demo, as a newcomer runs it: every scene ends as it has to, no request is lost, and nothing is left running.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it has to be")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn plays_to_its_end_and_leaves_nothing() {
    play("process");
}

#[cfg(feature = "docker")]
#[test]
fn plays_with_containers_and_leaves_nothing() {
    if !docker(&["version"]).is_some_and(|said| said.contains("Server")) {
        println!("NOT RUN: there is no Docker Engine here");
        return;
    }
    let owner = play("docker");
    let filter = format!("label=bascule.owner={owner}");
    for list in ["images --all", "ps --all", "network ls"] {
        let words: Vec<&str> = list.split(' ').chain(["--quiet", "--filter", &filter]).collect();
        assert_eq!(docker(&words).unwrap(), "", "{list}");
    }
}

/// What the engine's client says; none where there is none, or it fails.
#[cfg(feature = "docker")]
fn docker(words: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(words).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Plays it; gives what its things were labelled with.
fn play(target: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test has no wiring")]
    let engine = std::env::var_os("DOCKER_HOST");
    let output = Command::new(env!("CARGO_BIN_EXE_bascule"))
        .args(["demo", "--output", "json", "--target", target])
        .current_dir(home.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .envs(engine.map(|engine| ("DOCKER_HOST", engine)))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let report = lines.last().unwrap_or_else(|| panic!("it said nothing; {words}"));
    assert_eq!(report["type"], "demo", "{report}\n{words}");

    let ends: Vec<&str> =
        report["acts"].as_array().unwrap().iter().map(|act| act["outcome"].as_str().unwrap()).collect();
    assert_eq!(ends, ["live", "live", "rolled_back", "rolled_back", "live", "live"]);
    let codes: Vec<&str> =
        report["acts"].as_array().unwrap().iter().filter_map(|act| act["error"]["code"].as_str()).collect();
    assert_eq!(codes, ["INSTANCE_NOT_READY", "BAKE_ERRORS"]);

    assert_eq!(report["failed"], 0, "{report}");
    assert_eq!(report["cut_bodies"], 0);
    assert_eq!(report["cut_websockets"], 0);
    assert!(report["requests"].as_u64().unwrap() > 500, "{report}");
    assert!(report["injected"].as_u64().unwrap() > 0, "version 4 was to answer with errors: {report}");
    for version in ["1", "2", "4"] {
        assert!(report["load"]["versions"][version]["answers"].as_u64().unwrap() > 0, "{version}: {report}");
    }
    assert!(report["load"]["versions"].get("3").is_none(), "version 3 met a user: {report}");
    assert_eq!(output.status.code(), Some(0), "{words}");

    let folder = report["folder"].as_str().unwrap();
    assert!(
        Path::new(report["state"].as_str().unwrap()).join("journal.db").exists(),
        "the journal is not kept"
    );
    assert!(Path::new(report["logs"].as_str().unwrap()).exists(), "the logs are not kept");
    assert_eq!(processes_that_name(folder), Vec::<String>::new());
    let state = Path::new(report["state"].as_str().unwrap());
    let identity = std::fs::read_to_string(state.join("identity")).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    identity
}

/// Command lines of processes that still run (what has ended and waits for its parent has none).
fn processes_that_name(folder: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(folder))
        .collect()
}
