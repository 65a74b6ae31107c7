//! The points of a run at which it can be stopped and failed (see `bascule-server`, feature `failpoints`), from the registry of steps.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bascule_engine::steps::{self, SchemaNeeded, SlotNeeded, Warmth};
use bascule_model::plan::RunKind;
use bascule_model::release::{Before, Task};
use bascule_model::run::Touches;

use super::command::Running;
use super::wait;

/// The folder that the control plane looks in.
#[derive(Debug, Clone)]
pub struct Points(PathBuf);

impl Points {
    /// The folder, made.
    pub fn new(folder: &Path) -> Self {
        for name in ["pause", "fail", "reached"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        Self(folder.to_owned())
    }

    /// Its path.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// A run waits at the point from now on.
    pub fn pause(&self, point: &str) {
        let _ = fs::remove_file(self.0.join("reached").join(point));
        fs::write(self.0.join("pause").join(point), "").unwrap();
    }

    /// It goes on.
    pub fn go_on(&self, point: &str) {
        let _ = fs::remove_file(self.0.join("pause").join(point));
    }

    /// A run fails at the point from now on.
    pub fn fail(&self, point: &str) {
        let _ = fs::remove_file(self.0.join("reached").join(point));
        fs::write(self.0.join("fail").join(point), "for the test").unwrap();
    }

    /// It fails there no more.
    pub fn mend(&self, point: &str) {
        let _ = fs::remove_file(self.0.join("fail").join(point));
    }

    /// Whether a run has come there since it was paused or made to fail.
    pub fn was_reached(&self, point: &str) -> bool {
        self.0.join("reached").join(point).exists()
    }

    /// Waits until the run that a command follows comes there.
    pub fn wait_for(&self, point: &str, command: &mut Running) {
        wait::until_ok(&format!("the run at {point}"), || {
            let reached = self.was_reached(point);
            assert!(reached || !command.has_ended(), "the run never came to {point}: {}", command.said());
            if reached { Ok(()) } else { Err(command.said()) }
        });
    }
}

/// What a manifest says so that each of the steps that run tasks is there.
pub const TASKS: &str = "[[tasks]]\nname = \"make-ready\"\ncommand = \"exit 0\"\n\
                         [[tasks]]\nname = \"warm-up\"\ncommand = \"exit 0\"\nbefore = \"switch\"\n";

/// Whether the app of a run has the tasks of [`TASKS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tasks {
    /// It has.
    Both,
    /// It has none, or the run runs none.
    None,
}

impl Tasks {
    fn list(self) -> Vec<Task> {
        let task = |before| Task {
            name: "task".parse().unwrap(),
            service: "web".parse().unwrap(),
            command: Vec::new(),
            before,
            timeout: Duration::ZERO,
        };
        match self {
            Self::Both => [Before::Start, Before::Switch].map(task).into(),
            Self::None => Vec::new(),
        }
    }
}

/// What decides which steps a run has.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// What it is.
    pub kind: RunKind,
    /// Whether a rollback finds its release running.
    pub warmth: Warmth,
    /// Whether something stands in the slot that it needs.
    pub slot: SlotNeeded,
    /// What it has to do with a database.
    pub schema: SchemaNeeded,
    /// What it has to run once.
    pub tasks: Tasks,
}

impl Shape {
    /// One that finds its slot free, and has nothing to do with a database or tasks.
    pub fn of(kind: RunKind, warmth: Warmth) -> Self {
        Self { kind, warmth, slot: SlotNeeded::Free, schema: SchemaNeeded::default(), tasks: Tasks::None }
    }

    /// The points around the effect of each step.
    pub fn apply_points(self) -> Vec<String> {
        self.steps().flat_map(|step| around(self.kind, step, "apply")).collect()
    }

    /// The points around the undo of each step that is undone.
    pub fn undo_points(self) -> Vec<String> {
        let is_undone = |name: &&str| steps::find(name).is_some_and(|step| step.touches() == Touches::World);
        self.steps().filter(is_undone).flat_map(|step| around(self.kind, step, "undo")).collect()
    }

    /// The last point: a failure there undoes all of it.
    pub fn last_point(self) -> String {
        format!("{}.{}.apply.before", self.kind.as_str(), self.steps().last().unwrap())
    }

    fn steps(self) -> impl Iterator<Item = &'static str> {
        steps::sequence(self.kind, self.warmth, self.slot, self.schema, &self.tasks.list()).into_iter()
    }
}

fn around(kind: RunKind, step: &str, action: &str) -> [String; 2] {
    ["before", "after"].map(|when| format!("{}.{step}.{action}.{when}", kind.as_str()))
}
