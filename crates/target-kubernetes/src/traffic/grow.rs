//! The new release's size right before the switch. Somebody, or a scaler, may have made the live one larger since it was started, and
//! have made the new one smaller, to look at one pod of it first.

use bascule_model::ids::Generation;
use bascule_model::release::Release;
use k8s_openapi::api::apps::v1::Deployment;

use super::state;
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::sizes::sizes;
use crate::target::stop::scale;

/// Makes it larger where it has to be, and never smaller. Nothing where nobody is live.
pub(super) async fn to_its_size(
    clusters: &Clusters,
    fence: Generation,
    release: &Release,
) -> Result<(), KubernetesError> {
    let cluster = clusters.reach(cluster_of(release)?).await?;
    for (service, size) in sizes(clusters, &cluster, release).await? {
        let name = names::deployment(&release.key.app, &service, &release.id);
        let doing = format!("look at the Deployment {name}");
        let Some(there) = cluster.get::<Deployment>(&doing, &name).await? else { continue };
        let now = there.spec.and_then(|spec| u32::try_from(spec.replicas?).ok()).unwrap_or(0);
        if now < size.whole {
            state::refuse_stale(clusters, &cluster, &release.key, fence).await?;
            scale(&cluster, &name, size.whole).await?;
        }
    }
    Ok(())
}
