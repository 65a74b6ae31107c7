//! A world of its own for each scenario: a home, a state folder, a control plane. Whatever runs in it ends with it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::app::{App, ENVIRONMENT};
use super::command::{Ran, Running};
use super::fixture::{Fixture, Instance};
use super::{PROGRAM, processes, wait};

/// A world.
pub struct World<'a> {
    folder: TempDir,
    state: RefCell<PathBuf>,
    /// Its target.
    pub fixture: &'a dyn Fixture,
    /// Where runs are stopped and failed.
    #[cfg(feature = "failpoints")]
    pub points: super::points::Points,
    serving: RefCell<Vec<Child>>,
    variables: RefCell<BTreeMap<String, String>>,
    commands: Cell<usize>,
}

impl<'a> World<'a> {
    /// An empty one.
    pub fn new(fixture: &'a dyn Fixture) -> Self {
        let folder = tempfile::Builder::new().prefix("bascule-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("said")).unwrap();
        Self {
            state: RefCell::new(folder.path().join("state")),
            #[cfg(feature = "failpoints")]
            points: super::points::Points::new(&folder.path().join("points")),
            fixture,
            folder,
            serving: RefCell::default(),
            variables: RefCell::default(),
            commands: Cell::new(0),
        }
    }

    /// The home of all its processes.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.state.borrow().clone()
    }

    /// Makes another folder the state folder.
    pub fn set_state(&self, state: &Path) {
        state.clone_into(&mut self.state.borrow_mut());
    }

    /// Sets a variable in the environment of all commands.
    pub fn set_variable(&self, name: &str, value: &str) {
        self.variables.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// An app in a project folder of its own.
    pub fn shop(&self, name: &str) -> App {
        App::shop(name, &self.home().join(name), self.fixture)
    }

    /// A command of the program in a clean environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.home())
            .env("LANG", "C")
            .env("USER", "tester")
            .env("BASCULE_STATE", self.state())
            .envs(self.fixture.environment())
            .envs(self.variables.borrow().iter())
            .current_dir(self.home());
        #[cfg(feature = "failpoints")]
        command.env("BASCULE_FAILPOINTS", self.points.folder());
        command
    }

    /// Starts a command about an app, with JSON as its result.
    pub fn start(&self, app: &App, words: &[&str]) -> Running {
        let number = self.commands.get() + 1;
        self.commands.set(number);
        let mut command = self.command(words);
        command.args(["--output", "json", "--project"]).arg(app.project());
        Running::start(command, &self.home().join("said"), number)
    }

    /// Runs a command about an app to its end.
    pub fn run(&self, app: &App, words: &[&str]) -> Ran {
        self.start(app, words).end()
    }

    /// Writes the manifest and deploys.
    pub fn deploy(&self, app: &App) -> Ran {
        app.write();
        self.run(app, &["deploy", ENVIRONMENT])
    }

    /// Rolls back.
    pub fn rollback(&self, app: &App) -> Ran {
        self.run(app, &["rollback", ENVIRONMENT])
    }

    /// Rolls back to a release.
    pub fn rollback_to(&self, app: &App, release: &str) -> Ran {
        self.run(app, &["rollback", ENVIRONMENT, "--to", release])
    }

    /// What `status` says.
    pub fn status(&self, app: &App) -> Value {
        let ran = self.run(app, &["status", ENVIRONMENT]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        ran.last()
    }

    /// The report of a run.
    pub fn report(&self, app: &App, run: &str) -> Value {
        let ran = self.run(app, &["run", "show", run]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        ran.last()
    }

    /// The newest run of an app; none before the first.
    pub fn newest_run(&self, app: &App) -> Option<Value> {
        let ran = self.run(app, &["history", ENVIRONMENT, "--limit", "1"]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        let last = ran.last();
        let runs = last.get("runs").unwrap_or(&last);
        runs.as_array().and_then(|runs| runs.first()).cloned()
    }

    /// Starts a control plane and waits until it answers.
    pub fn serve(&self) -> u32 {
        let log = self.home().join("serve.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut child = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pid = child.id();
        wait::until_ok("a control plane that answers", || {
            if let Some(status) = child.try_wait().unwrap() {
                // Another one was quicker.
                return if self.answers() { Ok(()) } else { Err(format!("it ended: {status}")) };
            }
            if self.answers() { Ok(()) } else { Err("no answer".to_owned()) }
        });
        self.serving.borrow_mut().push(child);
        pid
    }

    fn answers(&self) -> bool {
        std::os::unix::net::UnixStream::connect(self.state().join("bascule.sock")).is_ok()
    }

    /// The control plane's process.
    pub fn serve_pid(&self) -> Option<u32> {
        self.pid_of("serve")
    }

    /// The edge's process.
    pub fn edge_pid(&self) -> Option<u32> {
        self.pid_of("edge")
    }

    fn pid_of(&self, subcommand: &str) -> Option<u32> {
        processes::of(self.home()).into_iter().find(|one| one.is_bascule(subcommand)).map(|one| one.pid)
    }

    /// What runs of an app.
    pub fn running(&self, app: &App) -> Vec<Instance> {
        self.fixture.running(self).into_iter().filter(|one| one.app == app.name).collect()
    }

    /// The last lines of a file in the state folder.
    pub fn tail(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.state().join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["serve.log", "../serve.log", "edge.log"] {
                println!("--- {name}\n{}", self.tail(name));
            }
        }
        // First those that would start the others again; commands that follow a run are among them.
        for is_of_this_round in [
            |one: &processes::Process| {
                !one.is_bascule("edge") && !one.environment.contains_key("BASCULE_INSTANCE")
            },
            |_: &processes::Process| true,
        ] {
            for _ in 0..100 {
                let all = processes::of(self.folder.path());
                let mut left = all.iter().filter(|one| is_of_this_round(one)).peekable();
                if left.peek().is_none() {
                    break;
                }
                left.for_each(|one| processes::kill(one.pid));
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        for child in self.serving.borrow_mut().iter_mut() {
            let _ = child.wait();
        }
    }
}
