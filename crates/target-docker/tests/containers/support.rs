//! A state folder and an owner label of its own for each test, releases of small commands, and waiting for states.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{Clock, LogQuery, PortError, SlotRef, SlotSpec, Target, Vault};
use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, ServiceName, Slot};
use bascule_model::manifest::InstanceText;
use bascule_model::problem::Problem;
use bascule_model::release::{
    Configuration, Container, Health, Limits, OnDrift, OnNoData, Pods, Probe, Release, Rollout, Service,
    Stop, TargetKind, Traffic,
};
use bascule_target_docker::{Connection, DockerOptions, DockerTarget, Reach};
use bollard::Docker;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::engine;

/// Longest wait for a state that has to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The real time.
pub struct SystemClock(std::time::Instant);

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

/// A vault that seals nothing: what is sealed is the vault's own affair.
struct OpenVault;

impl Vault for OpenVault {
    fn seal(&self, _: &ReleaseId, configuration: &Configuration) -> Result<Vec<u8>, Problem> {
        Ok(serde_json::to_vec(configuration).unwrap())
    }

    fn open(&self, _: &ReleaseId, sealed: &[u8]) -> Result<Configuration, Problem> {
        Ok(serde_json::from_slice(sealed).unwrap())
    }

    fn fingerprint(&self, value: &str) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        format!("{:x}", hasher.finish())
    }
}

/// An engine, a state folder, an owner.
pub struct World {
    folder: TempDir,
    pub connection: Arc<Connection>,
    pub docker: Docker,
    pub image: String,
    pub state_id: String,
    pub reach: Option<Reach>,
}

impl World {
    /// With the engine that the tests were given; none where there is none.
    pub async fn new() -> Option<Self> {
        Some(Self::at(engine::reachable().await?).await)
    }

    pub async fn at(connection: Arc<Connection>) -> Self {
        let docker = connection.client().await.unwrap().clone();
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap().to_lowercase();
        let image = engine::usual(&docker).await;
        let state_id = format!("test{}", name.replace('.', ""));
        Self { folder, connection, docker, image, state_id, reach: None }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub async fn target(&self) -> Arc<DockerTarget> {
        DockerTarget::open(DockerOptions {
            state_dir: self.state(),
            state_id: self.state_id.clone(),
            connection: Arc::new(Connection::new(self.connection.socket())),
            clock: Arc::new(SystemClock(std::time::Instant::now())),
            vault: Arc::new(OpenVault),
            reach: self.reach,
            memory_folders: vec!["/run".into(), "/dev/shm".into()],
        })
        .await
        .unwrap()
    }

    /// Names of containers are the engine's, whosever they are: each test has an app of its own.
    pub fn key(&self) -> EnvironmentKey {
        format!("{}/test", self.state_id).parse().unwrap()
    }

    pub fn network(&self) -> String {
        format!("{0}-test-{0}", self.state_id)
    }

    /// The records of a release.
    pub fn records(&self, spec: &SlotSpec) -> PathBuf {
        self.state().join("instances").join(&self.state_id).join("test").join(spec.release.id.as_str())
    }

    pub async fn containers(&self) -> Vec<String> {
        engine::containers(&self.docker, &self.state_id).await
    }

    pub fn release(&self, number: u64, services: Vec<Service>) -> Release {
        Release {
            id: ReleaseId::new(number, "abcdef0123"),
            number,
            key: self.key(),
            target: TargetKind::Docker,
            artifact: self.image.clone(),
            drift: OnDrift::Repair,
            cluster: None,
            listen: "127.0.0.1:0".parse().unwrap(),
            hosts: Vec::new(),
            services,
            rollout: Rollout {
                deadline: Duration::from_secs(30),
                bake: Duration::ZERO,
                max_error_rate: 0.01,
                max_p95: Duration::from_secs(1),
                min_requests: 1,
                on_no_data: OnNoData::Probe,
                warm: Duration::ZERO,
                keep: 1,
                rolling: None,
            },
            tasks: Vec::new(),
            schema: None,
            secrets: Default::default(),
            provenance: None,
            content: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        engine::clean_up(self.connection.socket().to_owned(), self.state_id.clone());
    }
}

pub const FENCE: Generation = Generation(1);

/// A worker that runs a shell script.
pub fn worker(script: &str) -> Service {
    service(&["sh", "-c", script])
}

pub fn service(command: &[&str]) -> Service {
    Service {
        name: "web".parse().unwrap(),
        command: command.iter().map(|text| InstanceText::literal(text)).collect(),
        container: Some(Container::default()),
        secret_files: Vec::new(),
        traffic: None,
        instances: 1,
        pods: Pods::default(),
        drain: Duration::ZERO,
        stop: Stop { signal: 15, grace: Duration::from_secs(2) },
        limits: Limits::default(),
        health: Health {
            probe: Probe::Uptime,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            start_period: Duration::from_secs(5),
            healthy_after: 1,
            unhealthy_after: 1,
        },
        configuration: BTreeMap::new(),
    }
}

/// A server on its `PORT`.
pub fn web() -> Service {
    Service {
        traffic: Some(Traffic { port: 8080, path: "/".to_owned(), hosts: Vec::new() }),
        ..worker("exec httpd -f -p $PORT -h /www")
    }
}

pub fn spec(release: Release) -> SlotSpec {
    SlotSpec { release, slot: Slot::Blue, configuration: Configuration::default() }
}

pub fn with_env(mut spec: SlotSpec, values: &[(&str, &str)]) -> SlotSpec {
    let name: ServiceName = "web".parse().unwrap();
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), InstanceText::literal(value)));
    spec.configuration.env.insert(name, values.collect());
    spec
}

pub fn slot(spec: &SlotSpec) -> SlotRef {
    SlotRef { key: spec.release.key.clone(), slot: spec.slot, release: spec.release.id.clone() }
}

pub fn instance(spec: &SlotSpec, n: u32) -> InstanceId {
    InstanceId::new(&spec.release.key, &spec.release.id, &"web".parse().unwrap(), n)
}

/// Waits until the first instance is as wanted.
pub async fn until(
    target: &DockerTarget,
    slot: &SlotRef,
    wanted: impl Fn(&InstanceStatus) -> bool,
) -> InstanceStatus {
    until_all(target, slot, |all| all.first().is_some_and(&wanted)).await.remove(0)
}

/// Waits until the instances are as wanted.
pub async fn until_all(
    target: &DockerTarget,
    slot: &SlotRef,
    wanted: impl Fn(&[InstanceStatus]) -> bool,
) -> Vec<InstanceStatus> {
    let begun = std::time::Instant::now();
    loop {
        let all = target.observe(slot).await.unwrap();
        if wanted(&all) {
            return all;
        }
        assert!(begun.elapsed() < PATIENCE, "{all:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn runs(status: &InstanceStatus) -> bool {
    matches!(status.state, InstanceState::Running { .. })
}

/// Waits until the lines of the first instance are as wanted.
pub async fn until_lines(
    target: &DockerTarget,
    spec: &SlotSpec,
    wanted: impl Fn(&[String]) -> bool,
) -> Vec<String> {
    let begun = std::time::Instant::now();
    loop {
        let lines = lines(target, spec).await;
        if wanted(&lines) {
            return lines;
        }
        assert!(begun.elapsed() < PATIENCE, "{lines:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn lines(target: &DockerTarget, spec: &SlotSpec) -> Vec<String> {
    let query = LogQuery { release: spec.release.id.clone(), service: None, tail: 100 };
    let logs = target.logs(&spec.release.key, &query).await.unwrap();
    logs.into_iter().next().map(|log| log.lines).unwrap_or_default()
}

/// Asks over HTTP; the body.
pub async fn get(address: std::net::SocketAddr) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Asks until it answers.
pub async fn until_answers(address: std::net::SocketAddr) -> String {
    let begun = std::time::Instant::now();
    loop {
        // A packet to an address that nobody has at this moment may be lost for long.
        match tokio::time::timeout(Duration::from_secs(2), get(address)).await {
            Ok(Ok(answer)) if !answer.is_empty() => return answer,
            other => assert!(begun.elapsed() < PATIENCE, "{address}: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn problem<T: std::fmt::Debug>(result: Result<T, PortError>) -> Problem {
    match result.unwrap_err() {
        PortError::Problem(problem) => problem,
        other => panic!("no problem to show: {other:?}"),
    }
}
