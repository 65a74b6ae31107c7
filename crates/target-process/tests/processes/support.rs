//! A state folder of its own for each test, releases made of shell scripts, and waiting for states.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{Clock, LogQuery, PortError, SlotRef, SlotSpec, Target};
use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::{Generation, InstanceId, ReleaseId, ServiceName, Slot};
use bascule_model::manifest::InstanceText;
use bascule_model::release::{
    Configuration, Health, Limits, OnDrift, OnNoData, Pods, Probe, Release, Rollout, Service, Source, Stop,
    TargetKind, Traffic,
};
use bascule_secrets::redact::Redactor;
use bascule_target_process::{ArtifactStore, FileVault, ProcessOptions, ProcessTarget};
use jiff::Timestamp;
use tempfile::TempDir;

/// Longest wait for a state that has to come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The real time.
pub struct SystemClock(std::time::Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the wiring of the tests")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A state folder and a project beside it.
pub struct World {
    folder: TempDir,
    /// The fence of all calls.
    pub generation: Generation,
    pub log_limit: u64,
}

/// A state folder that belongs to another process's test.
pub struct Foreign {
    state: PathBuf,
    log_limit: u64,
}

impl Foreign {
    pub fn new(state: &Path) -> Self {
        Self { state: state.to_owned(), log_limit: 1024 * 1024 }
    }

    /// Tells this test's processes from those of every other.
    pub fn state_id(&self) -> String {
        let name = self.state.parent().unwrap().file_name().unwrap().to_str().unwrap();
        format!("test{}", name.replace('.', "-"))
    }

    fn store(&self) -> ArtifactStore {
        ArtifactStore::open(&self.state.join("artifacts"), environment()).unwrap()
    }

    pub fn options(&self) -> ProcessOptions {
        ProcessOptions {
            state_dir: self.state.clone(),
            state_id: self.state_id(),
            environment: environment(),
            log_limit: self.log_limit,
            clock: Arc::new(SystemClock::default()),
            artifacts: Arc::new(self.store()),
            vault: Arc::new(FileVault::open(&self.state).unwrap()),
            memory_folders: vec![PathBuf::from("/dev/shm")],
        }
    }
}

pub fn environment() -> BTreeMap<String, String> {
    let pairs =
        [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/nowhere"), ("LANG", "C"), ("TZ", "UTC")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("project")).unwrap();
        Self { folder, generation: Generation(1), log_limit: 1024 * 1024 }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The same world for whoever knows its state folder only.
    fn foreign(&self) -> Foreign {
        Foreign { log_limit: self.log_limit, ..Foreign::new(&self.state()) }
    }

    /// Where its secrets that are files are.
    pub fn secret_files(&self) -> PathBuf {
        Path::new("/dev/shm/bascule").join(format!("{}-processes", self.state_id()))
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn state_id(&self) -> String {
        self.foreign().state_id()
    }

    pub fn store(&self) -> ArtifactStore {
        self.foreign().store()
    }

    pub fn options(&self) -> ProcessOptions {
        self.foreign().options()
    }

    pub async fn target(&self) -> Arc<ProcessTarget> {
        ProcessTarget::open(self.options()).await.unwrap()
    }

    /// Puts an executable script into the project.
    pub fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.project().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub fn source(&self, command: Option<&str>, files: &[&str]) -> Source {
        Source {
            project: self.project(),
            command: command.map(ToOwned::to_owned),
            files: files.iter().map(|name| (*name).to_owned()).collect(),
            image: None,
            migrations: None,
        }
    }

    /// An artifact of project files.
    pub async fn artifact(&self, files: &[&str]) -> String {
        self.store()
            .make(&self.source(None, files), &self.project().join("build.log"), &Redactor::none())
            .await
            .unwrap()
    }

    /// Kills whatever of this world still runs, when a test has failed in the middle.
    fn sweep(&self) {
        let mark = format!("BASCULE_STATE_ID={}", self.state_id());
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                let _ = rustix::process::kill_process(
                    rustix::process::Pid::from_raw(pid).unwrap(),
                    rustix::process::Signal::KILL,
                );
            }
        }
    }

    /// The processes that carry this world's mark and have not ended.
    pub fn processes(&self) -> Vec<i32> {
        self.marked(|_| true)
    }

    /// Those of some services' instances.
    pub fn processes_of(&self, services: &[&str]) -> Vec<i32> {
        self.marked(|variables| {
            services.iter().any(|service| {
                let part = format!("-{service}-");
                variables.iter().any(|v| v.starts_with("BASCULE_INSTANCE=") && v.contains(&part))
            })
        })
    }

    fn marked(&self, also: impl Fn(&[String]) -> bool) -> Vec<i32> {
        let mark = format!("BASCULE_STATE_ID={}", self.state_id());
        let pids = fs::read_dir("/proc").unwrap().flatten();
        pids.filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let environment = fs::read(entry.path().join("environ")).ok()?;
            let variables: Vec<String> = environment
                .split(|byte| *byte == 0)
                .map(|v| String::from_utf8_lossy(v).into_owned())
                .collect();
            (variables.contains(&mark) && also(&variables)).then_some(pid)
        })
        .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.sweep();
        let _ = fs::remove_dir_all(self.secret_files());
    }
}

/// A service that runs a shell line.
pub fn shell(name: &str, line: &str) -> Service {
    command(name, &["/bin/sh", "-c", line])
}

/// A service with this command; `$PORT` in it is the instance's port.
pub fn command(name: &str, words: &[&str]) -> Service {
    Service {
        name: name.parse().unwrap(),
        container: None,
        secret_files: Vec::new(),
        command: words.iter().map(|word| text(word)).collect(),
        traffic: None,
        instances: 1,
        pods: Pods::default(),
        drain: Duration::ZERO,
        stop: Stop { signal: 15, grace: Duration::from_secs(10) },
        limits: Limits::default(),
        health: Health {
            probe: Probe::Uptime,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            start_period: Duration::from_secs(60),
            healthy_after: 1,
            unhealthy_after: 3,
        },
        configuration: BTreeMap::new(),
    }
}

/// A literal text in which `$PORT` is open.
pub fn text(word: &str) -> InstanceText {
    let mut pieces = word.split("$PORT");
    let mut text = InstanceText::literal(pieces.next().unwrap_or_default());
    for piece in pieces {
        text.push_variable("PORT");
        text.push_literal(piece);
    }
    text
}

/// The same as a service that gets traffic.
pub fn with_traffic(service: Service) -> Service {
    Service { traffic: Some(Traffic { port: 3000, path: "/".to_owned(), hosts: Vec::new() }), ..service }
}

pub fn release(number: u64, artifact: &str, services: Vec<Service>) -> Release {
    Release {
        id: ReleaseId::new(number, "abcdef"),
        number,
        key: "shop/staging".parse().unwrap(),
        target: TargetKind::Process,
        drift: OnDrift::Repair,
        artifact: artifact.to_owned(),
        cluster: None,
        listen: ([127, 0, 0, 1], 0).into(),
        hosts: Vec::new(),
        services,
        rollout: Rollout {
            deadline: Duration::from_secs(60),
            bake: Duration::ZERO,
            max_error_rate: 0.0,
            max_p95: Duration::from_secs(1),
            min_requests: 0,
            on_no_data: OnNoData::Probe,
            warm: Duration::ZERO,
            keep: 1,
            rolling: None,
        },
        tasks: Vec::new(),
        schema: None,
        secrets: Default::default(),
        provenance: None,
        content: "abcdef".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

/// The release in blue.
pub fn blue(release: Release) -> SlotSpec {
    SlotSpec { release, slot: Slot::Blue, configuration: Configuration::default() }
}

/// What names the slot of a specification.
pub fn reference(spec: &SlotSpec) -> SlotRef {
    SlotRef { key: spec.release.key.clone(), slot: spec.slot, release: spec.release.id.clone() }
}

pub fn pid(status: &InstanceStatus) -> i32 {
    match status.state {
        InstanceState::Running { pid } | InstanceState::Stopping { pid } => i32::try_from(pid).unwrap(),
        ref other => panic!("not running: {other:?}"),
    }
}

/// Waits until what is asked has an answer.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("did not come: {what}"),
    }
}

/// Waits until the slot's instances are as asked.
pub async fn observed(
    target: &dyn Target,
    slot: &SlotRef,
    what: &str,
    fits: impl Fn(&[InstanceStatus]) -> bool,
) -> Vec<InstanceStatus> {
    let mut last = Vec::new();
    let waiting = async {
        loop {
            last = target.observe(slot).await.unwrap();
            if fits(&last) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
    assert!(came, "did not come: {what}; last seen: {last:#?}");
    last
}

/// The last lines of the only instance of a service.
pub async fn lines(target: &dyn Target, slot: &SlotRef, service: &str) -> Vec<String> {
    let service: ServiceName = service.parse().unwrap();
    let query = LogQuery { release: slot.release.clone(), service: Some(service), tail: 100 };
    target.logs(&slot.key, &query).await.unwrap().into_iter().flat_map(|log| log.lines).collect()
}

/// Waits until the service has written this line.
pub async fn line(target: &dyn Target, slot: &SlotRef, service: &str, wanted: &str) {
    eventually(&format!("the line {wanted:?}"), async || {
        lines(target, slot, service).await.iter().any(|line| line == wanted).then_some(())
    })
    .await;
}

/// Whether a process is there and has not ended.
pub fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

pub fn instance(slot: &SlotRef, service: &str, n: u32) -> InstanceId {
    InstanceId::new(&slot.key, &slot.release, &service.parse().unwrap(), n)
}

pub fn problem(error: impl Into<PortError>) -> bascule_model::problem::Problem {
    error.into().into()
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
