//! Runs with real processes, in a real repository; the control plane is a stand-in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;

use async_trait::async_trait;
use bascule_model::gate::{Decision, GateStatus, PipelineRecord, Report};
use bascule_model::manifest;
use bascule_model::problem::{Code, Problem};
use bascule_pipeline::event::Event;
use bascule_pipeline::folder::RunFolder;
use bascule_pipeline::plan::Plan;
use bascule_pipeline::private::Private;
use bascule_pipeline::runner::{self, Deploy, Judge, Outside, Surroundings};
use bascule_pipeline::{Commit, PipelineError, Recorded, Wanted, read_log};
use jiff::Timestamp;

/// Notes what it is asked for.
#[derive(Default)]
struct StandIn {
    said: RefCell<Vec<String>>,
    refuses: Option<Problem>,
    /// The run of a deploy that was asked for before.
    known: Option<String>,
}

#[async_trait(?Send)]
impl Outside for StandIn {
    async fn artifact(&self, environment: &str, project: &Path) -> Result<String, Problem> {
        assert!(project.join("bascule.toml").is_file());
        self.said.borrow_mut().push(format!("artifact {environment}"));
        Ok("sha256:1".to_owned())
    }

    async fn deploy(&self, deploy: &Deploy) -> Result<String, Problem> {
        self.said.borrow_mut().push(format!("deploy {} {}", deploy.environment, deploy.artifact));
        Ok(format!("run-{}", deploy.environment))
    }

    async fn asked_for(&self, deploy: &Deploy) -> Result<Option<String>, Problem> {
        self.said.borrow_mut().push(format!("asked for {}?", deploy.environment));
        Ok(self.known.clone())
    }

    async fn deployed(&self, run: &str) -> Result<(), Problem> {
        let under_way = self.known.as_deref() == Some(run);
        let is_aborted = || self.said.borrow().contains(&format!("abort {run}"));
        while under_way && !is_aborted() {
            tokio::task::yield_now().await;
        }
        self.refuses.clone().map_or(Ok(()), Err)
    }

    async fn abort(&self, run: &str) -> Result<(), Problem> {
        self.said.borrow_mut().push(format!("abort {run}"));
        Ok(())
    }
}

/// Passes a stage whose reports are there; of the kind that a real one is.
struct Coverage;

impl Judge for Coverage {
    fn judge(&self, folder: &Path, stage: &str, reports: &[Report]) -> Vec<Decision> {
        if stage != "checks" {
            return Vec::new();
        }
        let text = reports
            .iter()
            .find_map(|report| std::fs::read_to_string(folder.join(report.file.as_ref()?)).ok());
        let status = match text.as_deref().map(str::trim) {
            Some("80") => GateStatus::Pass,
            Some(_) => GateStatus::Fail,
            None => GateStatus::NoData,
        };
        vec![Decision {
            gate: "coverage".to_owned(),
            status,
            required: true,
            condition: ">= 80%".to_owned(),
            value: text,
            why: "too few lines".to_owned(),
            remedy: Some("write tests".to_owned()),
            evidence: Vec::new(),
            waiver: None,
        }]
    }
}

struct World {
    folder: tempfile::TempDir,
    outside: StandIn,
}

impl World {
    fn new(stages: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("project");
        std::fs::create_dir(&project).unwrap();
        let head = "app = \"shop\"\nservices.web.command = \"true\"\nenvironments.staging = {}\nenvironments.production = {}\n";
        std::fs::write(project.join("bascule.toml"), format!("{head}{stages}")).unwrap();
        let world = Self { folder, outside: StandIn::default() };
        world.git(&["init", "--quiet"]);
        world.commit();
        world
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=tester", "-c", "user.email=tester@example.com"])
            .args(words)
            .current_dir(self.project())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "more"]);
    }

    /// Writes a run down, and does not begin it.
    fn begin(&self, run: &str) -> RunFolder {
        let text = std::fs::read_to_string(self.project().join("bascule.toml")).unwrap();
        let manifest = manifest::parse(&text, "bascule.toml").unwrap();
        let stages = Plan::stages_of(&manifest, &Wanted::Ship(None)).unwrap();
        let commit = Commit::find(&self.project(), "HEAD").unwrap();
        let folder = RunFolder::of(self.folder.path(), run);
        let plan = Plan {
            run: run.to_owned(),
            app: "shop".to_owned(),
            commit: commit.id,
            dirty: commit.changed > 0,
            project: self.project(),
            prefix: commit.prefix,
            actor: "tester".to_owned(),
            began_at: now(),
            surroundings: [("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())].into(),
            jobs: 2,

            gates_of: None,
            gates: Default::default(),
            stages,
        };
        folder.make(&plan).unwrap();
        folder
    }

    async fn run(&self, folder: &RunFolder) -> Result<Option<Problem>, PipelineError> {
        self.run_with(folder, &Private::default()).await
    }

    async fn run_with(
        &self,
        folder: &RunFolder,
        private: &Private,
    ) -> Result<Option<Problem>, PipelineError> {
        let around = Surroundings { outside: &self.outside, judge: &Coverage, now: &now };
        runner::run(folder, private, &around).await
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is wiring: runners get this as their clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn record(folder: &RunFolder) -> PipelineRecord {
    folder.read_record().unwrap().unwrap()
}

const DEPLOYS: &str = "[[pipeline.stage]]\nbuild = true\n[[pipeline.stage]]\ndeploy = \"staging\"\n[[pipeline.stage]]\ndeploy = \"production\"\n";

fn checks(keys: &str) -> String {
    format!(
        "[[pipeline.stage]]\nname = \"checks\"\n[pipeline.stage.jobs.unit]\n{keys}\nreports.custom = [\"covered\"]\n"
    )
}

#[tokio::test]
async fn one_artifact_is_deployed_everywhere_and_nothing_is_left() {
    let world = World::new(&format!("{}{DEPLOYS}", checks("run = \"echo 80 > covered\"")));
    let folder = world.begin("ship-1");
    assert_eq!(world.run(&folder).await.unwrap(), None);
    let said = world.outside.said.borrow().clone();
    assert_eq!(said, ["artifact staging", "deploy staging sha256:1", "deploy production sha256:1"]);
    let record = record(&folder);
    assert_eq!((record.passed, record.artifact.as_deref()), (Some(true), Some("sha256:1")));
    assert_eq!(record.decisions[0].status, GateStatus::Pass);
    assert!(!folder.active().exists() && !folder.sealed().exists() && !folder.temporary().exists());
    // A runner that comes late finds nothing to do.
    assert_eq!(world.run(&folder).await.unwrap(), None);
    assert_eq!(world.outside.said.borrow().len(), 3);
}

#[tokio::test]
async fn a_gate_that_does_not_pass_ends_the_run_before_anything_is_built() {
    for (keys, status) in [
        ("run = \"echo 79.99 > covered\"", GateStatus::Fail),
        ("run = [\"echo 80 > covered\", \"exit 1\"]", GateStatus::Pass),
        ("run = \"true\"", GateStatus::NoData),
    ] {
        let world = World::new(&format!("{}{DEPLOYS}", checks(keys)));
        let folder = world.begin("ship-1");
        let problem = world.run(&folder).await.unwrap().unwrap();
        let code = match status {
            GateStatus::Fail => Code::GateRefused,
            GateStatus::Pass => Code::JobFailed,
            _ => Code::ReportMissing,
        };
        assert_eq!(problem.code, code, "{keys}: {problem}");
        assert_eq!(record(&folder).decisions[0].status, status, "{keys}");
        assert_eq!(record(&folder).reports.len(), 1);
        assert!(world.outside.said.borrow().is_empty(), "{keys}");
        assert!(!folder.checkout().exists(), "{keys}");
    }
}

#[tokio::test]
async fn a_deploy_that_is_refused_ends_the_run() {
    let mut world = World::new(DEPLOYS);
    world.outside.refuses = Some(Problem::new(Code::BakeErrors, "too many errors", "mend it"));
    let folder = world.begin("ship-1");
    let problem = world.run(&folder).await.unwrap().unwrap();
    assert_eq!((problem.code, problem.message.as_str()), (Code::BakeErrors, "staging: too many errors"));
    assert_eq!(world.outside.said.borrow().len(), 2, "production is not asked");
}

#[tokio::test]
async fn a_dirty_run_has_what_the_folder_has() {
    let world = World::new(&checks(
        "run = [\"test -f new\", \"! test -e gone\", \"grep 2 changed\", \"! test -e ignored\", \"echo 80 > covered\"]",
    ));
    for (name, text) in [("gone", "1"), ("changed", "1"), (".gitignore", "ignored\n")] {
        std::fs::write(world.project().join(name), text).unwrap();
    }
    world.commit();
    std::fs::remove_file(world.project().join("gone")).unwrap();
    for (name, text) in [("new", "1"), ("changed", "2"), ("ignored", "1")] {
        std::fs::write(world.project().join(name), text).unwrap();
    }
    let folder = world.begin("ship-1");
    assert_eq!(world.run(&folder).await.unwrap(), None);
    assert!(record(&folder).dirty);
}

#[tokio::test]
async fn two_runners_of_one_run_do_not_meet() {
    let world = World::new(&checks("run = \"echo 80 > covered; sleep 4\""));
    let folder = world.begin("ship-1");
    let (one, other) = tokio::join!(world.run(&folder), world.run(&folder));
    let taken = [&one, &other].into_iter().filter(|it| matches!(it, Err(PipelineError::Taken))).count();
    assert_eq!(taken, 1, "{one:?} {other:?}");
    let begun = |event: &&Recorded| matches!(event.event, Event::JobBegan { .. });
    assert_eq!(read_log(&folder.events()).unwrap().iter().filter(begun).count(), 1);
}

#[tokio::test]
async fn a_log_that_was_changed_is_not_gone_on_with() {
    let world = World::new(&checks("run = \"echo 80 > covered\""));
    let folder = world.begin("ship-1");
    std::fs::write(
        folder.events(),
        "{\"sequence\":1,\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"nonsense\"}\n",
    )
    .unwrap();
    let error = world.run(&folder).await.unwrap_err();
    assert_eq!(Problem::from(error).code, Code::PipelineDamaged);
    assert!(folder.active().exists());
}

#[tokio::test]
async fn what_a_job_leaves_behind_is_ended() {
    // In the job's session, and in one of its own; both would hold the job's output open.
    let world =
        World::new(&checks("run = [\"sleep 1000 &\", \"setsid sleep 1000 &\", \"echo 80 > covered\"]"));
    let folder = world.begin("ship-1");
    assert_eq!(world.run(&folder).await.unwrap(), None);
    let marked = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let all = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let wanted = format!("TMPDIR={}", folder.temporary().display());
        all.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes())
    });
    assert_eq!(marked.count(), 0);
}

#[tokio::test]
async fn another_attempt_finds_the_checkout_as_the_first_did() {
    let lines = [
        "echo x >> ../count",
        "test ! -e left",
        "test ! -e new",
        "grep -q 1 changed",
        "test -x gone",
        "mkdir -p modules new/modules",
        "echo x >> modules/x",
        "touch left new/deep",
        "echo 2 > changed",
        "rm gone",
        "test $(wc -l < ../count) = 2 || exit 75",
        "test $(wc -l < modules/x) = 2",
        "echo 80 > covered",
    ];
    let keys = format!(
        "run = {lines:?}\nretry = {{ attempts = 2, on = [\"exit:75\"] }}\ncache = {{ paths = [\"modules\"] }}"
    );
    let world = World::new(&checks(&keys));
    for name in ["changed", "gone"] {
        std::fs::write(world.project().join(name), "1\n").unwrap();
    }
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(world.project().join("gone"), executable).unwrap();
    world.commit();
    let folder = world.begin("ship-1");
    assert_eq!(world.run(&folder).await.unwrap(), None);
    assert_eq!(std::fs::read_to_string(folder.path().join("count")).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn what_a_link_of_an_attempt_leads_to_is_left_alone() {
    let lines = [
        "echo x >> ../count",
        "test $(wc -l < ../count) = 2 || { rm -r data reports; ln -s ../beside data; ln -s ../beside reports; exit 75; }",
        "test ! -L data",
        "test $(cat data/kept) = ours",
        "test $(cat reports/kept) = ours",
        "echo 80 > covered",
    ];
    let keys = format!("run = {lines:?}\nretry = {{ attempts = 2, on = [\"exit:75\"] }}");
    let world = World::new(&checks(&keys));
    for name in ["data", "reports"] {
        std::fs::create_dir(world.project().join(name)).unwrap();
        std::fs::write(world.project().join(name).join("kept"), "ours\n").unwrap();
    }
    world.commit();
    let folder = world.begin("ship-1");
    let beside = folder.path().join("beside");
    std::fs::create_dir(&beside).unwrap();
    std::fs::write(beside.join("kept"), "theirs\n").unwrap();
    assert_eq!(world.run(&folder).await.unwrap(), None);
    assert_eq!(std::fs::read_to_string(beside.join("kept")).unwrap(), "theirs\n");
}

#[tokio::test]
async fn a_file_that_cannot_be_had_again_is_named() {
    let lines = ["echo x >> new", "test $(wc -l < new) = 3 || exit 75", "echo 80 > covered"];
    let keys = format!("run = {lines:?}\nretry = {{ attempts = 2, on = [\"exit:75\"] }}");
    let world = World::new(&checks(&keys));
    // What is in no commit git does not have.
    std::fs::write(world.project().join("new"), "x\n").unwrap();
    let folder = world.begin("ship-1");
    assert_eq!(world.run(&folder).await.unwrap(), None);
    let said = read_log(&folder.events()).unwrap().into_iter().find_map(|recorded| match recorded.event {
        Event::JobBegan { attempt: 2, because, .. } => because,
        _ => None,
    });
    assert_eq!(
        said.as_deref(),
        Some("again; new, which the commit does not have, is as the last attempt left it")
    );
}

#[tokio::test]
async fn what_jobs_of_the_same_time_have_made_is_left_to_them() {
    let lines = [
        "until test -e of-the-other; do sleep 0.02; done",
        "test ! -e covered",
        "echo 80 > covered",
        "echo x >> ../count",
        "test $(wc -l < ../count) = 2 || exit 75",
        "touch ../go",
    ];
    let keys = format!("run = {lines:?}\nretry = {{ attempts = 2, on = [\"exit:75\"] }}");
    let other = "[pipeline.stage.jobs.other]\nrun = [\"touch of-the-other\", \"until test -e ../go; do sleep 0.02; done\", \
                 \"test -e of-the-other\"]\n";
    let world = World::new(&format!("{}{other}", checks(&keys)));
    let folder = world.begin("ship-1");
    assert_eq!(world.run(&folder).await.unwrap(), None);
}

/// A run whose runner died after these events, and that somebody has asked to end before the next one was there.
fn orphaned(world: &World, events: &[Event]) -> RunFolder {
    let folder = world.begin("ship-1");
    let begun = [
        Event::CheckedOut { changed: 0 },
        Event::StageBegan { stage: "build".to_owned() },
        Event::ArtifactMade { stage: "build".to_owned(), artifact: "sha256:1".to_owned() },
        Event::WorkDone { stage: "build".to_owned(), problem: None },
        Event::StageEnded { stage: "build".to_owned(), passed: true },
        Event::StageBegan { stage: "staging".to_owned() },
    ];
    write_log(&folder, &[&begun[..], events].concat());
    std::fs::write(folder.abort(), "somebody").unwrap();
    folder
}

fn write_log(folder: &RunFolder, events: &[Event]) {
    let lines = events.iter().enumerate().map(|(at, event)| {
        let recorded = Recorded { sequence: at as u64 + 1, at: now(), event: event.clone() };
        serde_json::to_string(&recorded).unwrap() + "\n"
    });
    std::fs::write(folder.events(), lines.collect::<String>()).unwrap();
}

#[tokio::test]
async fn a_deploy_whose_runner_died_is_ended_with_its_run() {
    let staging = || "staging".to_owned();
    let began = Event::DeployBegan { stage: staging(), environment: "staging".to_owned() };
    let runs = Event::DeployRuns { stage: staging(), run: "run-7".to_owned() };
    // The name of its run was written down; it was not; nobody had heard of it yet.
    for (events, known, said) in [
        (vec![began.clone(), runs], Some("run-7"), vec!["abort run-7"]),
        (vec![began.clone()], Some("run-7"), vec!["asked for staging?", "abort run-7"]),
        (vec![began], None, vec!["asked for staging?"]),
    ] {
        let mut world = World::new(DEPLOYS);
        world.outside.known = known.map(str::to_owned);
        world.outside.refuses = Some(Problem::new(Code::Aborted, "it was rolled back", "deploy again"));
        let folder = orphaned(&world, &events);
        let problem = world.run(&folder).await.unwrap().unwrap();
        assert_eq!(problem.code, Code::Aborted, "{problem}");
        assert_eq!(*world.outside.said.borrow(), said);
        assert_eq!(record(&folder).passed, Some(false));
        assert!(!folder.active().exists());
    }
}

#[tokio::test]
async fn a_run_whose_values_are_gone_is_ended_and_its_deploy_is_seen_to_its_end() {
    let staging = || "staging".to_owned();
    let began = Event::DeployBegan { stage: staging(), environment: "staging".to_owned() };
    let runs = Event::DeployRuns { stage: staging(), run: "run-7".to_owned() };
    let gone = || Private::missing(Problem::new(Code::ConfigurationUnreadable, "no key", "ship again"));
    for (is_aborted, code, said) in [
        (false, Code::ConfigurationUnreadable, Vec::new()),
        (true, Code::Aborted, vec!["abort run-7".to_owned()]),
    ] {
        let mut world = World::new(DEPLOYS);
        // One that is aborted goes on until then.
        world.outside.known = is_aborted.then(|| "run-7".to_owned());
        let folder = orphaned(&world, &[began.clone(), runs.clone()]);
        if !is_aborted {
            std::fs::remove_file(folder.abort()).unwrap();
        }
        let problem = world.run_with(&folder, &gone()).await.unwrap().unwrap();
        assert_eq!(problem.code, code, "{problem}");
        assert_eq!(*world.outside.said.borrow(), said);
        assert!(!folder.active().exists() && !folder.abort().exists());
        assert_eq!(record(&folder).passed, Some(false));
        let done = |event: &Recorded| matches!(event.event, Event::WorkDone { .. });
        assert_eq!(read_log(&folder.events()).unwrap().iter().filter(|event| done(event)).count(), 2);
    }
    // A job that was under way is over, and no line of it is run any more.
    let world = World::new(&checks("run = \"echo 80 > covered\"\nfinally = \"touch ../finally\""));
    let folder = world.begin("ship-1");
    let unit = || ("checks".to_owned(), "unit".to_owned());
    let (stage, job) = unit();
    let began = Event::JobBegan { stage, job, attempt: 1, because: None };
    let events = [Event::CheckedOut { changed: 0 }, Event::StageBegan { stage: unit().0 }, began];
    write_log(&folder, &events);
    let problem = world.run_with(&folder, &gone()).await.unwrap().unwrap();
    assert_eq!(problem.code, Code::ConfigurationUnreadable);
    assert!(!folder.active().exists() && !folder.path().join("finally").exists());
    let begun = |event: &&Recorded| matches!(event.event, Event::JobBegan { .. });
    assert_eq!(read_log(&folder.events()).unwrap().iter().filter(begun).count(), 1);
}

/// Where this test is told, run once more as another user, which program makes root of it.
const BECOME: &str = "BASCULE_TEST_BECOME";

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "this is how the test that runs as another user is told so")]
async fn what_may_not_be_signalled_fails_its_job_and_finally_is_run() {
    if let Ok(become_root) = std::env::var(BECOME) {
        let keys = format!(
            "run = [\"{become_root} --reuid 0 --regid 0 --clear-groups sleep 1000 &\", \
             \"until grep -q sleep /proc/$!/comm; do sleep 0.02; done\", \"echo 80 > covered\"]\ntimeout = \"5m\"\n\
             env.TAG = {become_root:?}\nfinally = \"echo ran > ../finally\""
        );
        let world = World::new(&checks(&keys));
        let folder = world.begin("ship-1");
        let problem = world.run(&folder).await.unwrap().unwrap();
        assert_eq!(problem.code, Code::JobFailed);
        let named = "the job checks/unit passed, and one of its processes could not be ended: sleep (pid ";
        assert!(problem.message.starts_with(named), "{problem}");
        assert!(folder.path().join("finally").exists());
        assert!(!folder.active().exists());
        return;
    }
    // Only root can make what another user may not signal.
    if !std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        return;
    }
    let folder = tempfile::Builder::new().prefix("bascule-become-").tempdir_in("/tmp").unwrap();
    // Nor where no program makes root of anybody.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let place = rustix::fs::statvfs(folder.path()).unwrap();
    if status.contains("NoNewPrivs:\t1") || place.f_flag.contains(rustix::fs::StatVfsMountFlags::NOSUID) {
        return;
    }
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    let (become_root, own) = (folder.path().join("become"), folder.path().join("test"));
    let found = ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().find(|path| Path::new(path).exists());
    std::fs::copy(found.expect("setpriv is there"), &become_root).unwrap();
    std::fs::copy(std::env::current_exe().unwrap(), &own).unwrap();
    mode(folder.path(), 0o755);
    mode(&become_root, 0o4755);
    mode(&own, 0o755);
    let output = Command::new("setpriv")
        .args(["--reuid", "61005", "--regid", "61005", "--clear-groups"])
        .arg(&own)
        .args(["--exact", "what_may_not_be_signalled_fails_its_job_and_finally_is_run", "--nocapture"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder.path())
        .env(BECOME, &become_root)
        .output()
        .unwrap();
    let tag = format!("TAG={}", become_root.display());
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let all = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if all.split(|byte| *byte == 0).any(|one| one == tag.as_bytes()) {
            let pid = entry.file_name().to_string_lossy().into_owned();
            Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        }
    }
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}
