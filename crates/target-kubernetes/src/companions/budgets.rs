//! PodDisruptionBudgets: one for each service with two pods or more, made before its pods are, gone with the last release that wants it.
//! Where somebody else's budget is for the same pods there is none of ours: the cluster evicts no pod that has two.

use bascule_instances::records;
use bascule_model::release::{Release, Service, TargetKind};
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::{apply, is_made_by_us, list, remove};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::budget::{budget, is_wanted};
use crate::selected::selects;
use crate::shared::Clusters;

/// So often one is made that the cluster has written to meanwhile.
const ATTEMPTS: usize = 5;

/// Makes what a release's services are to have.
pub(crate) async fn ensure(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
) -> Result<(), KubernetesError> {
    if !release.services.iter().any(is_wanted) {
        return Ok(());
    }
    let turn = clusters.turn(&release.key);
    let _turn = turn.lock().await;
    let resource = cluster.budgets().await?;
    let mut attempt = 1;
    loop {
        let found = list(cluster, resource).await?;
        match make(clusters, cluster, release, &found).await {
            // The cluster notes there how many pods there are, whenever that changes: then it is looked at again.
            Err(error) if error.status() == Some(409) && attempt < ATTEMPTS => attempt += 1,
            answer => return answer,
        }
    }
}

/// Makes them, where these are there. Whoever calls has the turn.
async fn make(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    found: &[DynamicObject],
) -> Result<(), KubernetesError> {
    let key = &release.key;
    let resource = cluster.budgets().await?;
    for service in release.services.iter().filter(|service| is_wanted(service)) {
        let name = names::service(&key.app, &service.name);
        let there = found.iter().find(|one| one.name_any() == name);
        if found.iter().any(|one| !is_made_by_us(clusters, key, one) && protects(one, release, service)) {
            if let Some(there) = there.filter(|there| is_made_by_us(clusters, key, there)) {
                remove(cluster, resource, there).await?;
            }
            continue;
        }
        if there.is_some_and(|there| !is_made_by_us(clusters, key, there)) {
            return Err(KubernetesError::NameTaken {
                what: "PodDisruptionBudget".into(),
                name,
                whose: crate::traffic::state::NOT_OURS.to_owned(),
            });
        }
        let object = budget(key, service, &resource.version, &clusters.owner(key));
        apply(cluster, resource, object, there).await?;
    }
    Ok(())
}

/// Removes what no release wants that stands once `leaving` is gone, and makes the others as those releases want them: a release that
/// failed may have had wishes of its own.
///
/// # Errors
/// When something could not be removed. Who may not even see them has made none.
pub(crate) async fn tidy(
    clusters: &Clusters,
    cluster: &Cluster,
    leaving: &Release,
) -> Result<(), KubernetesError> {
    let key = &leaving.key;
    let turn = clusters.turn(key);
    let _turn = turn.lock().await;
    if !leaving.services.iter().any(is_wanted) {
        return Ok(());
    }
    let staying: Vec<Release> = records::slots(&clusters.layout, TargetKind::Kubernetes)?
        .into_iter()
        .flatten()
        .map(|(_, record)| record.release)
        .filter(|release| release.key == *key && release.id != leaving.id)
        .collect();
    let services = || staying.iter().flat_map(|release| &release.services);
    let resource = cluster.budgets().await?;
    let found = match list(cluster, resource).await {
        Err(error) if error.status() == Some(403) => return Ok(()),
        found => found?,
    };
    for one in found.iter().filter(|one| is_made_by_us(clusters, key, one)) {
        if !services().any(|service| is_wanted(service) && is_named(one, leaving, service)) {
            remove(cluster, resource, one).await?;
        }
    }
    // Where two stand, a run that is under way has made them as it wants them.
    if let [release] = &*staying {
        // That one of them is not as it was is no reason to leave pods that are to go.
        let _ = make(clusters, cluster, release, &found).await;
    }
    Ok(())
}

fn is_named(object: &DynamicObject, release: &Release, service: &Service) -> bool {
    object.name_any() == names::service(&release.key.app, &service.name)
}

/// Whether it is for pods of a service of the release.
pub(crate) fn protects(object: &DynamicObject, release: &Release, service: &Service) -> bool {
    let selector = &object.data["spec"]["selector"];
    // One that says nothing is for every pod of the namespace, but for those of the first version of the API, where it is for none.
    let is_empty = selector.as_object().is_none_or(serde_json::Map::is_empty);
    let is_old = object.types.as_ref().is_some_and(|types| types.api_version.ends_with("v1beta1"));
    if is_empty && is_old {
        return false;
    }
    [bascule_model::ids::Slot::Blue, bascule_model::ids::Slot::Green]
        .iter()
        .any(|slot| selects(selector, &names::of_service(&release.key, &release.id, *slot, &service.name)))
}
