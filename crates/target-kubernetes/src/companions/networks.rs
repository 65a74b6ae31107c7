//! NetworkPolicies: one for each service that says who may come in, for the pods of all of its releases. While two stand it lets in
//! whom either of them does, so that neither loses its users to the other; what the last one says holds once it is alone.

use std::collections::BTreeSet;

use bascule_instances::records;
use bascule_model::ids::{EnvironmentKey, ServiceName};
use bascule_model::release::{Release, TargetKind};
use kube::ResourceExt as _;

use super::{apply, is_made_by_us, list, remove};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::network::{peers, policy};
use crate::shared::Clusters;

/// So often one is made to which somebody has written meanwhile.
const ATTEMPTS: usize = 5;

/// Whether a release says of any service who may come in.
pub(crate) fn is_wanted(release: &Release) -> bool {
    release.services.iter().any(|service| service.pods.network.is_some())
}

/// Makes the policies of an environment as the releases that stand there want them; `changing` comes, or is gone.
///
/// # Errors
/// When one could not be made or removed, or its name belongs to somebody else. Who may not even see them has made none.
pub(crate) async fn settle(
    clusters: &Clusters,
    cluster: &Cluster,
    changing: &Release,
    stands: Stands,
) -> Result<(), KubernetesError> {
    let key = &changing.key;
    let turn = clusters.turn(key);
    let _turn = turn.lock().await;
    let standing = standing(clusters, changing, stands)?;
    if !is_wanted(changing) && !standing.iter().any(is_wanted) {
        return Ok(());
    }
    let named = standing.iter().chain([changing]).flat_map(|release| &release.services);
    let services: BTreeSet<&ServiceName> = named.map(|service| &service.name).collect();
    let mut attempt = 1;
    loop {
        match make(clusters, cluster, key, &standing, &services).await {
            Err(error) if error.status() == Some(409) && attempt < ATTEMPTS => attempt += 1,
            answer => return answer,
        }
    }
}

/// Those of the environment that stand, once one of them has come or is gone.
pub(crate) fn standing(
    clusters: &Clusters,
    changing: &Release,
    stands: Stands,
) -> Result<Vec<Release>, KubernetesError> {
    let all = records::slots(&clusters.layout, TargetKind::Kubernetes)?.into_iter().flatten();
    let mut standing: Vec<Release> = all
        .map(|(_, record)| record.release)
        .filter(|release| release.key == changing.key && release.id != changing.id)
        .collect();
    if stands == Stands::FromNowOn {
        standing.push(changing.clone());
    }
    Ok(standing)
}

/// Whether the release that changes is one of those that stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    FromNowOn,
    NoLonger,
}

/// Whoever calls has the turn.
async fn make(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    standing: &[Release],
    services: &BTreeSet<&ServiceName>,
) -> Result<(), KubernetesError> {
    let resource = cluster.networks().await?;
    let is_any_wanted = services.iter().any(|service| peers(standing, service).is_some());
    let found = match list(cluster, resource).await {
        Err(error) if error.status() == Some(403) && !is_any_wanted => return Ok(()),
        found => found?,
    };
    for service in services {
        let name = names::service(&key.app, service);
        let there = found.iter().find(|one| one.name_any() == name);
        let is_ours = there.is_some_and(|there| is_made_by_us(clusters, key, there));
        match (peers(standing, service), there) {
            (Some(_), Some(_)) if !is_ours => {
                let (what, whose) = ("NetworkPolicy".into(), crate::traffic::state::NOT_OURS.to_owned());
                return Err(KubernetesError::NameTaken { what, name, whose });
            }
            (Some(peers), there) => {
                let object = policy(key, service, &peers, &resource.version, &clusters.owner(key));
                apply(cluster, resource, object, there).await?;
            }
            (None, Some(there)) if is_ours => remove(cluster, resource, there).await?,
            (None, _) => {}
        }
    }
    Ok(())
}
