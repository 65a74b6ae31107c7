//! One traffic port to the engine, two in truth: the edge for what runs on this machine, Services for what runs in a cluster. Which of
//! them an environment has is seen in local files.

#[cfg(feature = "kubernetes")]
use std::collections::BTreeMap;
use std::net::SocketAddr;
#[cfg(feature = "kubernetes")]
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{
    Bound, Claim, Drained, IfNone, PortError, Probing, Rolled, Routing, Switched, Traffic, Wanted,
};
#[cfg(feature = "kubernetes")]
use bascule_engine::ports::{KeptRun, Namespace};
use bascule_model::evidence::{InstanceStatus, Traffic as Count};
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Release, TargetKind};
use bascule_model::run::Evidence;
#[cfg(feature = "kubernetes")]
use bascule_target_kubernetes::{KubernetesTraffic, Mend};

use crate::traffic::EdgeTraffic;

/// Whoever directs traffic.
pub struct Traffics {
    /// Users' doors on this machine.
    pub(crate) edge: EdgeTraffic,
    /// Users' doors in clusters.
    #[cfg(feature = "kubernetes")]
    pub(crate) clusters: Arc<KubernetesTraffic>,
}

impl Traffics {
    /// Whether the environment's users come in at a cluster.
    pub(crate) fn is_in_cluster(&self, key: &EnvironmentKey) -> bool {
        #[cfg(feature = "kubernetes")]
        return self.clusters.directs(key);
        #[cfg(not(feature = "kubernetes"))]
        {
            let _ = key;
            false
        }
    }

    /// Where what directs the traffic of an environment in a cluster is not as it was written.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub(crate) async fn drift(&self, key: &EnvironmentKey) -> Result<Vec<String>, PortError> {
        #[cfg(feature = "kubernetes")]
        return self.clusters.drift(key).await;
        #[cfg(not(feature = "kubernetes"))]
        {
            let _ = key;
            Ok(Vec::new())
        }
    }

    /// What users' traffic depends on in a cluster, and somebody changed.
    ///
    /// # Errors
    /// When the cluster does not answer.
    #[cfg(feature = "kubernetes")]
    pub(crate) async fn to_mend(
        &self,
        fence: Generation,
        live: &Release,
        slots: &BTreeMap<Slot, ReleaseId>,
    ) -> Result<Vec<Mend>, PortError> {
        self.clusters.to_mend(fence, live, slots).await
    }

    /// Puts one of those back. Answers whether it was done.
    ///
    /// # Errors
    /// When the cluster refuses, or a newer lease wrote there.
    #[cfg(feature = "kubernetes")]
    pub(crate) async fn mend(
        &self,
        fence: Generation,
        live: &Release,
        mend: &Mend,
    ) -> Result<bool, PortError> {
        self.clusters.mend(fence, live, mend).await
    }

    fn of(&self, key: &EnvironmentKey) -> &dyn Traffic {
        #[cfg(feature = "kubernetes")]
        if self.clusters.directs(key) {
            return &*self.clusters;
        }
        let _ = key;
        &self.edge
    }

    fn of_release(&self, release: &Release) -> &dyn Traffic {
        #[cfg(feature = "kubernetes")]
        if release.target == TargetKind::Kubernetes {
            return &*self.clusters;
        }
        let _ = release;
        &self.edge
    }

    /// Users cannot be moved between a cluster and this machine by one write.
    async fn refuse_a_move(&self, release: &Release) -> Result<(), PortError> {
        let key = &release.key;
        let (from, to) = match (self.is_in_cluster(key), release.target == TargetKind::Kubernetes) {
            (true, false) => ("a cluster", "this machine"),
            (false, true) if self.edge.routing(key).await.is_ok_and(|routing| routing.live.is_some()) => {
                ("this machine", "a cluster")
            }
            _ => return Ok(()),
        };
        Err(Problem::new(
            Code::Usage,
            format!("{key} is in {from}, and the new release is for {to}: its users cannot be moved there by one write"),
            format!("give the new target an environment of its own, or take this one down first: bascule down {}", key.environment),
        )
        .into())
    }
}

#[async_trait]
impl Traffic for Traffics {
    async fn can_open(&self, release: &Release) -> Result<(), PortError> {
        self.refuse_a_move(release).await?;
        self.of_release(release).can_open(release).await
    }

    async fn take(&self, fence: Generation, claim: &Claim, release: &Release) -> Result<(), PortError> {
        self.of_release(release).take(fence, claim, release).await
    }

    #[cfg(feature = "kubernetes")]
    async fn renew(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError> {
        self.clusters.renew(fence, key).await
    }

    #[cfg(feature = "kubernetes")]
    async fn give_back(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError> {
        self.clusters.give_back(fence, key).await
    }

    async fn mirror(
        &self,
        fence: Generation,
        claim: &Claim,
        release: &Release,
        mirrored: &[u8],
        if_none: IfNone,
    ) -> Result<bool, PortError> {
        self.of_release(release).mirror(fence, claim, release, mirrored, if_none).await
    }

    async fn is_taken(&self, release: &Release) -> Result<bool, PortError> {
        self.of_release(release).is_taken(release).await
    }

    async fn whereabouts(&self, release: &Release) -> Result<Option<String>, PortError> {
        self.of_release(release).whereabouts(release).await
    }

    async fn forget_mirror(
        &self,
        fence: Generation,
        claim: &Claim,
        release: &Release,
    ) -> Result<(), PortError> {
        self.of_release(release).forget_mirror(fence, claim, release).await
    }

    #[cfg(feature = "kubernetes")]
    async fn kept(&self, place: &Namespace, key: &EnvironmentKey) -> Result<Option<KeptRun>, PortError> {
        self.clusters.kept(place, key).await
    }

    #[cfg(feature = "kubernetes")]
    async fn made_live(
        &self,
        place: &Namespace,
        releases: &[&Release],
    ) -> Result<Option<ReleaseId>, PortError> {
        self.clusters.made_live(place, releases).await
    }

    #[cfg(feature = "kubernetes")]
    async fn take_from(
        &self,
        place: &Namespace,
        key: &EnvironmentKey,
        kept: &KeptRun,
        generation: Generation,
        home: &str,
    ) -> Result<bool, PortError> {
        self.clusters.take_from(place, key, kept, generation, home).await
    }

    async fn open(&self, fence: Generation, release: &Release) -> Result<(), PortError> {
        self.of_release(release).open(fence, release).await
    }

    async fn door(&self, release: &Release) -> Result<SocketAddr, PortError> {
        self.of_release(release).door(release).await
    }

    async fn register(
        &self,
        fence: Generation,
        release: &Release,
        slot: Slot,
        instances: &[InstanceStatus],
    ) -> Result<(), PortError> {
        self.of_release(release).register(fence, release, slot, instances).await
    }

    async fn fit(&self, fence: Generation, release: &Release, live: &ReleaseId) -> Result<(), PortError> {
        self.of_release(release).fit(fence, release, live).await
    }

    async fn can_take(&self, release: &Release) -> Result<(), PortError> {
        self.of_release(release).can_take(release).await
    }

    async fn proven(&self, release: &Release) -> Result<Evidence, PortError> {
        self.of_release(release).proven(release).await
    }

    fn in_a_row(&self, release: &Release) -> u32 {
        self.of_release(release).in_a_row(release)
    }

    async fn switch(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        expect: Option<&ReleaseId>,
        to: Option<(Slot, &ReleaseId)>,
    ) -> Result<Switched, PortError> {
        self.of(key).switch(fence, key, expect, to).await
    }

    async fn roll(
        &self,
        fence: Generation,
        from: &Release,
        to: (Slot, &Release),
        bound: Bound,
    ) -> Result<Rolled, PortError> {
        self.of_release(to.1).roll(fence, from, to, bound).await
    }

    async fn routing(&self, key: &EnvironmentKey) -> Result<Routing, PortError> {
        self.of(key).routing(key).await
    }

    async fn drain(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        slot: Slot,
        deadline: Duration,
    ) -> Result<Drained, PortError> {
        self.of(key).drain(fence, key, slot, deadline).await
    }

    async fn unregister(&self, fence: Generation, key: &EnvironmentKey, slot: Slot) -> Result<(), PortError> {
        self.of(key).unregister(fence, key, slot).await
    }

    async fn close(&self, fence: Generation, key: &EnvironmentKey) -> Result<(), PortError> {
        self.of(key).close(fence, key).await
    }

    async fn observed(&self, release: &Release, since: Duration) -> Result<Option<Count>, PortError> {
        self.of_release(release).observed(release, since).await
    }

    async fn probing(
        &self,
        release: &Release,
        wanted: &Wanted,
    ) -> Result<Option<Box<dyn Probing>>, PortError> {
        self.of_release(release).probing(release, wanted).await
    }

    async fn count(
        &self,
        key: &EnvironmentKey,
        release: &ReleaseId,
        slow: Duration,
    ) -> Result<Count, PortError> {
        self.of(key).count(key, release, slow).await
    }
}
