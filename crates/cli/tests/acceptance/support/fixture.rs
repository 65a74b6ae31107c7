//! What differs between targets: how an app is made deployable, and how what runs of it is seen and hurt.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{PROGRAM, processes};

/// A running instance, as the machine sees it and not as Bascule says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The app that it belongs to.
    pub app: String,
    /// The release.
    pub release: String,
    /// Its name.
    pub name: String,
    /// Its process.
    pub pid: u32,
}

/// A target.
pub trait Fixture {
    /// Its name in the manifest.
    fn target(&self) -> &'static str;

    /// Puts the shop into the project; answers the values of `files` and `command` in TOML.
    fn put_shop(&self, project: &Path) -> (String, String);

    /// What runs of the world with that home folder.
    fn running(&self, home: &Path) -> Vec<Instance>;

    /// What the target keeps on disk of releases that stand in slots: their names.
    fn standing(&self, state: &Path, app: &str, environment: &str) -> Vec<String>;

    /// Kills an instance as `kill -9` does.
    fn kill(&self, instance: &Instance);
}

/// Plain processes on this machine.
pub struct Process;

impl Fixture for Process {
    fn target(&self) -> &'static str {
        "process"
    }

    fn put_shop(&self, project: &Path) -> (String, String) {
        // The program under test is the shop as well; a script keeps its 60 MB out of the artifact.
        let script = project.join("app");
        fs::write(&script, format!("#!/bin/sh\nexec {PROGRAM} demo-app \"$@\"\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        (r#"["app"]"#.to_owned(), r#"["./app", "--port", "$PORT"]"#.to_owned())
    }

    fn running(&self, home: &Path) -> Vec<Instance> {
        let text = |process: &processes::Process, name: &str| process.environment.get(name).cloned();
        let mut all: Vec<Instance> = processes::of(home)
            .iter()
            .filter_map(|process| {
                Some(Instance {
                    app: text(process, "BASCULE_APP")?,
                    release: text(process, "BASCULE_RELEASE")?,
                    name: text(process, "BASCULE_INSTANCE")?,
                    pid: process.pid,
                })
            })
            .collect();
        all.sort();
        all
    }

    fn standing(&self, state: &Path, app: &str, environment: &str) -> Vec<String> {
        let folder = state.join("instances").join(app).join(environment);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().join("slot.json").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn kill(&self, instance: &Instance) {
        processes::kill(instance.pid);
    }
}
