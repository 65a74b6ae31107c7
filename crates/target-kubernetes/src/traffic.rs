//! The engine's port for traffic: Services whose selectors say which release is live.
//!
//! The switch is one conditional write to the Service that leads: selector and annotation are replaced if both are still what was
//! read. It asks nothing of either release. Other Services of the app follow what is live one write each, before the one that leads.

mod grow;
mod mend;
mod proof;
pub(crate) mod roll;
pub(crate) mod routed;
mod selects;
pub(crate) mod state;
mod switch;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{
    Bound, Claim, Drained, IfNone, KeptRun, Namespace, PortError, Probing, Rolled, Routing, Switched,
    Traffic, Wanted,
};
use bascule_model::evidence::{InstanceStatus, Traffic as Count};
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use bascule_model::release::{Release, ServiceKind};
use bascule_model::run::Evidence;
use k8s_openapi::api::core::v1::Service;

pub use self::mend::Mend;
use crate::adoption;
use crate::companions;
use crate::error::KubernetesError;
use crate::lease;
use crate::mirror;
use crate::objects::mirror::Keeper;
use crate::preflight;
use crate::probing::{OwnRequests, Way};
use crate::record::{self, TrafficRecord};
use crate::shared::{Clusters, lock};
use crate::target::cluster_of;
use crate::target::start::remember;
use crate::target::stop::delete;

/// `listen` of a manifest that says nothing of it.
const UNSAID: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// So long the nodes may take to act on a switch. No API tells when they have.
const ACTS_WITHIN: Duration = Duration::from_secs(3);
/// So often in a row a Service, or what stands before it, has to answer each check after a switch. Each new connection may be sent on by
/// another rule of another node.
const IN_A_ROW: u32 = 5;

/// Directs users with Services.
pub struct KubernetesTraffic {
    clusters: Arc<Clusters>,
}

impl KubernetesTraffic {
    /// Over these clusters.
    #[must_use]
    pub fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters }
    }

    /// Does what a control plane that is gone has begun and not ended beside its runs; in the background, until it is done.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn take_over(&self) -> Result<(), PortError> {
        Ok(companions::take_over(&self.clusters)?)
    }

    /// Whether the environment's traffic is here, by the records alone.
    #[must_use]
    pub fn directs(&self, key: &EnvironmentKey) -> bool {
        record::read(&self.clusters.layout, key).is_ok_and(|record| record.is_some())
    }

    /// Notes what another control plane that shares the journal has put into a slot, as if it had been put there from here. Asks
    /// nobody. `sealed`: its values as the journal has them.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub fn recall(&self, slot: Slot, release: &Release, sealed: &[u8]) -> Result<(), PortError> {
        remember(&self.clusters, slot, release, sealed)?;
        self.note_services(release)?;
        Ok(())
    }

    /// What the environment's objects say of who made them.
    #[must_use]
    pub fn owner(&self, key: &EnvironmentKey) -> String {
        self.clusters.owner(key)
    }

    /// Who the environment's objects say that they are of; none: of this state folder.
    pub fn owned_by(&self, key: &EnvironmentKey, owner: Option<&str>) {
        self.clusters.owned_by(key, owner);
    }

    /// The record of the Services, with those of a release; none where it has none.
    fn note_services(&self, release: &Release) -> Result<Option<TrafficRecord>, KubernetesError> {
        let (layout, key) = (&self.clusters.layout, &release.key);
        let _turn = lock(&self.clusters.noting);
        let there = record::read(layout, key)?;
        let record = match (&there, TrafficRecord::of(release)) {
            // Who leads stays the same: what is live is what that one says.
            (Some(there), wanted) => there.clone().with(wanted),
            (None, Some(wanted)) => wanted,
            (None, None) => return Ok(None),
        };
        if there.as_ref() != Some(&record) {
            record::write(layout, key, &record)?;
        }
        Ok(Some(record))
    }

    /// Which release is live, and where the Services are not as they were written, one sentence each.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn drift(&self, key: &EnvironmentKey) -> Result<Vec<String>, PortError> {
        let Some(record) = record::read(&self.clusters.layout, key).map_err(KubernetesError::from)? else {
            return Ok(Vec::new());
        };
        let cluster = self.clusters.reach(&record.cluster).await?;
        let mut told = state::differences(&self.clusters, &cluster, key, &record).await?;
        if let Ok(Some(lead)) = state::read(&self.clusters, &cluster, key).await
            && let Some(live) = &lead.selected
        {
            told.extend(companions::scalers::differences(&self.clusters, &cluster, key, live).await);
        }
        Ok(told)
    }

    /// What users' traffic depends on and somebody changed, while `live` has it. `slots`: what is recorded to stand in each. Changes
    /// nothing.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn to_mend(
        &self,
        fence: Generation,
        live: &Release,
        slots: &BTreeMap<Slot, ReleaseId>,
    ) -> Result<Vec<Mend>, PortError> {
        Ok(mend::needed(&self.clusters, fence, live, slots).await?)
    }

    /// How requests come in: as users' do where that can be had from here.
    async fn way(&self, release: &Release) -> Result<Way, PortError> {
        let cluster = cluster_of(release)?;
        // What the manifest does not say is not where the cluster opened one.
        let is_said = cluster.node_port.is_some() || release.listen != UNSAID;
        if cluster.service != ServiceKind::ClusterIP && is_said {
            return Ok(Way::Straight(release.listen));
        }
        let inner = proof::inner_door(&self.clusters, release).await?;
        Ok(inner.map_or(Way::Straight(release.listen), Way::Forwarded))
    }

    /// Puts one of those back. Answers whether it was done: nothing is where somebody wrote since.
    ///
    /// # Errors
    /// When the cluster refuses, or does not answer; [`PortError::Fenced`] where a newer lease wrote.
    pub async fn mend(&self, fence: Generation, live: &Release, mend: &Mend) -> Result<bool, PortError> {
        self.clusters.pass(&live.key, fence)?;
        Ok(mend::put_back(&self.clusters, fence, &live.key, live, mend).await?)
    }
}

#[async_trait]
impl Traffic for KubernetesTraffic {
    async fn can_open(&self, release: &Release) -> Result<(), PortError> {
        Ok(preflight::check(&self.clusters, release).await?)
    }

    async fn take(&self, fence: Generation, claim: &Claim, release: &Release) -> Result<(), PortError> {
        self.clusters.pass(&claim.key, fence)?;
        Ok(lease::take(&self.clusters, fence, claim, release).await?)
    }

    async fn renew(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError> {
        Ok(lease::renew(&self.clusters, fence, key).await?)
    }

    async fn give_back(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError> {
        Ok(lease::give_back(&self.clusters, fence, key).await?)
    }

    async fn mirror(
        &self,
        fence: Generation,
        claim: &Claim,
        release: &Release,
        mirrored: &[u8],
        if_none: IfNone,
    ) -> Result<bool, PortError> {
        self.clusters.pass(&claim.key, fence)?;
        mirror::keep(&self.clusters, fence, claim, release, mirrored, if_none).await
    }

    async fn is_taken(&self, release: &Release) -> Result<bool, PortError> {
        Ok(lease::there(&self.clusters, release).await?.is_some())
    }

    async fn whereabouts(&self, release: &Release) -> Result<Option<String>, PortError> {
        let there = lease::there(&self.clusters, release).await?;
        Ok(there.as_ref().and_then(crate::objects::lease::home))
    }

    async fn forget_mirror(
        &self,
        fence: Generation,
        claim: &Claim,
        release: &Release,
    ) -> Result<(), PortError> {
        self.clusters.pass(&claim.key, fence)?;
        mirror::forget(&self.clusters, fence, claim, release).await
    }

    async fn kept(&self, place: &Namespace, key: &EnvironmentKey) -> Result<Option<KeptRun>, PortError> {
        Ok(mirror::find(&self.clusters, place, key).await?)
    }

    async fn made_live(
        &self,
        place: &Namespace,
        releases: &[&Release],
    ) -> Result<Option<ReleaseId>, PortError> {
        Ok(mirror::made_live(&self.clusters, place, releases).await?)
    }

    async fn take_from(
        &self,
        place: &Namespace,
        key: &EnvironmentKey,
        kept: &KeptRun,
        generation: Generation,
        home: &str,
    ) -> Result<bool, PortError> {
        let keeper = Keeper { owner: &kept.owner, generation, home };
        Ok(mirror::take(&self.clusters, place, key, kept, &keeper).await?)
    }

    async fn open(&self, fence: Generation, release: &Release) -> Result<(), PortError> {
        let key = &release.key;
        self.clusters.pass(key, fence)?;
        let cluster = self.clusters.reach(cluster_of(release)?).await?;
        let Some(record) = self.note_services(release)? else { return Ok(()) };
        let adopting = adoption::wants(&self.clusters, release)?.map(|(_, from)| (release, from));
        Ok(state::ensure(&self.clusters, &cluster, key, &record, fence, adopting, release).await?)
    }

    async fn door(&self, release: &Release) -> Result<SocketAddr, PortError> {
        let (Way::Straight(door) | Way::Forwarded(door)) = self.way(release).await?;
        Ok(door)
    }

    async fn register(
        &self,
        fence: Generation,
        release: &Release,
        slot: Slot,
        _: &[InstanceStatus],
    ) -> Result<(), PortError> {
        let standing = crate::objects::service::Standing { release: release.id.clone(), left: None };
        let changed = state::change(&self.clusters, &release.key, fence, |state| {
            if state.slots.get(&slot).is_none_or(|there| there.release != standing.release) {
                state.slots.insert(slot, standing.clone());
            }
        });
        changed.await?;
        Ok(routed::register(&self.clusters, fence, release, slot).await?)
    }

    async fn fit(&self, fence: Generation, release: &Release, live: &ReleaseId) -> Result<(), PortError> {
        self.clusters.pass(&release.key, fence)?;
        Ok(grow::to_its_size(&self.clusters, fence, release, live).await?)
    }

    async fn can_take(&self, release: &Release) -> Result<(), PortError> {
        proof::enough_ready(&self.clusters, release).await?;
        Ok(proof::behind_its_slot(&self.clusters, release).await?)
    }

    async fn switch(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        expect: Option<&ReleaseId>,
        to: Option<(Slot, &ReleaseId)>,
    ) -> Result<Switched, PortError> {
        self.clusters.pass(key, fence)?;
        let switched = switch::switch(&self.clusters, fence, key, expect, to).await?;
        companions::follow_soon(&self.clusters, key);
        Ok(switched)
    }

    async fn roll(
        &self,
        fence: Generation,
        from: &Release,
        to: (Slot, &Release),
        bound: Bound,
    ) -> Result<Rolled, PortError> {
        self.clusters.pass(&from.key, fence)?;
        let (slot, to) = to;
        let turn = roll::Turn { clusters: &self.clusters, fence, from, to, slot, bound };
        turn.take().await
    }

    async fn proven(&self, release: &Release) -> Result<Evidence, PortError> {
        Ok(proof::only_this_one(&self.clusters, release).await?)
    }

    fn in_a_row(&self, _: &Release) -> u32 {
        IN_A_ROW
    }

    async fn routing(&self, key: &EnvironmentKey) -> Result<Routing, PortError> {
        let Some(record) = record::read(&self.clusters.layout, key).map_err(KubernetesError::from)? else {
            return Ok(Routing::default());
        };
        let cluster = self.clusters.reach(&record.cluster).await?;
        let Some(seen) = state::routing(&self.clusters, &cluster, key).await? else {
            return Ok(Routing::default());
        };
        let slots =
            seen.state.slots.iter().map(|(slot, standing)| (*slot, standing.release.clone())).collect();
        Ok(Routing { live: seen.live(), slots })
    }

    async fn drain(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        slot: Slot,
        deadline: Duration,
    ) -> Result<Drained, PortError> {
        self.clusters.pass(key, fence)?;
        let began = self.clusters.clock.elapsed();
        let left = state::left(&self.clusters, key, slot).await?;
        // What is in flight cannot be seen from here: who had the traffic gets the whole time since it lost it.
        if let Some(left) = left {
            let since =
                Duration::try_from(self.clusters.clock.now().duration_since(left)).unwrap_or_default();
            self.clusters.clock.sleep(deadline.max(ACTS_WITHIN).saturating_sub(since)).await;
        }
        let waited = self.clusters.clock.elapsed().saturating_sub(began);
        Ok(Drained { waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX), ..Drained::default() })
    }

    async fn unregister(&self, fence: Generation, key: &EnvironmentKey, slot: Slot) -> Result<(), PortError> {
        let changed = state::change(&self.clusters, key, fence, |state| {
            let is_live =
                state.slots.get(&slot).is_some_and(|there| state.live.as_ref() == Some(&there.release));
            if !is_live {
                state.slots.remove(&slot);
            }
        });
        Ok(changed.await?)
    }

    async fn close(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError> {
        self.clusters.pass(key, fence)?;
        let Some(record) = record::read(&self.clusters.layout, key).map_err(KubernetesError::from)? else {
            return Ok(());
        };
        let cluster = self.clusters.reach(&record.cluster).await?;
        state::refuse_stale(&self.clusters, &cluster, key, fence).await?;
        // What leads comes last: until then it says who was live.
        let fixed: Vec<_> = record.fixed().map(|(service, _)| service).collect();
        for service in fixed.into_iter().rev() {
            if let Some(object) = state::find(&cluster, &record.front(&key.app, service)).await?
                && state::is_ours(&self.clusters, key, &object)
            {
                if let Some(adopted) = state::adopted(&object) {
                    adoption::hand_back(&cluster, &object, &adopted).await?;
                    continue;
                }
                delete::<Service>(&cluster, "Service", &object).await?;
            }
        }
        routed::close(&self.clusters, &cluster, key, &record).await?;
        let turn = self.clusters.turn(key);
        let _turn = turn.lock().await;
        companions::remove_all(&self.clusters, &cluster, key).await?;
        record::forget(&self.clusters.layout, key).map_err(|error| KubernetesError::from(error).into())
    }

    async fn observed(&self, release: &Release, since: Duration) -> Result<Option<Count>, PortError> {
        let slot = state::recorded_slot(&self.clusters, &release.key, &release.id);
        Ok(crate::observe::observed(release, slot, since).await?)
    }

    async fn probing(
        &self,
        release: &Release,
        wanted: &Wanted,
    ) -> Result<Option<Box<dyn Probing>>, PortError> {
        let Some(probe) = &cluster_of(release)?.probe else { return Ok(None) };
        let way = self.way(release).await?;
        let begun = OwnRequests::begin(way, wanted, probe.rate, release.rollout.max_p95);
        Ok(Some(Box::new(begun)))
    }

    async fn count(&self, _: &EnvironmentKey, _: &ReleaseId, _: Duration) -> Result<Count, PortError> {
        // Requests go by the cluster's own ways: nobody here counts them, and no data is said to be no data.
        Ok(Count::default())
    }
}
