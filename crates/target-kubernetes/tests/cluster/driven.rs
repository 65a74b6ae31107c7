//! The engine itself over a cluster in memory: whole runs, whose images and checks are given. What an environment's users get is what
//! its Service selects.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::context::Ports;
use bascule_engine::draft::Wish;
use bascule_engine::engine::{Begun, Engine, RunIds};
use bascule_engine::executor::Driven as Came;
use bascule_engine::home::{Seat, Shares};
use bascule_engine::ports::{
    Artifacts, CheckPlace, Checker, Hooks, Log, Logs, Made, Making, Namespace, NoMigrations, Point,
    PortError, Presence, Traffic as _,
};
use bascule_engine::take_over::Resumed;
use bascule_fake_cluster::{FakeCluster, Flavour};
use bascule_journal::{Journal as _, MemoryJournal};
use bascule_model::evidence::{CheckResult, ProbeResult, Status};
use bascule_model::ids::{ReleaseId, RunId};
use bascule_model::manifest::Policy;
use bascule_model::plan::ArtifactPlan;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Check, Configuration, Health, Source};
use bascule_model::run::Outcome;
use bascule_target_kubernetes::{Access, Clusters, KubernetesOptions, KubernetesTarget, KubernetesTraffic};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::support::{NAMESPACE, OpenVault, TestClock, epoch, image, key, spec};

/// So long a release is watched.
pub const BAKE: Duration = Duration::from_secs(10);

/// What the outside does that is not the cluster.
#[derive(Default)]
pub struct Outside {
    /// The number of the image that is made next.
    image: AtomicU64,
    /// Checks that fail: before the switch, after it.
    failing: Mutex<(bool, bool)>,
    /// How often each was asked.
    pub asked: (AtomicU64, AtomicU64),
    /// What happens at a point of a run, once.
    at: Mutex<BTreeMap<String, Deed>>,
    /// Where a run waits: who is told that it is there, and who lets it go on.
    held: Mutex<BTreeMap<String, Held>>,
    runs: AtomicU64,
    /// What tasks wrote.
    pub written: Arc<Mutex<Vec<u8>>>,
}

type Deed = Box<dyn FnOnce() + Send>;
type Held = (oneshot::Sender<()>, oneshot::Receiver<()>);

/// An environment of a cluster, and an engine.
pub struct Driven {
    pub cluster: FakeCluster,
    pub engine: Arc<Engine>,
    pub outside: Arc<Outside>,
    pub wish: Wish,
    pub traffic: Arc<KubernetesTraffic>,
    clock: Arc<TestClock>,
    pub journal: Arc<MemoryJournal>,
    state: Arc<TempDir>,
    whose: Whose,
}

/// Which journal, and which machine.
#[derive(Clone, Copy)]
struct Whose {
    owner: &'static str,
    home: &'static str,
    shares: Shares,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub outcome: Outcome,
    pub release: Option<ReleaseId>,
    pub cause: Option<Problem>,
}

impl Driven {
    /// Nothing is deployed yet. A former release stays for no time after a bake.
    pub fn new() -> Self {
        let outside = Arc::new(Outside::default());
        outside.image.store(1, Ordering::Relaxed);
        let cluster = FakeCluster::at(Flavour::New, NAMESPACE, epoch());
        let state = Arc::new(tempfile::tempdir().unwrap());
        let whose = Whose { owner: "state-1", home: "here", shares: Shares::Journal };
        Self::over(cluster, Arc::new(TestClock::new()), outside, (Arc::default(), state), whose, wish())
    }

    /// The same on a machine whose journal nobody shares.
    pub fn alone() -> Self {
        let mut alone = Self::new();
        alone.whose = Whose { owner: "state-1", home: "web1:/state", shares: Shares::Nothing };
        alone.next()
    }

    /// Another machine, with an empty state folder and nothing but the way to the same cluster.
    pub fn empty_machine(&self) -> Self {
        let kept = (Arc::default(), Arc::new(tempfile::tempdir().unwrap()));
        let whose = Whose { owner: "state-2", home: "web2:/state", shares: Shares::Nothing };
        self.with(kept, whose)
    }

    /// The engine of the next control plane, after the one before has died: what is on disk and in the cluster is all that it knows.
    pub fn next(&self) -> Self {
        self.with((self.journal.clone(), self.state.clone()), self.whose)
    }

    /// Another machine, with nothing but the same journal and the way to the same cluster.
    pub fn another_machine(&self) -> Self {
        let kept = (self.journal.clone(), Arc::new(tempfile::tempdir().unwrap()));
        self.with(kept, Whose { home: "there", ..self.whose })
    }

    /// Somebody else, with a journal of their own.
    pub fn stranger(&self) -> Self {
        let kept = (Arc::default(), Arc::new(tempfile::tempdir().unwrap()));
        self.with(kept, Whose { owner: "state-2", home: "elsewhere", ..self.whose })
    }

    fn with(&self, kept: (Arc<MemoryJournal>, Arc<TempDir>), whose: Whose) -> Self {
        Self::over(
            self.cluster.clone(),
            self.clock.clone(),
            self.outside.clone(),
            kept,
            whose,
            self.wish.clone(),
        )
    }

    fn over(
        cluster: FakeCluster,
        clock: Arc<TestClock>,
        outside: Arc<Outside>,
        (journal, state): (Arc<MemoryJournal>, Arc<TempDir>),
        whose: Whose,
        wish: Wish,
    ) -> Self {
        let clusters = Clusters::new(KubernetesOptions {
            state_dir: state.path().to_owned(),
            state_id: whose.owner.to_owned(),
            home: whose.home.to_owned(),
            access: Access::given(kube::Client::new(cluster.service(), NAMESPACE)),
            clock: clock.clone(),
            vault: Arc::new(OpenVault),
        });
        let traffic = Arc::new(KubernetesTraffic::new(clusters.clone()));
        let ports = Ports {
            target: Arc::new(KubernetesTarget::new(clusters)),
            artifacts: outside.clone(),
            traffic: traffic.clone(),
            checker: outside.clone(),
            vault: Arc::new(OpenVault),
            migrations: Arc::new(NoMigrations),
            logs: outside.clone(),
            clock: clock.clone(),
            hooks: outside.clone(),
        };
        let logs = PathBuf::from("/nonexistent");
        let seat = Seat::new(1, whose.home.to_owned(), whose.shares);
        let engine = Engine::new(ports, journal.clone(), outside.clone(), seat, logs);
        Self { cluster, engine: Arc::new(engine), outside, wish, traffic, journal, clock, state, whose }
    }

    /// Goes on with the run that a control plane which died has left; none where it was over.
    pub async fn go_on(&self) -> Option<Ended> {
        let left = self.engine.left_over().await.unwrap();
        let (run, take) = left.first()?;
        let begun = self.engine.resume(run, *take).await.unwrap();
        Some(self.drive(begun).await)
    }

    /// Goes on with what another machine began, which is not heard of any more. None where that was over.
    pub async fn take_over(&self) -> Result<Option<Ended>, Problem> {
        let found = self.engine.take_over(&place(), &key(), Some("/project"), "ben").await?;
        self.recall().await;
        let ended = self.go_on().await;
        if let Resumed::TakenOver { is_over, .. } = found {
            assert_eq!(is_over, ended.is_none(), "{found:?}");
        }
        Ok(ended)
    }

    /// Has a run that it begins killed where it is held.
    pub async fn killed(&self, begun: Begun, there: oneshot::Receiver<()>) {
        let engine = self.engine.clone();
        let driving = tokio::spawn(async move { engine.drive(begun).await });
        there.await.unwrap();
        driving.abort();
        let _ = driving.await;
    }

    /// What becomes of its unfinished run when a machine comes back.
    pub async fn comes_back(&self) -> Option<Came> {
        let left = self.engine.left_over().await.unwrap();
        let (run, take) = left.first()?;
        let begun = self.engine.resume(run, *take).await.unwrap();
        Some(self.engine.drive(begun).await)
    }

    /// Takes into its records what the journal says, as the control plane does. Answers how much that was.
    pub async fn recall(&self) -> usize {
        let environment = self.journal.environment(&key()).await.unwrap().unwrap();
        self.traffic.owned_by(&key(), environment.owner.as_deref());
        let standing = self.engine.standing_in_a_cluster(&environment).await.unwrap();
        for (slot, record) in &standing {
            self.traffic.recall(*slot, &record.release, &record.sealed).unwrap();
        }
        standing.len()
    }

    /// Deploys the image with that number.
    pub async fn deploy(&self, number: u64) -> Ended {
        let begun = self.begin(number).await.unwrap();
        self.drive(begun).await
    }

    /// Begins to.
    pub async fn begin(&self, number: u64) -> Result<Begun, Problem> {
        self.outside.image.store(number, Ordering::Relaxed);
        self.engine.deploy(&self.wish, None, "somebody").await
    }

    /// Back to a release, or to the one before.
    pub async fn rollback(&self, to: Option<&ReleaseId>) -> Result<Ended, Problem> {
        let begun = self.engine.rollback(&key(), to, None, "somebody").await?;
        Ok(self.drive(begun).await)
    }

    /// What is done by itself when a window is over.
    pub async fn end_window(&self) -> bool {
        match self.engine.end_window(&key(), "nobody").await.unwrap() {
            Some(begun) => self.drive(begun).await.outcome == Outcome::Live,
            None => false,
        }
    }

    pub async fn drive(&self, begun: Begun) -> Ended {
        let run = begun.run.clone();
        let came = self.engine.drive(begun).await;
        let record = self.journal.run(&run).await.unwrap().unwrap();
        let Came::Over(outcome) = came else { panic!("{run} is not over: {came:?}: {:#?}", record.state) };
        Ended { outcome, release: record.plan.release, cause: record.state.cause }
    }

    /// Makes the check before the switch, and that after it, fail or pass.
    pub fn failing(&self, before: bool, after: bool) {
        *self.outside.failing.lock().unwrap() = (before, after);
    }

    /// Does something to the cluster when a run comes to a point (`deploy.bake.apply.before`).
    pub fn at(&self, point: &str, deed: impl FnOnce(&FakeCluster) + Send + 'static) {
        let cluster = self.cluster.clone();
        self.outside.at.lock().unwrap().insert(point.to_owned(), Box::new(move || deed(&cluster)));
    }

    /// Holds a run at a point: the first end tells when it is there, the other one lets it go on.
    pub fn hold(&self, point: &str) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((told, there), (go, on)) = (oneshot::channel(), oneshot::channel());
        self.outside.held.lock().unwrap().insert(point.to_owned(), (told, on));
        (there, go)
    }

    /// The release that users get.
    pub fn selected(&self) -> String {
        let service = self.cluster.get("Service", "shop-web").unwrap();
        service["spec"]["selector"]["bascule.dev/release"].as_str().unwrap_or_default().to_owned()
    }

    /// The releases that have a Deployment.
    pub fn standing(&self) -> Vec<String> {
        let label =
            |one: &Value| one["metadata"]["labels"]["bascule.dev/release"].as_str().map(str::to_owned);
        self.cluster.list("Deployment").iter().filter_map(label).collect()
    }

    /// The pods of a release: names and ids.
    pub fn pods(&self, release: &str) -> Vec<(String, String)> {
        let of = |one: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &one["metadata"];
            (metadata["labels"]["bascule.dev/release"] == release)
                .then(|| (text(&metadata["name"]), text(&metadata["uid"])))
        };
        self.cluster.list("Pod").iter().filter_map(of).collect()
    }

    /// The release that is live, as the journal has it.
    pub async fn recorded(&self) -> Option<ReleaseId> {
        self.journal.environment(&key()).await.unwrap()?.live.map(|live| live.release)
    }

    /// Whoever is asked says that the same release has the traffic.
    pub async fn agreed(&self) -> String {
        let routing = self.traffic.routing(&key()).await.unwrap();
        let recorded = self.journal.environment(&key()).await.unwrap().unwrap().live.map(|live| live.release);
        assert_eq!(routing.live.map(|(_, release)| release), recorded);
        let recorded = recorded.unwrap().to_string();
        assert_eq!(self.selected(), recorded);
        recorded
    }
}

impl Ended {
    #[track_caller]
    pub fn live(self) -> ReleaseId {
        assert_eq!(self.outcome, Outcome::Live, "{self:?}");
        self.release.unwrap()
    }

    /// Fails unless the run was taken back, because of that.
    #[track_caller]
    pub fn back(self, code: Code) -> ReleaseId {
        assert_eq!(self.outcome, Outcome::RolledBack, "{self:?}");
        assert_eq!(self.cause.as_ref().map(|cause| cause.code), Some(code), "{self:?}");
        self.release.unwrap()
    }
}

pub fn place() -> Namespace {
    Namespace { context: None, name: NAMESPACE.to_owned() }
}

fn wish() -> Wish {
    let mut release = spec(1).release;
    release.rollout.bake = BAKE;
    release.number = 0;
    release.artifact = String::new();
    "00".clone_into(&mut release.content);
    let check = Check::get("users", "/");
    Wish {
        release,
        configuration: Configuration { verify: vec![check], ..Configuration::default() },
        source: Source {
            project: PathBuf::from("/project"),
            command: None,
            files: Vec::new(),
            image: None,
            migrations: None,
        },
        artifact: None,
        provenance: None,
        promote_from: None,
        policy: Policy::default(),
    }
}

#[async_trait]
impl Artifacts for Outside {
    async fn survey(&self, _: &Source, _: &Configuration) -> Result<ArtifactPlan, PortError> {
        Ok(ArtifactPlan::Files { digest: self.digest() })
    }

    async fn make(&self, _: &Making<'_>) -> Result<Made, PortError> {
        Ok(Made { digest: self.digest(), says: None })
    }

    async fn verify(&self, _: &str, _: &Configuration) -> Result<Presence, PortError> {
        Ok(Presence::Whole)
    }

    async fn prune(&self, _: &[String]) -> Result<(), PortError> {
        Ok(())
    }
}

impl Outside {
    fn digest(&self) -> String {
        format!("image:{}", image(self.image.load(Ordering::Relaxed)))
    }
}

#[async_trait]
impl Checker for Outside {
    async fn probe(&self, _: SocketAddr, _: &Health) -> ProbeResult {
        ProbeResult { status: Status::Pass, detail: String::new(), took_ms: 1 }
    }

    async fn check(&self, check: &Check, at: &CheckPlace) -> CheckResult {
        let through_the_door = at.address == spec(1).release.listen;
        let failing = *self.failing.lock().unwrap();
        let (asked, fails) =
            if through_the_door { (&self.asked.1, failing.1) } else { (&self.asked.0, failing.0) };
        asked.fetch_add(1, Ordering::Relaxed);
        let status = if fails { Status::Fail } else { Status::Pass };
        CheckResult { name: check.name.clone(), status, attempts: 1, detail: String::new(), took_ms: 1 }
    }
}

#[async_trait]
impl Hooks for Outside {
    async fn reached(&self, point: &Point) -> Result<(), Problem> {
        let name = format!("{}.{}.{}.{}", point.run, point.step, point.action, point.when);
        let deed = self.at.lock().unwrap().remove(&name);
        if let Some(deed) = deed {
            deed();
        }
        let held = self.held.lock().unwrap().remove(&name);
        if let Some((told, on)) = held {
            let _ = told.send(());
            let _ = on.await;
        }
        Ok(())
    }
}

impl RunIds for Outside {
    fn next(&self) -> RunId {
        RunId::from_text(format!("run-{:04}", self.runs.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Logs for Outside {
    fn create(&self, _: &std::path::Path) -> Result<Box<dyn Log>, PortError> {
        Ok(Box::new(Written(Arc::clone(&self.written))))
    }
}

/// What tasks write, all of it in one.
struct Written(Arc<Mutex<Vec<u8>>>);

impl Log for Written {
    fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }
}
