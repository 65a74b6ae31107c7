//! Runs of pipelines: begun, kept going, shown. Each has a runner, a process of its own that outlives the control plane.
//!
//! What is secret goes to the runner's standard input; on disk it is sealed, for the runner that comes after one that was killed.

pub mod api;

mod follow;
mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bascule_engine::ports::{Clock, Vault};
use bascule_instances::durable::{self, Access};
use bascule_model::ids::ReleaseId;
use bascule_model::manifest::InstanceText;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Configuration;
use bascule_pipeline::folder::{self, RunFolder};
use bascule_pipeline::plan::Plan;
use bascule_pipeline::private::Private;
use bascule_pipeline::runner::has_runner;
use bascule_pipeline::{PipelineError, read_log, remove_checkout};

use crate::control::Control;
use crate::journal;
use crate::policy::approvals;

pub(crate) use routes::router;

/// A runner that ended without having ended its run is begun again after this, and then after twice as long each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// So many runs are kept.
const KEPT: usize = 100;

/// The runs of a state folder.
pub struct Pipelines {
    state: PathBuf,
    program: PathBuf,
    runners: Mutex<BTreeMap<String, RunnerState>>,
    /// The names of the plans that wait, and their artifacts.
    waiting: Mutex<(BTreeSet<OsString>, BTreeSet<String>)>,
}

/// What is known of a run's runner.
#[derive(Default)]
struct RunnerState {
    child: Option<Child>,
    /// How often one was begun.
    begun: u32,
    /// When the next may be begun, as the clock counts.
    not_before: Duration,
}

impl Pipelines {
    /// Those of a state folder; runners are started from that program.
    pub(crate) fn new(state: PathBuf, program: PathBuf) -> Self {
        Self { state, program, runners: Mutex::default(), waiting: Mutex::default() }
    }

    pub(crate) fn folder(&self, run: &str) -> RunFolder {
        RunFolder::of(&self.state, run)
    }

    pub(crate) fn runs(&self) -> Result<Vec<String>, PipelineError> {
        folder::runs(&self.state)
    }

    fn active(&self) -> Result<Vec<String>, PipelineError> {
        let runs = self.runs()?;
        Ok(runs.into_iter().filter(|run| self.folder(run).active().exists()).collect())
    }

    /// Begins a run: what it is to do is on disk when this returns, and its runner was begun.
    fn begin(&self, plan: &Plan, private: &Private, vault: &dyn Vault) -> Result<(), Problem> {
        let folder = self.folder(&plan.run);
        durable::make_folder(folder.path()).map_err(|error| error.problem())?;
        // First what a runner needs, then the plan and the mark that there is a run.
        let sealed = vault.seal(&sealed_for(&plan.run), &packed(private)?)?;
        durable::durable(&folder.sealed(), &sealed, Access::Private).map_err(|error| error.problem())?;
        folder.make(plan).map_err(Problem::from)?;
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        let child = self.start(&folder, &plan.run, private)?;
        runners.insert(plan.run.clone(), RunnerState { child: Some(child), begun: 1, not_before: PAUSE });
        Ok(())
    }

    /// What kept the last runner of a run from going on; none while one has it.
    pub(crate) fn trouble(&self, folder: &RunFolder) -> Option<Problem> {
        if has_runner(folder).unwrap_or(true) {
            return None;
        }
        let said = std::fs::read_to_string(folder.runner_log()).ok()?;
        let line: serde_json::Value =
            serde_json::from_str(said.lines().rev().find(|it| it.starts_with('{'))?).ok()?;
        serde_json::from_value(line.get("error")?.clone()).ok()
    }

    fn start(&self, folder: &RunFolder, run: &str, private: &Private) -> Result<Child, Problem> {
        let trouble = |error: std::io::Error| {
            Problem::new(
                Code::Internal,
                format!("starting the runner of {run}: {error}"),
                "it is tried again; `bascule doctor` says what is missing on this machine",
            )
        };
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(folder.runner_log())
            .map_err(trouble)?;
        let mut child = Command::new(&self.program)
            .args(["pipeline-runner", run, "--output", "json", "--state"])
            .arg(&self.state)
            .current_dir(&self.state)
            .env_remove(journal::VARIABLE)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(trouble)?)
            .stderr(log)
            .spawn()
            .map_err(trouble)?;
        let text = serde_json::to_vec(private).map_err(|error| trouble(error.into()))?;
        if let Some(mut input) = child.stdin.take() {
            // It reads all of it before anything else. One that does not is gone, and is begun again.
            let _ = input.write_all(&text);
        }
        Ok(child)
    }

    /// Begins a runner for each run that has none.
    pub(crate) fn round(&self, control: &Control) -> Result<(), Problem> {
        let ports = control.engine.ports();
        let active = self.active().map_err(Problem::from)?;
        if active.is_empty() {
            control.engine.keep_unreleased(self.waited_for());
        }
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = active.iter().any(|run| !runners.contains_key(run));
        if is_first {
            control
                .engine
                .keep_unreleased(self.artifacts(&active).union(&self.waited_for()).cloned().collect());
        }
        let mut has_ended = false;
        for (_, runner) in runners.iter_mut() {
            if runner.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None))) {
                runner.child = None;
                has_ended = true;
            }
        }
        for run in &active {
            let runner = runners.entry(run.clone()).or_default();
            if runner.child.is_some() || ports.clock.elapsed() < runner.not_before {
                continue;
            }
            let folder = self.folder(run);
            if has_runner(&folder).map_err(Problem::from)? {
                continue;
            }
            runner.begun += 1;
            let pause = PAUSE.saturating_mul(1 << runner.begun.saturating_sub(2).min(6)).min(LONGEST_PAUSE);
            runner.not_before = ports.clock.elapsed() + pause;
            // A run that cannot go on is ended by its runner too, so that nothing of it stays: jobs that run, the list of what is
            // under way.
            let private = match opened(&folder, run, ports.vault.as_ref()) {
                Err(problem) if problem.code == Code::ConfigurationUnreadable => Private::missing(problem),
                opened => opened?,
            };
            runner.child = Some(self.start(&folder, run, &private)?);
            crate::log::line(&control.engine, &format!("going on with {run}"));
        }
        if has_ended {
            runners.retain(|run, _| active.contains(run));
        }
        Ok(())
    }

    /// The artifacts of plans that wait for approvals; read anew when there are others. A plan's name is its hash, so that its artifact
    /// does not change; the time of a folder would tell too little: two changes may have one.
    fn waited_for(&self) -> BTreeSet<String> {
        let files = std::fs::read_dir(approvals::folder(&self.state)).into_iter().flatten().flatten();
        let names = files.map(|entry| entry.file_name()).collect();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.0 != names {
            *waiting = (names, approvals::artifacts(&self.state));
        }
        waiting.1.clone()
    }

    /// The artifacts of runs that go on.
    fn artifacts(&self, runs: &[String]) -> BTreeSet<String> {
        let events = runs.iter().flat_map(|run| read_log(&self.folder(run).events()).unwrap_or_default());
        events
            .filter_map(|recorded| match recorded.event {
                bascule_pipeline::event::Event::ArtifactMade { artifact, .. } => Some(artifact),
                _ => None,
            })
            .collect()
    }

    /// Removes checkouts that no environment needs any more, and the oldest runs.
    pub(crate) fn tidy(&self, projects: &[PathBuf]) -> Result<(), Problem> {
        let runs = self.runs().map_err(Problem::from)?;
        let surplus = runs.len().saturating_sub(KEPT);
        for (at, run) in runs.iter().enumerate() {
            let folder = self.folder(run);
            let is_needed = |path: &Path| projects.iter().any(|project| project.starts_with(path));
            if folder.active().exists() || is_needed(folder.path()) {
                continue;
            }
            remove_checkout(&folder).map_err(Problem::from)?;
            if at < surplus {
                durable::remove_folder(folder.path()).map_err(|error| error.problem())?;
            }
        }
        Ok(())
    }
}

fn sealed_for(run: &str) -> ReleaseId {
    ReleaseId::from_text(run)
}

fn packed(private: &Private) -> Result<Configuration, Problem> {
    let text = serde_json::to_string(private).map_err(|error| {
        Problem::new(Code::Internal, format!("writing down what a pipeline runs with: {error}"), "try again")
    })?;
    let secrets = [("private".to_owned(), InstanceText::from_source(text))].into();
    Ok(Configuration { secrets, ..Configuration::default() })
}

fn opened(folder: &RunFolder, run: &str, vault: &dyn Vault) -> Result<Private, Problem> {
    let sealed =
        durable::read_if_there(&folder.sealed()).map_err(|error| error.problem())?.unwrap_or_default();
    let unreadable = || {
        Problem::new(
            Code::ConfigurationUnreadable,
            format!(
                "what {run} runs with cannot be opened ({}): the key of the state folder is another one, or the file was changed",
                folder.sealed().display()
            ),
            "ship again: its secrets are asked for anew; what its jobs had begun may be left, as no `finally` could be run",
        )
    };
    let configuration = vault.open(&sealed_for(run), &sealed).map_err(|_| unreadable())?;
    let text = configuration.secrets.get("private").map(InstanceText::as_source).unwrap_or_default();
    serde_json::from_str(text).map_err(|_| unreadable())
}

/// Keeps runs going, and tidies up behind them.
pub(crate) async fn keep(control: &Control, clock: &dyn Clock, tidied: &mut Duration) -> Result<(), Problem> {
    control.pipelines.round(control)?;
    if clock.elapsed() >= *tidied {
        *tidied = clock.elapsed() + LONGEST_PAUSE;
        let environments = control.engine.journal().environments().await?;
        let projects: Vec<PathBuf> = environments
            .into_iter()
            .filter_map(|environment| environment.project.map(PathBuf::from))
            .collect();
        control.pipelines.tidy(&projects)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bascule_model::plan::ArtifactPlan;
    use serde_json::json;

    use super::*;

    /// A plan that waits for that artifact.
    fn wait_for(folder: &Path, name: &str, digest: &str) {
        let artifact = ArtifactPlan::Store { digest: digest.to_owned() };
        let plan = json!({
            "kind": "deploy", "key": "shop/staging", "release": null, "slot": "blue",
            "live": null, "standby": null, "content": "", "artifact": artifact, "services": [], "configuration": [],
            "steps": [], "notes": [],
        });
        let waiting = json!({
            "plan": plan, "plan_hash": name, "number": 1, "approvals": 1, "valid_s": 1, "asked_by": "tester",
            "asked_uid": 0, "asked_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value::<crate::api::WaitingPlan>(waiting.clone()).unwrap();
        std::fs::write(folder.join(format!("{name}.json")), waiting.to_string()).unwrap();
    }

    #[test]
    fn a_plan_that_begins_to_wait_in_the_same_moment_as_another_is_seen() {
        let state = tempfile::tempdir().unwrap();
        let folder = approvals::folder(state.path());
        std::fs::create_dir(&folder).unwrap();
        let pipelines = Pipelines::new(state.path().to_owned(), PathBuf::new());
        wait_for(&folder, "a", "sha256:1");
        assert_eq!(pipelines.waited_for(), ["sha256:1".to_owned()].into());
        let changed = std::fs::metadata(&folder).unwrap().modified().unwrap();
        wait_for(&folder, "b", "sha256:2");
        std::fs::File::open(&folder).unwrap().set_modified(changed).unwrap();
        assert_eq!(pipelines.waited_for(), ["sha256:1".to_owned(), "sha256:2".to_owned()].into());
    }
}
