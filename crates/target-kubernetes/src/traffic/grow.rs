//! The new release's size right before the switch. Somebody, or a scaler, may have made the live one larger since it was started, and
//! have made the new one smaller, to look at one pod of it first.

use bascule_instances::records;
use bascule_model::ids::{Generation, ReleaseId};
use bascule_model::release::{Release, TargetKind};

use super::proof::deployment;
use super::state;
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::sizes::{of_live, whole};
use crate::target::stop::scale;

/// Makes it larger where it has to be, and never smaller. Nothing is asked of the cluster where it is as it has to be: what is there has
/// been told.
pub(super) async fn to_its_size(
    clusters: &Clusters,
    fence: Generation,
    release: &Release,
    live: &ReleaseId,
) -> Result<(), KubernetesError> {
    let folder = clusters.layout.slot(&release.key, live)?;
    let former = records::slot(&folder, TargetKind::Kubernetes)?.map(|record| record.release);
    for service in &release.services {
        let Some(there) = deployment(clusters, release, &release.id, service.name.as_str()).await? else {
            continue;
        };
        let grown = deployment(clusters, release, live, service.name.as_str()).await?;
        let wanted = whole(service, former.as_ref(), grown.as_ref().and_then(of_live));
        let now = there.spec.and_then(|spec| u32::try_from(spec.replicas?).ok()).unwrap_or(0);
        if now < wanted {
            let cluster = clusters.reach(cluster_of(release)?).await?;
            state::refuse_stale(clusters, &cluster, &release.key, fence).await?;
            scale(&cluster, &names::deployment(&release.key.app, &service.name, &release.id), wanted).await?;
        }
    }
    Ok(())
}
