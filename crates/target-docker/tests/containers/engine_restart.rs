//! The engine itself is restarted, gracefully and by a kill. For that it is one of the test's own: it needs root, `dockerd` and
//! `ip`; without them the test says so and does nothing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bascule_engine::ports::Target;
use bascule_model::evidence::InstanceState;
use bascule_model::release::{OnDrift, Service};
use bascule_target_docker::Connection;

use crate::support::*;

/// An engine of this test's own, with a bridge of its own: one without would take away the bridge of the machine's engine.
struct Engine {
    folder: tempfile::TempDir,
    bridge: String,
    daemon: Option<Child>,
}

impl Engine {
    fn new() -> Option<Self> {
        let is_root = rustix::process::geteuid().is_root();
        let has = |program: &str| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        if !is_root || !has("dockerd") || !has("ip") {
            eprintln!("SKIPPED: an engine of its own needs root, dockerd and ip");
            return None;
        }
        let bridge = format!("bt{}", std::process::id());
        let engine = Self { folder: tempfile::tempdir().unwrap(), bridge, daemon: None };
        let made = engine.ip(&["link", "add", &engine.bridge, "type", "bridge"])
            && engine.ip(&["addr", "add", "10.213.77.1/24", "dev", &engine.bridge])
            && engine.ip(&["link", "set", &engine.bridge, "up"]);
        if !made {
            eprintln!("SKIPPED: an engine of its own needs a bridge, which cannot be made here");
            return None;
        }
        Some(engine)
    }

    fn ip(&self, words: &[&str]) -> bool {
        Command::new("ip").args(words).status().is_ok_and(|status| status.success())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("docker.sock")
    }

    fn start(&mut self) {
        let at = |name: &str| self.path(name).display().to_string();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        // Daemons that were killed leave their numbers: a later process may have them by now, or nobody buries the dead here.
        let _ = std::fs::remove_file(self.path("pid"));
        let _ = std::fs::remove_file(self.path("exec/containerd/containerd.pid"));
        // An engine that begins again and has pools of addresses of its own takes away `docker0`, whoever has that.
        let is_first = !self.path("data/network").exists();
        let pool = ["--default-address-pool", "base=10.214.0.0/16,size=24"];
        let daemon = Command::new("dockerd")
            .args(["--host", &format!("unix://{}", at("docker.sock"))])
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--bridge", &self.bridge, "--iptables=false", "--ip-masq=false"])
            .args(pool.iter().filter(|_| is_first))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.daemon = Some(daemon);
    }

    async fn connection(&self) -> Option<Arc<Connection>> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let connection = Connection::new(self.socket());
            if connection.client().await.is_ok() {
                return Some(Arc::new(connection));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        eprintln!("SKIPPED: the engine does not start here: {}", tail(&self.path("log")));
        None
    }

    fn end(&mut self, signal: rustix::process::Signal) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let pid = rustix::process::Pid::from_child(&daemon);
        rustix::process::kill_process(pid, signal).unwrap();
        daemon.wait().unwrap();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(daemon) = &self.daemon {
            let pid = rustix::process::Pid::from_child(daemon);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.wait();
        }
        self.ip(&["link", "del", &self.bridge]);
        // The engine leaves its folder mounted over itself, which would keep it from being removed.
        let _ = Command::new("umount").arg("--lazy").arg(self.path("data")).stderr(Stdio::null()).status();
    }
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_come_back_with_the_engine() {
    let Some(mut engine) = Engine::new() else { return };
    engine.start();
    let Some(connection) = engine.connection().await else { return };
    let world = World::at(connection).await;
    let target = world.target().await;
    let mut release = world.release(1, vec![Service { instances: 2, ..web() }]);
    // Also where what somebody does by hand is left: an engine is nobody's hand.
    release.drift = OnDrift::Report;
    let spec = spec(release);
    let begun = target.start(FENCE, &spec).await.unwrap();
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::KILL] {
        engine.end(signal);
        let away = Instant::now();
        while away.elapsed() < Duration::from_secs(1) {
            // Never an end of its own: a bake would blame the release.
            for status in target.observe(&slot(&spec)).await.unwrap() {
                let fits =
                    matches!(status.state, InstanceState::Running { .. } | InstanceState::Waiting { .. });
                assert!(fits, "{status:#?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        engine.start();
        engine.connection().await.unwrap();
        let before: Vec<_> = begun.iter().map(|status| status.address).collect();
        for status in &begun {
            assert!(until_answers(status.address.unwrap()).await.contains("hello"));
        }
        let now = until_all(&target, &slot(&spec), |all| all.iter().all(runs)).await;
        assert_eq!(now.iter().map(|status| status.address).collect::<Vec<_>>(), before);
        assert!(now.iter().all(|status| status.restarts == 0), "{now:#?}");
        assert!(target.drift(&slot(&spec)).await.is_empty(), "{:?}", target.drift(&slot(&spec)).await);
    }

    // Also when nobody looked.
    drop(target);
    engine.end(rustix::process::Signal::TERM);
    engine.start();
    engine.connection().await.unwrap();
    let target = world.target().await;
    until_all(&target, &slot(&spec), |all| all.iter().all(runs)).await;
    assert!(target.drift(&slot(&spec)).await.is_empty(), "{:?}", target.drift(&slot(&spec)).await);

    // A start that meets no engine waits for it.
    engine.end(rustix::process::Signal::TERM);
    let other = crate::support::spec(world.release(2, vec![web()]));
    let waiting = tokio::spawn({
        let (target, other) = (Arc::clone(&target), other.clone());
        async move { target.start(FENCE, &other).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished());
    engine.start();
    assert!(runs(&waiting.await.unwrap().unwrap()[0]));
    target.stop(FENCE, &slot(&other)).await.unwrap();
    target.stop(FENCE, &slot(&spec)).await.unwrap();
    assert!(world.containers().await.is_empty());
}
