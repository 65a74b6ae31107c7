//! What can be known before anything is made: whether the namespace is there, the account may do what is needed, names are free, and a
//! second release fits beside the first. Changes nothing.

pub(crate) mod lints;
mod permissions;
mod quota;
mod rehearsal;

use std::sync::Arc;

use bascule_engine::ports::{SlotSpec, traffic_services};
use bascule_instances::records;
use bascule_model::release::{self, Release, TargetKind};
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use self::rehearsal::Freed;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::lease;
use crate::record;
use crate::shared::{Clusters, lock, place};
use crate::target::cluster_of;
use crate::traffic::state;

pub(crate) use permissions::{FOR_COMMANDS, FOR_LOOKING, NEEDED};

/// Refuses what would fail later.
pub(crate) async fn check(clusters: &Clusters, release: &Release) -> Result<(), KubernetesError> {
    let settings = cluster_of(release)?;
    if let Some(record) =
        record::read(&clusters.layout, &release.key)?.filter(|record| !record.cluster.is_where(settings))
    {
        return Err(KubernetesError::Moved {
            environment: release.key.environment.to_string(),
            stands: described(&record.cluster),
            wanted: described(settings),
        });
    }
    let cluster = clusters.reach(settings).await?;
    // Whoever may do all that is needed is not asked again for as long as this control plane lives.
    if !lock(&clusters.allowed).contains(&place(settings)) {
        namespace(&cluster).await?;
        let missing = permissions::missing(&cluster).await?;
        if !missing.is_empty() {
            return Err(KubernetesError::Forbidden { missing, namespace: cluster.namespace.clone() });
        }
        lock(&clusters.allowed).push(place(settings));
    }
    lease::look(clusters, &cluster, &release.key).await?;
    services(clusters, &cluster, release).await?;
    crate::companions::check_names(clusters, &cluster, release).await?;
    room(clusters, &cluster, release).await
}

/// Refuses what the API server would refuse of what is to stand in a slot. Answers what a person should know of it, one sentence each.
pub(crate) async fn foresee(clusters: &Clusters, spec: &SlotSpec) -> Result<Vec<String>, KubernetesError> {
    let release = &spec.release;
    let standing = standing(clusters, release)?;
    if standing.iter().any(|one| one.id == release.id) {
        return Ok(Vec::new());
    }
    let cluster = clusters.reach(cluster_of(release)?).await?;
    // What is wrong with what says who is live is told by who writes there.
    let live =
        state::read(clusters, &cluster, &release.key).await.ok().flatten().and_then(|lead| lead.selected);
    let is_left = standing.iter().any(|one| live.as_ref() != Some(&one.id));
    let freed = if is_left { Freed::AFormerRelease } else { Freed::Nothing };
    let mut told = rehearsal::rehearse(clusters, &cluster, spec, freed).await?;
    told.extend(lints::of_cluster(clusters, &cluster, spec, live.as_ref(), &standing).await);
    Ok(told)
}

/// The releases of the environment that stand.
fn standing(clusters: &Clusters, release: &Release) -> Result<Vec<Release>, KubernetesError> {
    let all = records::slots(&clusters.layout, TargetKind::Kubernetes)?.into_iter().flatten();
    Ok(all.filter(|(slot, _)| slot.key == release.key).map(|(_, record)| record.release).collect())
}

/// Where an environment is, in words.
fn described(cluster: &release::Cluster) -> String {
    let context = cluster.context.as_deref().unwrap_or("current");
    let port = cluster.node_port.map(|port| format!(" at {port}")).unwrap_or_default();
    format!(
        "the namespace {} of the {context} context, with {}{port}",
        cluster.namespace,
        cluster.service.as_str()
    )
}

async fn namespace(cluster: &Arc<Cluster>) -> Result<(), KubernetesError> {
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let name = cluster.namespace.as_str();
    let gone = |what| KubernetesError::Namespace { namespace: name.to_owned(), what };
    match cluster.call(&format!("look at the namespace {name}"), || api.get_opt(name)).await {
        Ok(None) => Err(gone("is not there")),
        Ok(Some(found)) if found.metadata.deletion_timestamp.is_some() => Err(gone("is being removed")),
        Ok(Some(_)) => Ok(()),
        // An account of the namespace alone may not look at it: what follows will tell.
        Err(error) if error.status() == Some(403) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the Services' names are free, or ours.
async fn services(
    clusters: &Clusters,
    cluster: &Arc<Cluster>,
    release: &Release,
) -> Result<(), KubernetesError> {
    for service in traffic_services(release) {
        let Some(found): Option<Service> = state::find(cluster, &release.key, &service.name).await? else {
            continue;
        };
        if !state::is_ours(clusters, &release.key, &found) {
            return Err(KubernetesError::NameTaken {
                what: "Service",
                name: found.name_any(),
                whose: state::NOT_OURS.to_owned(),
            });
        }
    }
    Ok(())
}

/// Whether quotas leave room for all of the new release beside the live one. What stands already needs none, and who stands by is
/// retired first.
async fn room(clusters: &Clusters, cluster: &Arc<Cluster>, release: &Release) -> Result<(), KubernetesError> {
    let (api, params) = (cluster.api::<ResourceQuota>(), ListParams::default());
    let standing = standing(clusters, release)?;
    if standing.iter().any(|one| one.id == release.id) {
        return Ok(());
    }
    let quotas = match cluster.call("list the quotas", || api.list(&params)).await {
        Ok(quotas) => quotas.items,
        // Who may not see them cannot count: the cluster itself will say no.
        Err(error) if error.status() == Some(403) => return Ok(()),
        Err(error) => return Err(error),
    };
    if quotas.is_empty() {
        return Ok(());
    }
    let live = state::read(clusters, cluster, &release.key).await?.and_then(|lead| lead.selected);
    let freed: Vec<_> =
        standing.iter().filter(|one| live.as_ref() != Some(&one.id)).map(quota::needed).collect();
    let needed = quota::needed(release);
    let lacks: Vec<String> = quotas.iter().flat_map(|one| quota::lacks(one, &needed, &freed)).collect();
    if lacks.is_empty() { Ok(()) } else { Err(KubernetesError::NoRoom { lacks }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_that_is_needed_is_asked_for_once() {
        let mut all: Vec<String> = NEEDED
            .iter()
            .chain(&FOR_COMMANDS)
            .chain(&FOR_LOOKING)
            .flat_map(|one| one.verbs.iter().map(|verb| format!("{verb} {}", one.resource)))
            .collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
