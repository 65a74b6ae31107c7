//! An app in a repository, with a pipeline.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::app::App;
use crate::support::command::Ran;
use crate::support::wait;
use crate::support::world::World;

/// The stages that end with a release in staging.
pub const TO_STAGING: &str = "[[pipeline.stage]]\nbuild = true\n[[pipeline.stage]]\ndeploy = \"staging\"\n";

/// An app whose manifest has these stages, in a repository with one commit.
pub fn app(world: &World<'_>, stages: &str) -> App {
    let mut app = world.shop("shop");
    app.more = stages.to_owned();
    app.write();
    git(&app, &["init", "--quiet"]);
    commit(&app);
    app
}

/// Commits all that is there.
pub fn commit(app: &App) -> String {
    git(app, &["add", "--all"]);
    git(app, &["commit", "--quiet", "--allow-empty", "--message", "more"]);
    git(app, &["rev-parse", "HEAD"])
}

pub fn git(app: &App, words: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=tester",
            "-c",
            "user.email=tester@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .current_dir(app.project())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// One job in a stage of its own.
pub fn stage(name: &str, job: &str, keys: &str) -> String {
    format!("[[pipeline.stage]]\nname = {name:?}\n[pipeline.stage.jobs.{job}]\n{keys}\n")
}

/// The folder of the only run.
pub fn folder(world: &World<'_>) -> PathBuf {
    let all = world.state().join("pipelines");
    let mut runs: Vec<PathBuf> =
        std::fs::read_dir(all).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs.pop().unwrap_or_default()
}

/// The events of the newest run so far.
pub fn events(world: &World<'_>) -> Vec<Value> {
    let text = std::fs::read_to_string(folder(world).join("events.jsonl")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The names of the events, with their jobs.
pub fn names(world: &World<'_>) -> Vec<String> {
    let name = |event: &Value| match event["job"].as_str() {
        Some(job) => format!("{} {job}", event["event"].as_str().unwrap()),
        None => event["event"].as_str().unwrap().to_owned(),
    };
    events(world).iter().map(name).collect()
}

/// Waits until something has happened.
pub fn wait_for(world: &World<'_>, name: &str) {
    wait::until_ok(&format!("the event {name}"), || {
        let names = names(world);
        if names.iter().any(|one| one == name) { Ok(()) } else { Err(names.join(", ")) }
    });
}

/// The process of the last runner.
pub fn runner(world: &World<'_>) -> u32 {
    let begun = events(world);
    let pid =
        begun.iter().rev().find(|event| event["event"] == "runner-began").map(|event| event["pid"].clone());
    u32::try_from(pid.and_then(|pid| pid.as_u64()).expect("a runner began")).unwrap()
}

/// Lines of a file, none where it is not there.
pub fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Ships and expects that everything passed.
#[track_caller]
pub fn passes(ran: &Ran) {
    ran.expect(0, "passed", "");
}
