//! A cluster in memory, the target over it, and releases for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{Claim, Clock, PortError, SlotRef, SlotSpec, Target as _, Traffic as _, Vault};
use bascule_fake_cluster::{FakeCluster, Flavour};
use bascule_model::evidence::{InstanceStatus, Status};
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, RunId, ServiceName, Slot};
use bascule_model::manifest::InstanceText;
use bascule_model::problem::Problem;
use bascule_model::release::{
    Cluster, Configuration, Container, Health, Limits, OnDrift, OnNoData, Pods, Probe, Release, Rollout,
    Service, ServiceKind, Stop, TargetKind, Traffic,
};
use bascule_target_kubernetes::{Access, Clusters, KubernetesOptions, KubernetesTarget, KubernetesTraffic};
use jiff::Timestamp;
use tempfile::TempDir;

pub const FENCE: Generation = Generation(1);
pub const NAMESPACE: &str = "shop";

/// The runtime's time.
pub struct TestClock(tokio::time::Instant, Timestamp);

impl TestClock {
    pub fn new() -> Self {
        Self(tokio::time::Instant::now(), epoch())
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.1.checked_add(self.elapsed()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A vault that seals nothing: what is sealed is the vault's own affair.
pub struct OpenVault;

impl Vault for OpenVault {
    fn seal(&self, _: &ReleaseId, configuration: &Configuration) -> Result<Vec<u8>, Problem> {
        Ok(serde_json::to_vec(configuration).unwrap())
    }

    fn open(&self, _: &ReleaseId, sealed: &[u8]) -> Result<Configuration, Problem> {
        Ok(serde_json::from_slice(sealed).unwrap())
    }

    fn fingerprint(&self, value: &str) -> String {
        value.len().to_string()
    }
}

/// A cluster, and an engine's two ports over it.
pub struct World {
    pub cluster: FakeCluster,
    pub target: KubernetesTarget,
    pub traffic: KubernetesTraffic,
    _state: TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::over(FakeCluster::at(Flavour::New, NAMESPACE, epoch()), "state-1")
    }

    /// As old as the one that the acceptance tests use.
    pub fn old() -> Self {
        Self::over(FakeCluster::at(Flavour::Old, NAMESPACE, epoch()), "state-1")
    }

    /// Another engine, with a state folder of its own that says it is that one.
    pub fn over(cluster: FakeCluster, state_id: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let clusters = Clusters::new(KubernetesOptions {
            state_dir: state.path().to_owned(),
            state_id: state_id.to_owned(),
            home: "home-1".to_owned(),
            access: Access::given(kube::Client::new(cluster.service(), NAMESPACE)),
            clock: Arc::new(TestClock::new()),
            vault: Arc::new(OpenVault),
        });
        Self {
            cluster,
            target: KubernetesTarget::new(clusters.clone()),
            traffic: KubernetesTraffic::new(clusters),
            _state: state,
        }
    }

    /// What a run does until the new release is about to get the traffic.
    pub async fn bring_up(&self, fence: Generation, spec: &SlotSpec) -> Result<(), PortError> {
        self.traffic.can_open(&spec.release).await?;
        self.target.can_start(spec).await?;
        self.traffic.take(fence, &claim(), &spec.release).await?;
        self.traffic.open(fence, &spec.release).await?;
        self.target.start(fence, spec).await?;
        let wanted = spec.release.services.iter().map(|service| service.instances as usize).sum();
        let instances = self.until(spec, |all| all.iter().filter(|one| is_well(one)).count() >= wanted).await;
        self.traffic.register(fence, &spec.release, spec.slot, &instances).await
    }

    /// And the rest.
    pub async fn deploy(
        &self,
        fence: Generation,
        spec: &SlotSpec,
        former: Option<&SlotSpec>,
    ) -> Result<(), PortError> {
        self.bring_up(fence, spec).await?;
        self.traffic.can_take(&spec.release).await?;
        self.switch(fence, former, Some(spec)).await?;
        self.traffic.proven(&spec.release).await?;
        self.traffic.give_back(fence, &spec.release.key).await
    }

    pub async fn switch(
        &self,
        fence: Generation,
        from: Option<&SlotSpec>,
        to: Option<&SlotSpec>,
    ) -> Result<bool, PortError> {
        let expect = from.map(|spec| &spec.release.id);
        let to = to.map(|spec| (spec.slot, &spec.release.id));
        self.traffic.switch(fence, &key(), expect, to).await.map(|switched| switched.already)
    }

    /// Waits until the instances are as wanted.
    pub async fn until(
        &self,
        spec: &SlotSpec,
        wanted: impl Fn(&[InstanceStatus]) -> bool,
    ) -> Vec<InstanceStatus> {
        let mut last = Vec::new();
        for _ in 0..3000 {
            last = self.target.observe(&slot(spec)).await.unwrap();
            if wanted(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it did not come to that: {last:#?}");
    }

    /// The release that users get, as the Service says.
    pub fn selected(&self) -> String {
        let service = self.cluster.get("Service", "shop-web").unwrap();
        service["spec"]["selector"]["bascule.dev/release"].as_str().unwrap_or_default().to_owned()
    }

    /// Names of a kind.
    pub fn names(&self, kind: &str) -> Vec<String> {
        let all = self.cluster.list(kind);
        all.iter().map(|one| one["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn claim() -> Claim {
    Claim {
        key: key(),
        run: RunId::from_text("run-1"),
        owner: "1@here:/state".to_owned(),
        actor: "somebody".to_owned(),
    }
}

/// When time begins.
pub fn epoch() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

/// Whether the node's probes say so.
pub fn is_well(status: &InstanceStatus) -> bool {
    status.own_check.as_ref().is_some_and(|own| own.status == Status::Pass)
}

pub fn key() -> EnvironmentKey {
    "shop/staging".parse().unwrap()
}

pub fn image(number: u64) -> String {
    format!("registry.test/shop@sha256:{number:064}")
}

/// What is to stand in a slot: odd ones in blue, even ones in green.
pub fn spec(number: u64) -> SlotSpec {
    let release = Release {
        id: ReleaseId::new(number, "abcdef0123"),
        number,
        key: key(),
        target: TargetKind::Kubernetes,
        artifact: format!("image:{}", image(number)),
        drift: OnDrift::Repair,
        cluster: Some(Cluster {
            context: None,
            namespace: NAMESPACE.to_owned(),
            service: ServiceKind::NodePort,
            node_port: Some(30080),
            observe: None,
            probe: None,
            service_name: None,
            route: None,
            adopt: None,
            mirror: true,
            pull_secrets: Vec::new(),
            patches: Vec::new(),
            manifests: Vec::new(),
        }),
        listen: "127.0.0.1:30080".parse().unwrap(),
        hosts: Vec::new(),
        services: vec![web()],
        rollout: Rollout {
            deadline: Duration::from_secs(60),
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
        secrets: BTreeMap::default(),
        provenance: None,
        content: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
    };
    let slot = if number % 2 == 1 { Slot::Blue } else { Slot::Green };
    SlotSpec { release, slot, configuration: Configuration::default() }
}

fn web() -> Service {
    Service {
        name: "web".parse().unwrap(),
        command: Vec::new(),
        container: Some(Container::default()),
        secret_files: Vec::new(),
        traffic: Some(Traffic { port: 8080, path: "/".to_owned(), hosts: Vec::new() }),
        instances: 2,
        pods: Pods::default(),
        drain: Duration::from_secs(1),
        stop: Stop { signal: 15, grace: Duration::from_secs(2) },
        limits: Limits::default(),
        health: Health {
            probe: Probe::Http { path: "/health".to_owned() },
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            start_period: Duration::from_secs(5),
            healthy_after: 1,
            unhealthy_after: 1,
        },
        configuration: BTreeMap::new(),
    }
}

/// With these variables, of which those that are named are secret.
pub fn with_env(mut spec: SlotSpec, values: &[(&str, &str)], secret: &[&str]) -> SlotSpec {
    let web: ServiceName = "web".parse().unwrap();
    for (name, value) in values {
        let text = InstanceText::literal(value);
        if secret.contains(name) {
            spec.configuration.secrets.insert(format!("variables.{name}"), text.clone());
        }
        spec.release.services[0].configuration.insert((*name).to_owned(), format!("print-of-{name}"));
        spec.configuration.env.entry(web.clone()).or_default().insert((*name).to_owned(), text);
    }
    spec
}

pub fn slot(spec: &SlotSpec) -> SlotRef {
    SlotRef { key: spec.release.key.clone(), slot: spec.slot, release: spec.release.id.clone() }
}

/// The problem of what was refused.
pub fn problem<T: std::fmt::Debug>(result: Result<T, PortError>) -> Problem {
    match result {
        Err(PortError::Problem(problem)) => problem,
        other => panic!("it was not refused: {other:?}"),
    }
}
