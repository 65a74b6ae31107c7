//! Handing a ReplicaSet from one Deployment to another: steps that both ways of an adoption have. Each can be made again.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, Preconditions, PropagationPolicy};
use serde_json::{Value, json};

use crate::cluster::{Cluster, by_us};
use crate::error::KubernetesError;
use crate::names;
use crate::target::stop::list;

/// So long the cluster's own controllers may take for a step.
const PATIENCE: Duration = Duration::from_secs(60);
/// It is looked at so often.
const LOOK: Duration = Duration::from_millis(200);

/// Removes a Deployment and leaves what it owns. One that is gone, or is another one by now, is left.
pub(super) async fn leave(cluster: &Cluster, deployment: &Deployment) -> Result<(), KubernetesError> {
    let name = deployment.name_any();
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        preconditions: Some(Preconditions { uid: deployment.uid(), resource_version: None }),
        ..DeleteParams::default()
    };
    let api = cluster.api::<Deployment>();
    let doing = format!("take the pods of the Deployment {name} over");
    match cluster.call(&doing, || api.delete(&name, &params)).await {
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
        answer => answer.map(|_| ()),
    }
}

/// Writes to a ReplicaSet; null takes a field away.
pub(super) async fn patch_set(cluster: &Cluster, name: &str, patch: Value) -> Result<(), KubernetesError> {
    let (api, params, patch) = (cluster.api::<ReplicaSet>(), by_us(), Patch::Merge(patch));
    cluster
        .call(&format!("write to the ReplicaSet {name}"), || api.patch(name, &params, &patch))
        .await
        .map(drop)
}

/// Gives all pods of a ReplicaSet these labels; none takes one away.
pub(super) async fn label_pods(
    cluster: &Cluster,
    set: &ReplicaSet,
    labels: &BTreeMap<String, Option<String>>,
) -> Result<(), KubernetesError> {
    let selector = set.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone()).unwrap_or_default();
    let pods = list::<Pod>(cluster, "pods", &names::query(&selector)).await?;
    let is_of_it =
        |pod: &&Pod| pod.owner_references().iter().any(|owner| Some(&owner.uid) == set.uid().as_ref());
    let (api, params) = (cluster.api::<Pod>(), by_us());
    let patch = Patch::Merge(json!({ "metadata": { "labels": labels } }));
    for pod in pods.iter().filter(is_of_it) {
        let name = pod.name_any();
        match cluster.call(&format!("label the pod {name}"), || api.patch(&name, &params, &patch)).await {
            // It ended meanwhile, and the next one is made with the labels.
            Err(error) if error.status() == Some(404) => {}
            answer => drop(answer?),
        }
    }
    Ok(())
}

/// Waits until a ReplicaSet has no Deployment any more.
pub(super) async fn until_left(cluster: &Cluster, name: &str) -> Result<ReplicaSet, KubernetesError> {
    until(cluster, name, "its former Deployment has not let it go", |set| controller(set).is_none()).await
}

/// Waits until a ReplicaSet is that Deployment's.
pub(super) async fn until_taken(
    cluster: &Cluster,
    name: &str,
    deployment: &Deployment,
) -> Result<ReplicaSet, KubernetesError> {
    let uid = deployment.uid();
    until(cluster, name, "the Deployment has not taken it", |set| controller(set) == uid).await
}

/// The Deployment that a ReplicaSet is of, by UID.
pub(super) fn controller(set: &ReplicaSet) -> Option<String> {
    set.owner_references().iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone())
}

async fn until(
    cluster: &Cluster,
    name: &str,
    what: &str,
    is_so: impl Fn(&ReplicaSet) -> bool,
) -> Result<ReplicaSet, KubernetesError> {
    let doing = format!("look at the ReplicaSet {name}");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match cluster.get::<ReplicaSet>(&doing, name).await? {
            Some(set) if is_so(&set) => return Ok(set),
            Some(_) if tokio::time::Instant::now() < deadline => tokio::time::sleep(LOOK).await,
            Some(_) => {
                let words = format!("{what} within {} s", PATIENCE.as_secs());
                return Err(KubernetesError::Away { doing: format!("hand on the ReplicaSet {name}"), words });
            }
            None => {
                let words = "it is gone".to_owned();
                return Err(KubernetesError::Refused { doing, status: 404, words });
            }
        }
    }
}
