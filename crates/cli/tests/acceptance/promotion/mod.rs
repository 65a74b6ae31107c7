//! What an environment asks for before it takes a release: the artifact that settled elsewhere, a time, a commit, other people, a
//! checklist.

mod approvals;
mod artifacts;
mod checklist;
mod rules;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::app::{App, free_door};
use crate::support::command::Ran;
use crate::support::world::World;

/// The environment that takes what settled in the other one.
const PRODUCTION: &str = "production";

/// Adds `production`, with its door and whatever else the manifest is to say of it.
fn with_production(app: &mut App, target: &str, more: &str) {
    let _ = writeln!(
        app.more,
        "[environments.{PRODUCTION}]\ntarget = {target:?}\nlisten = \"{}\"\npromote_from = \"staging\"\n{more}",
        free_door()
    );
}

fn status(world: &World<'_>, app: &App, environment: &str) -> Value {
    let ran = world.run(app, &["status", environment]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    ran.last()
}

/// The digest of what is live there.
fn artifact(world: &World<'_>, app: &App, environment: &str) -> String {
    status(world, app, environment)["live"]["artifact"].as_str().unwrap_or_default().to_owned()
}

fn deploy(world: &World<'_>, app: &App, environment: &str) -> Ran {
    app.write();
    world.run(app, &["deploy", environment])
}

/// Runs git in a folder, as somebody who is nobody.
fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=tester", "-c", "user.email=tester@localhost"])
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Commits everything in the project, and says as what.
fn commit(app: &App) -> String {
    let folder = app.project();
    if !folder.join(".git").exists() {
        git(folder, &["init", "-q"]);
    }
    git(folder, &["add", "."]);
    git(folder, &["commit", "-q", "-m", "as it is"]);
    git(folder, &["rev-parse", "HEAD"])
}
