//! How many pods each service of a release is to have: at least as many as its manifest says, and as many as somebody made of the live
//! release, who had a reason. Of a release that comes pod by pod the first ones are made alone.

use std::sync::Arc;

use bascule_instances::records;
use bascule_model::ids::ServiceName;
use bascule_model::release::{Release, Service, TargetKind};
use k8s_openapi::api::apps::v1::Deployment;

use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;
use crate::traffic::state;

/// The pods of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Those of the live release are to be now.
    pub(crate) live: u32,
    /// As many as the new one is to have in the end.
    pub(crate) whole: u32,
    /// As many as it is made with.
    pub(crate) first: u32,
}

/// Of each service of a release, in its order.
pub(crate) async fn sizes(
    clusters: &Clusters,
    cluster: &Arc<Cluster>,
    release: &Release,
) -> Result<Vec<(ServiceName, Size)>, KubernetesError> {
    let key = &release.key;
    let live = state::read(clusters, cluster, key).await?.and_then(|seen| seen.live());
    let Some((_, live)) = live.filter(|(_, live)| *live != release.id) else {
        let whole = |service: &Service| {
            let count = service.instances;
            (service.name.clone(), Size { live: 0, whole: count, first: count })
        };
        return Ok(release.services.iter().map(whole).collect());
    };
    let folder = clusters.layout.slot(key, &live)?;
    let former = records::slot(&folder, TargetKind::Kubernetes)?.map(|record| record.release);
    let rolling = former.as_ref().and_then(|former| release.rolls_over(former));
    let mut sizes = Vec::new();
    for service in &release.services {
        let name = names::deployment(&key.app, &service.name, &live);
        let found = cluster.get::<Deployment>(&format!("look at the Deployment {name}"), &name).await?;
        let asked = found.as_ref().and_then(asked_for);
        let whole = whole(service, former.as_ref(), found.as_ref().and_then(of_live));
        let live = asked.unwrap_or(0);
        let first = rolling.filter(|_| live > 0).map_or(whole, |rolling| rolling.first(whole));
        sizes.push((service.name.clone(), Size { live, whole, first }));
    }
    Ok(sizes)
}

/// How many pods a Deployment is to have, where it says so.
pub(crate) fn asked_for(deployment: &Deployment) -> Option<u32> {
    u32::try_from(deployment.spec.as_ref()?.replicas?).ok()
}

/// How many pods a Deployment has at this moment.
pub(crate) fn of_live(deployment: &Deployment) -> Option<u32> {
    u32::try_from(deployment.status.as_ref()?.replicas?).ok()
}

/// As many as a service is to have in the end. `former`: the release that is live; `now`: as many as its Deployment has.
pub(crate) fn whole(service: &Service, former: Option<&Release>, now: Option<u32>) -> u32 {
    // Nobody has changed it since: what the manifest says now holds.
    let made = former.and_then(|former| former.service(&service.name)).map(|one| one.instances);
    let scale = service.pods.scale;
    let kept = now.filter(|now| scale.is_some() || Some(*now) != made);
    let kept = kept.map(|now| scale.map_or(now, |scale| now.clamp(scale.min, scale.max)));
    kept.unwrap_or(0).max(service.instances)
}
