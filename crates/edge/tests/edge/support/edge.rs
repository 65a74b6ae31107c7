//! An edge in a process of its own, and the routes that the tests give it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bascule_edge::{
    EdgeClient, EdgeOptions, InstanceRoute, Limits, ServiceRoute, SlotRoute, SwitchReceipt, wait_ready,
};
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, Slot};

use super::PATIENCE;

pub const STATE: &str = "EDGE_UNDER_TEST_STATE";
const LIMITS: &str = "EDGE_UNDER_TEST_LIMITS";

/// In the process that [`Edge::start`] made: be the edge. Anywhere else: nothing.
#[expect(clippy::disallowed_methods, reason = "this is the wiring of the process under test")]
pub fn run_if_asked() {
    let Ok(state_dir) = std::env::var(STATE) else { return };
    let mut options = EdgeOptions::new(state_dir, "under-test");
    options.workers = 2;
    options.limits.leave_drain = Duration::from_secs(3);
    let settings = std::env::var(LIMITS).unwrap_or_default();
    for (name, number) in settings.split(',').filter_map(|setting| setting.split_once('=')) {
        set(&mut options.limits, name, number.parse().unwrap());
    }
    bascule_edge::run(options).unwrap();
}

fn set(limits: &mut Limits, name: &str, number: u64) {
    let time = Duration::from_millis(number);
    match name {
        "connections" => limits.connections = number as usize,
        "head_timeout" => limits.head_timeout = time,
        "idle_timeout" => limits.idle_timeout = time,
        "body_idle_timeout" => limits.body_idle_timeout = time,
        "upstream_timeout" => limits.upstream_timeout = time,
        "connect_timeout" => limits.connect_timeout = time,
        "pool_idle_timeout" => limits.pool_idle_timeout = time,
        other => panic!("no limit {other}"),
    }
}

/// A running edge; ended when dropped.
pub struct Edge {
    pub client: EdgeClient,
    process: Process,
    generation: AtomicU64,
}

impl Edge {
    /// Starts one with a state folder and limits like `head_timeout=300` (ms).
    pub async fn start(state_dir: &Path, limits: &str) -> Self {
        let process = Process(spawn(state_dir, limits));
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            // An edge that is being replaced answers as well: wait for the new one.
            let client = wait_ready(state_dir, PATIENCE).await.unwrap();
            if client.pid() == process.0.id() {
                return Self { client, process, generation: AtomicU64::new(1) };
            }
            assert!(tokio::time::Instant::now() < until, "the new edge never answered");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn fence(&self) -> Generation {
        Generation(self.generation.load(Ordering::Relaxed))
    }

    pub async fn listen(&self) -> (SocketAddr, OwnedFd) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let kept = socket.try_clone().unwrap();
        self.client.give_listener(address, socket.into()).await.unwrap();
        (address, kept.into())
    }

    /// Puts a release into a slot.
    pub async fn put(&self, listen: SocketAddr, slot: Slot, release: &str, instances: &[SocketAddr]) {
        self.client.put_slot(self.fence(), route(listen, slot, release, instances)).await.unwrap();
    }

    /// Moves the traffic, whoever has it.
    pub async fn switch(&self, slot: Slot, release: &str) -> SwitchReceipt {
        let live = self.live().await.map(|(_, release)| release);
        let to = ReleaseId::from_text(release);
        self.client.switch(self.fence(), &key(), live.as_ref(), Some((slot, &to))).await.unwrap()
    }

    pub async fn live(&self) -> Option<(Slot, ReleaseId)> {
        self.client
            .state()
            .await
            .unwrap()
            .environment(&key())
            .and_then(|environment| environment.live.clone())
    }

    /// A listener with one live release on these instances.
    pub async fn serve(&self, instances: &[SocketAddr]) -> SocketAddr {
        let (listen, _) = self.listen().await;
        self.put(listen, Slot::Blue, "r1", instances).await;
        self.switch(Slot::Blue, "r1").await;
        listen
    }

    /// Ends it without warning.
    pub fn kill(mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.process.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) {
        super::eventually("the edge ends", async || self.process.0.try_wait().unwrap().is_some()).await;
        assert!(self.process.0.wait().unwrap().success());
    }
}

/// A process that does not outlive the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(state_dir: &Path, limits: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "edge_process", "--nocapture"])
        .env(STATE, state_dir)
        .env(LIMITS, limits)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

pub fn key() -> EnvironmentKey {
    "shop/staging".parse().unwrap()
}

pub fn route(listen: SocketAddr, slot: Slot, release: &str, instances: &[SocketAddr]) -> SlotRoute {
    let instances = instances.iter().enumerate().map(|(n, address)| InstanceRoute {
        id: InstanceId::from_text(format!("{release}-{n}")),
        address: *address,
    });
    let service = ServiceRoute {
        hosts: Vec::new(),
        service: "web".parse().unwrap(),
        path: "/".to_owned(),
        health_path: None,
        instances: instances.collect(),
    };
    SlotRoute {
        key: key(),
        slot,
        release: ReleaseId::from_text(release),
        listen,
        hosts: Vec::new(),
        services: vec![service],
    }
}
