//! The engine's ports over the simulated world.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::context::Ports;
use bascule_engine::engine::RunIds;
use bascule_engine::ports::{
    Artifacts, Bound, CheckPlace, Checker, Clock, Drained, ExecControl, ExecSession, Log, LogLines, LogQuery,
    Logs, Made, Making, NoHooks, PortError, Presence, Rolled, Routing, SlotRef, SlotSpec, Switched, Target,
    TaskSpec, TerminalSize, Traffic, Vault,
};
use bascule_model::evidence::{
    CheckResult, Exit, InstanceState, InstanceStatus, ProbeResult, Status, Traffic as Count,
};
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, RunId, ServiceName, Slot};
use bascule_model::plan::ArtifactPlan;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Check, Configuration, Health, Release, Source};
use jiff::Timestamp;

use crate::database::Database;
use crate::roll;
use crate::world::{SIZE, State, World};

pub fn key() -> EnvironmentKey {
    "shop/staging".parse().expect("a key")
}

pub fn trouble() -> PortError {
    Problem::new(Code::EdgeUnavailable, "the simulated call failed", "none").into()
}

/// Instances, traffic, artifacts and checks.
struct Fake(World);

pub fn ports(world: &World) -> Ports {
    let fake = || Fake(world.clone());
    Ports {
        target: Arc::new(fake()),
        artifacts: Arc::new(fake()),
        traffic: Arc::new(fake()),
        checker: Arc::new(fake()),
        vault: Arc::new(PlainVault),
        migrations: Arc::new(Database(world.clone())),
        logs: Arc::new(NoLogs),
        clock: Arc::new(VirtualClock(tokio::time::Instant::now())),
        hooks: Arc::new(NoHooks),
    }
}

/// A task that takes a while.
struct Working(i32);

#[async_trait]
impl ExecControl for Working {
    async fn resize(&self, _: TerminalSize) -> Result<(), PortError> {
        Ok(())
    }

    async fn signal(&self, _: i32) -> Result<(), PortError> {
        Ok(())
    }

    async fn wait(&self) -> Result<Exit, PortError> {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(Exit::Code { code: self.0 })
    }
}

struct NoLogs;

impl Logs for NoLogs {
    fn create(&self, _: &std::path::Path) -> Result<Box<dyn Log>, PortError> {
        Ok(Box::new(Self))
    }
}

impl Log for NoLogs {
    fn write(&mut self, _: &[u8]) -> Result<(), PortError> {
        Ok(())
    }
}

fn statuses(state: &State, slot: &SlotRef) -> Vec<InstanceStatus> {
    let service = ServiceName::new("web").expect("a name");
    match state.running.get(&slot.slot) {
        Some((release, _)) if *release == slot.release => (1..=state.instances[&slot.slot])
            .map(|n| InstanceStatus {
                id: InstanceId::new(&slot.key, &slot.release, &service, n),
                service: service.clone(),
                n,
                // The slot is told by the port, for the probe.
                address: Some(SocketAddr::from((
                    [127, 0, 0, 1],
                    if slot.slot == Slot::Blue { 1 } else { 2 },
                ))),
                state: InstanceState::Running { pid: n },
                started_at: None,
                restarts: 0,
                last_exit: None,
                own_check: None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[async_trait]
impl Target for Fake {
    async fn warnings(&self, _: &Release) -> Vec<String> {
        Vec::new()
    }

    async fn start(&self, fence: Generation, spec: &SlotSpec) -> Result<Vec<InstanceStatus>, PortError> {
        let slot = SlotRef { key: key(), slot: spec.slot, release: spec.release.id.clone() };
        let effect = |state: &mut State| {
            if fence < state.target_fence {
                return Err(PortError::Fenced);
            }
            state.target_fence = fence;
            if let Some((other, _)) = state.running.get(&spec.slot)
                && *other != spec.release.id
            {
                state.wrong.push(format!("{} was started over {other} in {}", spec.release.id, spec.slot));
            }
            let well = state.starts_well;
            let versions = spec.release.schema.iter().flat_map(|schema| schema.versions.iter().cloned());
            state.carries.insert(spec.release.id.clone(), versions.collect());
            let others = state.live.as_ref().is_some_and(|(_, live)| *live != spec.release.id);
            let first = if state.rolls && others { 1 } else { SIZE };
            state.running.entry(spec.slot).or_insert_with(|| (spec.release.id.clone(), well));
            state.instances.entry(spec.slot).or_insert(first);
            Ok(statuses(state, &slot))
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn observe(&self, slot: &SlotRef) -> Result<Vec<InstanceStatus>, PortError> {
        self.0.call(|state| Ok(statuses(state, slot)), || Err(trouble())).await
    }

    async fn stop(&self, fence: Generation, slot: &SlotRef) -> Result<(), PortError> {
        let effect = |state: &mut State| {
            if fence < state.target_fence {
                return Err(PortError::Fenced);
            }
            state.target_fence = fence;
            if state.known.get(&slot.slot) == Some(&slot.release) {
                state.wrong.push(format!("{} was stopped before its requests were drained", slot.release));
            }
            if state.running.get(&slot.slot).is_some_and(|(release, _)| *release == slot.release) {
                state.running.remove(&slot.slot);
                state.instances.remove(&slot.slot);
            }
            Ok(())
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn slots(&self) -> Result<Vec<SlotRef>, PortError> {
        let all = |state: &mut State| {
            let of = |(slot, (release, _)): (&Slot, &(ReleaseId, bool))| SlotRef {
                key: key(),
                slot: *slot,
                release: release.clone(),
            };
            Ok(state.running.iter().map(of).collect())
        };
        self.0.call(all, || Err(trouble())).await
    }

    async fn run_task(
        &self,
        fence: Generation,
        spec: &SlotSpec,
        task: &TaskSpec,
    ) -> Result<ExecSession, PortError> {
        let effect = |state: &mut State| {
            if fence < state.target_fence {
                return Err(PortError::Fenced);
            }
            state.target_fence = fence;
            let release = &spec.release.id;
            let stands = state.running.values().any(|(other, _)| other == release);
            if stands != (task.name.as_str() == "warm") {
                state.wrong.push(format!("{} of {release} was run too early or too late", task.name));
            }
            if state.live.as_ref().is_some_and(|(_, live)| live == release) {
                state.wrong.push(format!("{} was run of {release}, which has users", task.name));
            }
            Ok(ExecSession {
                input: Box::pin(tokio::io::sink()),
                output: Box::pin(futures_util::stream::empty()),
                control: Box::new(Working(i32::from(!state.tasks_end_well))),
            })
        };
        self.0.call(effect, || Err(trouble())).await
    }

    async fn logs(&self, _: &EnvironmentKey, _: &LogQuery) -> Result<Vec<LogLines>, PortError> {
        Ok(Vec::new())
    }

    async fn logs_after(
        &self,
        _: &EnvironmentKey,
        instance: &InstanceId,
        position: u64,
    ) -> Result<LogLines, PortError> {
        Ok(LogLines { instance: instance.clone(), lines: Vec::new(), position })
    }

    async fn prune(&self, _: Generation, _: &EnvironmentKey, _: &[ReleaseId]) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Artifacts for Fake {
    async fn survey(&self, _: &Source, _: &Configuration) -> Result<ArtifactPlan, PortError> {
        Ok(ArtifactPlan::Files { digest: "sha256:00".to_owned() })
    }

    async fn make(&self, _: &Making<'_>) -> Result<Made, PortError> {
        let made = |_: &mut State| Ok(Made { digest: "sha256:00".to_owned(), says: None });
        self.0.call(made, || Err(trouble())).await
    }

    async fn verify(&self, _: &str, _: &Configuration) -> Result<Presence, PortError> {
        self.0.call(|_| Ok(Presence::Whole), || Err(trouble())).await
    }

    async fn prune(&self, _: &[String]) -> Result<(), PortError> {
        Ok(())
    }
}

impl Fake {
    async fn fenced<T>(
        &self,
        fence: Generation,
        effect: impl FnOnce(&mut State) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let effect = |state: &mut State| {
            if fence < state.edge_fence {
                return Err(PortError::Fenced);
            }
            state.edge_fence = fence;
            effect(state)
        };
        self.0.call(effect, || Err(trouble())).await
    }
}

#[async_trait]
impl Traffic for Fake {
    async fn can_open(&self, _: &Release) -> Result<(), PortError> {
        self.0.call(|_| Ok(()), || Err(trouble())).await
    }

    async fn open(&self, fence: Generation, _: &Release) -> Result<(), PortError> {
        self.fenced(fence, |_| Ok(())).await
    }

    async fn register(
        &self,
        fence: Generation,
        release: &Release,
        slot: Slot,
        _: &[InstanceStatus],
    ) -> Result<(), PortError> {
        let effect = |state: &mut State| {
            state.known.insert(slot, release.id.clone());
            Ok(())
        };
        self.fenced(fence, effect).await
    }

    async fn switch(
        &self,
        fence: Generation,
        _: &EnvironmentKey,
        expect: Option<&ReleaseId>,
        to: Option<(Slot, &ReleaseId)>,
    ) -> Result<Switched, PortError> {
        let effect = |state: &mut State| {
            let live = state.live.as_ref().map(|(_, release)| release);
            if live == to.map(|(_, release)| release) {
                return Ok(Switched { already: true, micros: 0 });
            }
            if let Some(beside) = state.beside {
                state.wrong.push(format!("the traffic was to move while {beside} has users too"));
            }
            if live != expect {
                let message = format!("live is {live:?}, not {expect:?}");
                return Err(Problem::new(Code::EdgeRefused, message, "none").into());
            }
            state.live = to.map(|(slot, release)| (slot, release.clone()));
            Ok(Switched { already: false, micros: 1 })
        };
        self.fenced(fence, effect).await
    }

    async fn roll(
        &self,
        fence: Generation,
        from: &Release,
        (slot, to): (Slot, &Release),
        bound: Bound,
    ) -> Result<Rolled, PortError> {
        self.fenced(fence, |state| roll::turn(state, &from.id, (slot, &to.id), bound)).await
    }

    async fn routing(&self, _: &EnvironmentKey) -> Result<Routing, PortError> {
        let effect = |state: &mut State| Ok(Routing { live: state.live.clone(), slots: state.known.clone() });
        self.0.call(effect, || Err(trouble())).await
    }

    async fn drain(
        &self,
        fence: Generation,
        _: &EnvironmentKey,
        _: Slot,
        _: Duration,
    ) -> Result<Drained, PortError> {
        self.fenced(fence, |_| Ok(Drained::default())).await
    }

    async fn unregister(&self, fence: Generation, _: &EnvironmentKey, slot: Slot) -> Result<(), PortError> {
        let effect = |state: &mut State| {
            if state.live.as_ref().is_some_and(|(live, _)| *live == slot) || state.beside == Some(slot) {
                state.wrong.push(format!("{slot} was to be forgotten while it has the traffic"));
                return Err(trouble());
            }
            state.known.remove(&slot);
            Ok(())
        };
        self.fenced(fence, effect).await
    }

    async fn close(&self, fence: Generation, _: &EnvironmentKey) -> Result<(), PortError> {
        let effect = |state: &mut State| {
            state.known.clear();
            state.live = None;
            Ok(())
        };
        self.fenced(fence, effect).await
    }

    async fn count(&self, _: &EnvironmentKey, release: &ReleaseId, _: Duration) -> Result<Count, PortError> {
        let effect = |state: &mut State| {
            let live = state.live.as_ref().is_some_and(|(_, live)| live == release);
            let requests = if live { 1000 } else { 0 };
            Ok(Count {
                requests,
                errors: requests * state.errors / 100,
                slow: 0,
                p95_micros: Some(1000),
                in_flight: 0,
            })
        };
        self.0.call(effect, || Err(trouble())).await
    }
}

#[async_trait]
impl Checker for Fake {
    async fn probe(&self, address: SocketAddr, _: &Health) -> ProbeResult {
        let slot = if address.port() == 1 { Slot::Blue } else { Slot::Green };
        let well = self.0.state().running.get(&slot).is_some_and(|(_, well)| *well);
        let status = if well { Status::Pass } else { Status::Fail };
        ProbeResult { status, detail: String::new(), took_ms: 1 }
    }

    async fn check(&self, check: &Check, _: &CheckPlace) -> CheckResult {
        let pass = self.0.state().checks_pass;
        let status = if pass { Status::Pass } else { Status::Fail };
        CheckResult { name: check.name.clone(), status, attempts: 1, detail: String::new(), took_ms: 1 }
    }
}

struct PlainVault;

impl Vault for PlainVault {
    fn seal(&self, _: &ReleaseId, configuration: &Configuration) -> Result<Vec<u8>, Problem> {
        Ok(serde_json::to_vec(configuration).expect("it serializes"))
    }

    fn open(&self, _: &ReleaseId, sealed: &[u8]) -> Result<Configuration, Problem> {
        Ok(serde_json::from_slice(sealed).expect("it was sealed here"))
    }

    fn fingerprint(&self, value: &str) -> String {
        value.len().to_string()
    }
}

struct VirtualClock(tokio::time::Instant);

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let base = Timestamp::from_second(1_800_000_000).expect("in range");
        base + jiff::SignedDuration::try_from(tokio::time::Instant::now().duration_since(epoch(self.0)))
            .expect("short")
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

thread_local! {
    static EPOCH: std::cell::Cell<Option<tokio::time::Instant>> = const { std::cell::Cell::new(None) };
}

/// Every engine of a scenario sees the same time, whenever it was made.
fn epoch(made: tokio::time::Instant) -> tokio::time::Instant {
    EPOCH.with(|epoch| match epoch.get() {
        Some(first) if first <= made => first,
        _ => {
            epoch.set(Some(made));
            made
        }
    })
}

/// Counts runs.
#[derive(Default)]
pub struct Counted(AtomicU64);

impl RunIds for Counted {
    fn next(&self) -> RunId {
        RunId::from_text(format!("run-{:04}", self.0.fetch_add(1, Ordering::Relaxed)))
    }
}
