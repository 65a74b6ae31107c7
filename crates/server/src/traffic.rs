//! The engine's traffic port over the edge. A call that was cut by the edge's death is made again: every one is idempotent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_edge::{EdgeClient, EdgeError, InstanceRoute, ServiceRoute, SlotRoute};
use bascule_engine::ports::{Drained, PortError, Routing, Switched, Traffic};
use bascule_model::evidence::{InstanceState, InstanceStatus, Traffic as Count};
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Probe, Release};

use crate::edge_link::{EdgeLink, away};

/// How often a call is made again on a new edge.
const ATTEMPTS: usize = 3;

/// The edge as the engine sees it.
pub struct EdgeTraffic {
    link: Arc<EdgeLink>,
}

impl EdgeTraffic {
    /// Over that link.
    #[must_use]
    pub fn new(link: Arc<EdgeLink>) -> Self {
        Self { link }
    }

    async fn ask<T, F>(&self, call: impl Fn(Arc<EdgeClient>) -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, EdgeError>>,
    {
        let mut attempt = 1;
        loop {
            let client = self.link.client().await?;
            match call(client.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) if is_connection(&error) && attempt < ATTEMPTS => {
                    attempt += 1;
                    // Its death shows on the link within a moment; until then there is nobody to ask.
                    let _ = tokio::time::timeout(Duration::from_secs(1), client.closed()).await;
                }
                Err(error) => return Err(refused(&error)),
            }
        }
    }
}

/// The edge died, or does not answer: whether the call was carried out is not known.
fn is_connection(error: &EdgeError) -> bool {
    matches!(
        error,
        EdgeError::Gone { .. }
            | EdgeError::NotRunning { .. }
            | EdgeError::TimedOut { .. }
            | EdgeError::Io { .. }
    )
}

fn refused(error: &EdgeError) -> PortError {
    if let EdgeError::Fenced { .. } = error {
        return PortError::Fenced;
    }
    if is_connection(error) {
        return away(error).into();
    }
    Problem::new(
        Code::EdgeRefused,
        format!("the edge refused: {error}"),
        "look at `bascule status`, then begin again",
    )
    .into()
}

#[async_trait]
impl Traffic for EdgeTraffic {
    async fn can_open(&self, release: &Release) -> Result<(), PortError> {
        self.link.client().await?;
        Ok(self.link.can_bind(release.listen)?)
    }

    async fn open(&self, fence: Generation, release: &Release) -> Result<(), PortError> {
        let key = &release.key;
        self.link.open(release.listen).await?;
        // The fence: from here on the edge refuses a lower one. A switch to where the traffic is changes nothing else.
        let live = self.routing(key).await?.live;
        if let Some((slot, release)) = &live {
            self.switch(fence, key, Some(release), Some((*slot, release))).await?;
        }
        Ok(())
    }

    async fn register(
        &self,
        fence: Generation,
        release: &Release,
        slot: Slot,
        instances: &[InstanceStatus],
    ) -> Result<(), PortError> {
        let route = route(release, slot, instances);
        self.ask(|edge| {
            let route = route.clone();
            async move { edge.put_slot(fence, route).await }
        })
        .await
    }

    async fn switch(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        expect: Option<&ReleaseId>,
        to: Option<(Slot, &ReleaseId)>,
    ) -> Result<Switched, PortError> {
        let receipt = self.ask(|edge| async move { edge.switch(fence, key, expect, to).await }).await?;
        Ok(Switched { already: receipt.already, micros: receipt.micros })
    }

    async fn routing(&self, key: &EnvironmentKey) -> Result<Routing, PortError> {
        let state = self.ask(|edge| async move { edge.state().await }).await?;
        let Some(environment) = state.environments.iter().find(|environment| environment.key == *key) else {
            return Ok(Routing::default());
        };
        let slots: BTreeMap<Slot, ReleaseId> =
            environment.slots.iter().map(|slot| (slot.slot, slot.release.clone())).collect();
        Ok(Routing { live: environment.live.clone(), slots })
    }

    async fn drain(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        slot: Slot,
        deadline: Duration,
    ) -> Result<Drained, PortError> {
        let report = self.ask(|edge| async move { edge.drain(fence, key, slot, deadline).await }).await?;
        Ok(Drained {
            cut_requests: report.cut_requests,
            cut_upgraded: report.cut_upgraded,
            waited_ms: report.waited_ms,
        })
    }

    async fn unregister(&self, fence: Generation, key: &EnvironmentKey, slot: Slot) -> Result<(), PortError> {
        self.ask(|edge| async move { edge.remove_slot(fence, key, slot).await }).await
    }

    async fn close(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError> {
        self.ask(|edge| async move { edge.remove_environment(fence, key).await }).await?;
        let state = self.ask(|edge| async move { edge.state().await }).await?;
        let needed: BTreeSet<SocketAddr> = state
            .environments
            .iter()
            .flat_map(|environment| environment.slots.iter().map(|slot| slot.listen))
            .collect();
        for address in state.listeners.iter().filter(|address| !needed.contains(address)) {
            self.link.close(*address).await?;
        }
        Ok(())
    }

    async fn count(
        &self,
        key: &EnvironmentKey,
        release: &ReleaseId,
        slow: Duration,
    ) -> Result<Count, PortError> {
        let all = self.ask(|edge| async move { edge.metrics(key).await }).await?;
        let mut count = Count::default();
        let mut latency = bascule_edge::Histogram::default();
        for one in all.iter().filter(|one| one.release == *release) {
            for service in &one.services {
                let counts = &service.counts;
                count.requests += counts.requests;
                count.errors += counts.status[4] + counts.cut_responses;
                count.in_flight += counts.in_flight;
                latency.merge(&counts.latency);
            }
        }
        count.slow = latency.above(u64::try_from(slow.as_micros()).unwrap_or(u64::MAX));
        count.p95_micros = latency.quantile(0.95);
        Ok(count)
    }
}

/// The route of a release: the instances that run and have an address.
pub(crate) fn route(release: &Release, slot: Slot, instances: &[InstanceStatus]) -> SlotRoute {
    let services = release.services.iter().filter_map(|service| {
        let traffic = service.traffic.as_ref()?;
        Some(ServiceRoute {
            service: service.name.clone(),
            hosts: traffic.hosts.clone(),
            path: traffic.path.clone(),
            health_path: match &service.health.probe {
                Probe::Http { path } => Some(path.clone()),
                Probe::Connect | Probe::Uptime => None,
            },
            instances: instances
                .iter()
                .filter(|instance| instance.service == service.name)
                // The port of one that ended may be a stranger's by now.
                .filter(|instance| matches!(instance.state, InstanceState::Running { .. }))
                .filter_map(|instance| {
                    Some(InstanceRoute { id: instance.id.clone(), address: instance.address? })
                })
                .collect(),
        })
    });
    SlotRoute {
        key: release.key.clone(),
        slot,
        release: release.id.clone(),
        listen: release.listen,
        hosts: release.hosts.clone(),
        services: services.collect(),
    }
}
