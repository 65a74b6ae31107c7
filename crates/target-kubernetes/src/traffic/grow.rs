//! The new release's size right before the switch. Somebody, or a scaler, may have made the live one larger since it was started, and
//! have made the new one smaller, to look at one pod of it first.

use bascule_instances::records;
use bascule_model::ids::{Generation, ReleaseId};
use bascule_model::release::{Release, Service, TargetKind};
use k8s_openapi::api::apps::v1::Deployment;

use super::proof::{LOOK, deployment};
use super::state;
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::sizes::{asked_for, of_live, whole};
use crate::target::stop::scale;

/// Makes it larger where it has to be, and never smaller. Nothing is asked of the cluster where it is as it has to be: what is there has
/// been told. What it was made is waited for until that has been told as well: pods are counted by it.
pub(super) async fn to_its_size(
    clusters: &Clusters,
    fence: Generation,
    release: &Release,
    live: &ReleaseId,
) -> Result<(), KubernetesError> {
    let folder = clusters.layout.slot(&release.key, live)?;
    let former = records::slot(&folder, TargetKind::Kubernetes)?.map(|record| record.release);
    for service in &release.services {
        let Some(there) = as_it_is(clusters, release, &release.id, service).await? else { continue };
        let grown = as_it_is(clusters, release, live, service).await?;
        let wanted = whole(service, former.as_ref(), grown.as_ref().and_then(of_live));
        if asked_for(&there).unwrap_or(0) < wanted {
            let cluster = clusters.reach(cluster_of(release)?).await?;
            state::refuse_stale(clusters, &cluster, &release.key, fence).await?;
            scale(&cluster, &names::deployment(&release.key.app, &service.name, &release.id), wanted).await?;
            told(clusters, release, service, wanted).await?;
        }
    }
    Ok(())
}

/// As the cluster told it last; while it tells nothing, it is asked.
async fn as_it_is(
    clusters: &Clusters,
    release: &Release,
    of: &ReleaseId,
    service: &Service,
) -> Result<Option<Deployment>, KubernetesError> {
    let settings = cluster_of(release)?;
    if clusters.watch(settings).await?.trouble().is_none() {
        return deployment(clusters, release, of, service.name.as_str()).await;
    }
    let name = names::deployment(&release.key.app, &service.name, of);
    clusters.reach(settings).await?.get(&format!("look at the Deployment {name}"), &name).await
}

/// Waits until the cluster has told of the size that was written.
async fn told(
    clusters: &Clusters,
    release: &Release,
    service: &Service,
    wanted: u32,
) -> Result<(), KubernetesError> {
    let deadline = tokio::time::Instant::now() + release.rollout.deadline;
    loop {
        let there = as_it_is(clusters, release, &release.id, service).await?;
        let now = there.as_ref().and_then(asked_for).unwrap_or(0);
        if now >= wanted {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            let name = names::deployment(&release.key.app, &service.name, &release.id);
            let words = format!("it is to have {wanted} pods, and was told to have {now} by somebody");
            return Err(KubernetesError::Away {
                doing: format!("make {name} as large as the live one"),
                words,
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}
