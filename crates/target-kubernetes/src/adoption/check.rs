//! Whether a Deployment can be taken over. Changes nothing.

use bascule_model::release::Release;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::ResourceExt as _;

use super::hand::controller;
use super::objects;
use super::service::{find_service, wants};
use crate::cluster::Cluster;
use crate::companions;
use crate::error::KubernetesError;
use crate::names;
use crate::preflight::permissions::{FOR_ADOPTION, lacking};
use crate::shared::Clusters;
use crate::target::stop::list;

/// Refuses what cannot be taken over, where the release is to take something over.
pub(crate) async fn check(
    clusters: &Clusters,
    cluster: &std::sync::Arc<Cluster>,
    release: &Release,
) -> Result<(), KubernetesError> {
    let Some((lead, from)) = wants(clusters, release)? else { return Ok(()) };
    let missing = lacking(cluster, &FOR_ADOPTION).await?;
    if !missing.is_empty() {
        return Err(KubernetesError::Forbidden { missing, namespace: cluster.namespace.clone() });
    }
    find_service(clusters, cluster, release, from).await?;
    // A run that goes on has begun already.
    let begun = names::selector(&release.key, &lead, release.id.as_str());
    if !list::<ReplicaSet>(cluster, "ReplicaSets", &names::query(&begun)).await?.is_empty() {
        return Ok(());
    }
    settled(cluster, from).await?;
    for scaler in companions::list(cluster, cluster.scalers().await?).await? {
        if companions::scalers::target_of(&scaler).is_some_and(|it| it == from) {
            let name = scaler.name_any();
            return Err(unfit(
                from,
                &format!(
                    "the HorizontalPodAutoscaler {name} scales it, and would scale nothing: remove it, and write `scale` for the service"
                ),
            ));
        }
    }
    Ok(())
}

/// A Deployment all of whose pods are well and of one ReplicaSet, and that one.
pub(super) async fn settled(
    cluster: &Cluster,
    from: &str,
) -> Result<(Deployment, ReplicaSet), KubernetesError> {
    let doing = format!("look at the Deployment {from}");
    let Some(deployment) = cluster.get::<Deployment>(&doing, from).await? else {
        return Err(unfit(from, "there is none of that name"));
    };
    if deployment.labels().get(names::MANAGED_BY).is_some_and(|by| by == "bascule") {
        return Err(unfit(from, "Bascule made it"));
    }
    if let Some(why) = objects::unsettled(&deployment) {
        return Err(unfit(from, &why));
    }
    let selector =
        deployment.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone()).unwrap_or_default();
    if selector.is_empty() {
        return Err(unfit(from, "it selects its pods without `matchLabels`"));
    }
    let sets = list::<ReplicaSet>(cluster, "ReplicaSets", &names::query(&selector)).await?;
    let has_pods = |set: &ReplicaSet| set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0) > 0;
    let mut own = sets.into_iter().filter(|set| controller(set) == deployment.uid() && has_pods(set));
    match (own.next(), own.next()) {
        (Some(set), None) => Ok((deployment, set)),
        _ => Err(unfit(from, "its pods are not of one ReplicaSet: wait until its rollout is over")),
    }
}

pub(super) fn unfit(deployment: &str, why: &str) -> KubernetesError {
    KubernetesError::CannotAdopt { deployment: deployment.to_owned(), why: why.to_owned() }
}
