//! The demo, as a newcomer runs it: every scene ends as it has to, no request is lost, and nothing is left running.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it has to be")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn plays_to_its_end_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bascule"))
        .args(["demo", "--output", "json"])
        .current_dir(home.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
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
    std::fs::remove_dir_all(folder).unwrap();
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
