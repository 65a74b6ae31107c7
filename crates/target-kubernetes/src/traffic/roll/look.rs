//! Seeing how many pods of a service two releases have.

use std::sync::Arc;

use bascule_model::ids::ServiceName;
use bascule_model::release::{Release, Service};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use kube::ResourceExt as _;
use kube::api::ListParams;

use super::sizes::{Bounds, Side};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::seen::is_ready;
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::stop::{has_ended, list};

/// Where it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// In what the API server has told: costs nothing, and may be old.
    Told,
    /// In what it answers now.
    Asked,
}

/// A service of both.
pub(super) struct Pair {
    pub(super) service: ServiceName,
    pub(super) bounds: Bounds,
    pub(super) coming: Side,
    pub(super) going: Side,
    pub(super) coming_deployment: Option<Deployment>,
    pub(super) going_deployment: Option<Deployment>,
}

/// `releases`: who comes, and who goes.
pub(super) async fn look(
    clusters: &Clusters,
    cluster: &Arc<Cluster>,
    releases: (&Release, &Release),
    service: &Service,
    bounds: Bounds,
    source: Source,
) -> Result<Pair, KubernetesError> {
    let (coming, coming_deployment) = side(clusters, cluster, releases.0, &service.name, source).await?;
    let (going, going_deployment) = side(clusters, cluster, releases.1, &service.name, source).await?;
    let service = service.name.clone();
    Ok(Pair { service, bounds, coming, going, coming_deployment, going_deployment })
}

async fn side(
    clusters: &Clusters,
    cluster: &Arc<Cluster>,
    release: &Release,
    service: &ServiceName,
    source: Source,
) -> Result<(Side, Option<Deployment>), KubernetesError> {
    let name = names::deployment(&release.key.app, service, &release.id);
    let selector = names::selector(&release.key, service, release.id.as_str());
    let (pods, deployment) = match source {
        Source::Told => {
            let labels: Vec<(&str, &str)> =
                selector.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let watched = clusters.watch(cluster_of(release)?).await?;
            let found = watched.find(&labels).await;
            let (pods, deployments) = found.map_err(|words| KubernetesError::Away {
                doing: format!("look at the pods of {}", release.id),
                words,
            })?;
            (pods, deployments.into_iter().find(|one| one.name_any() == name))
        }
        Source::Asked => {
            let deployment =
                cluster.get::<Deployment>(&format!("look at the Deployment {name}"), &name).await?;
            (list::<Pod>(cluster, "pods", &names::query(&selector)).await?, deployment)
        }
    };
    let now = clusters.clock.now();
    let ended = |pod: &Pod| has_ended(pod, now);
    // What a node keeps of pods that have ended, which may take a minute, is in nobody's way but a quota's.
    let is_kept = pods.iter().any(ended) && has_quota(cluster).await?;
    Ok((counted(&pods, deployment.as_ref(), |pod| is_kept || !ended(pod)), deployment))
}

async fn has_quota(cluster: &Cluster) -> Result<bool, KubernetesError> {
    let (api, params) = (cluster.api::<ResourceQuota>(), ListParams::default());
    match cluster.call("list the quotas", || api.list(&params)).await {
        Ok(found) => Ok(!found.items.is_empty()),
        // Who may not see them is careful.
        Err(error) if error.status() == Some(403) => Ok(true),
        Err(error) => Err(error),
    }
}

/// `is_there`: whether a pod that is being ended counts still.
fn counted(pods: &[Pod], deployment: Option<&Deployment>, is_there: impl Fn(&Pod) -> bool) -> Side {
    // One that has ended for good is nobody's any more, a quota's neither.
    let is_over = |pod: &&Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Failed" | "Succeeded"))
    };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let wanted = deployment.and_then(|one| one.spec.as_ref()?.replicas).unwrap_or(0);
    Side {
        wanted: u32::try_from(wanted).unwrap_or(0),
        there: count(pods.iter().filter(|pod| !is_over(pod) && is_there(pod)).count()),
        ready: count(pods.iter().filter(|pod| !is_over(pod) && is_ready(pod)).count()),
    }
}
