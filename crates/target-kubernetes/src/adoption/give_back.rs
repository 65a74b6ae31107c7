//! Giving back what was taken over: the first Deployment is made again as it was, and has its pods again.

use bascule_model::release::Release;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::hand::{controller, label_pods, leave, patch_set, until_left, until_taken};
use super::objects::restored;
use super::take::make;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;
use crate::target::stop::list;
use crate::traffic::state;

/// Whether the release is one that was taken over and that no other has followed yet: it is not ours to end.
pub(crate) async fn is_lent(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
) -> Result<bool, KubernetesError> {
    if release.cluster.as_ref().is_none_or(|cluster| cluster.adopt.is_none()) {
        return Ok(false);
    }
    let lead = state::read(clusters, cluster, &release.key).await?;
    Ok(lead.is_some_and(|lead| lead.state.adopted.is_some_and(|adopted| adopted.release == release.id)))
}

/// Gives back everything of the release that was taken over. Done already is well.
pub(crate) async fn give_back(cluster: &Cluster, release: &Release) -> Result<(), KubernetesError> {
    let mut labels = names::of_environment(&release.key);
    labels.insert(names::RELEASE.to_owned(), release.id.to_string());
    for set in list::<ReplicaSet>(cluster, "ReplicaSets", &names::query(&labels)).await? {
        if let Some(note) = set.annotations().get(names::ADOPTED).cloned() {
            give(cluster, &set, &note).await?;
        }
    }
    Ok(())
}

async fn give(cluster: &Cluster, set: &ReplicaSet, note: &str) -> Result<(), KubernetesError> {
    let original: Value = serde_json::from_str(note).unwrap_or_default();
    let from = crate::objects::deployment::name(&original).to_owned();
    let name = set.name_any();
    let before = restored(set.labels(), &original);
    let doing = "look at the Deployment";
    let there = match cluster.get::<Deployment>(doing, &from).await? {
        Some(there) => there,
        None => {
            for one in list::<Deployment>(cluster, "Deployments", names::OURS).await? {
                if controller(set) == one.uid() {
                    leave(cluster, &one).await?;
                }
            }
            until_left(cluster, &name).await?;
            patch_set(
                cluster,
                &name,
                json!({ "spec": { "template": { "metadata": { "labels": before } } } }),
            )
            .await?;
            make(cluster, original).await?
        }
    };
    let set = until_taken(cluster, &name, &there).await?;
    label_pods(cluster, &set, &before).await?;
    // Last of all: until then it says that there is something to give back.
    let metadata = json!({ "labels": before, "annotations": { names::ADOPTED: null } });
    patch_set(cluster, &name, json!({ "metadata": metadata })).await
}
