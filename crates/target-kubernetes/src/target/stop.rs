//! Removing what a release is in the cluster, and only that: by owner, and by the UID that was looked at.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bascule_instances::records;
use bascule_model::ids::Generation;
use bascule_model::release::Release;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, ContainerState, ContainerStatus, Pod, Secret};
use kube::api::{DeleteParams, ListParams, Patch, Preconditions, PropagationPolicy};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{cluster_of, exec};
use crate::adoption;
use crate::cluster::{Cluster, by_us};
use crate::companions;
use crate::companions::networks::Stands;
use crate::error::KubernetesError;
use crate::moment;
use crate::names;
use crate::objects::ending;
use crate::shared::Clusters;
use crate::traffic::state::refuse_stale;

/// It is looked at so often whether the pods are gone.
const LOOK: Duration = Duration::from_millis(300);
/// So long after its grace a pod may take to go: the node has to tell of it.
const BEYOND: Duration = Duration::from_secs(60);

pub(super) async fn stop(
    clusters: &Arc<Clusters>,
    fence: Generation,
    release: &Release,
) -> Result<(), KubernetesError> {
    let cluster = clusters.reach(cluster_of(release)?).await?;
    refuse_stale(clusters, &cluster, &release.key, fence).await?;
    if adoption::is_lent(clusters, &cluster, release).await? {
        adoption::give_back(&cluster, release).await?;
    }
    exec::end_tasks(clusters, &cluster, release).await?;
    let selector = names::query(&names::of_release(&release.key, &release.id));
    let deployments = list::<Deployment>(&cluster, "Deployments", &selector).await?;
    let owner = clusters.owner(&release.key);
    let is_ours = |one: &&Deployment| one.annotations().get(names::OWNER) == Some(&owner);
    let ours: Vec<&Deployment> = deployments.iter().filter(is_ours).collect();
    // To nothing first: what a removed Deployment leaves behind goes when the cluster comes to it, which may take a minute.
    for deployment in &ours {
        scale(&cluster, &deployment.name_any(), 0).await?;
    }
    until_gone(clusters, &cluster, release, &selector).await?;
    for deployment in ours {
        delete::<Deployment>(&cluster, "Deployment", deployment).await?;
    }
    forget_configuration(&cluster, release).await?;
    companions::extras::tidy(clusters, &cluster, release).await?;
    companions::budgets::tidy(clusters, &cluster, release).await?;
    companions::networks::settle(clusters, &cluster, release, Stands::NoLonger).await?;
    companions::follow_soon(clusters, &release.key);
    let folder = clusters.layout.slot(&release.key, &release.id)?;
    Ok(records::forget_slot(&folder)?)
}

/// Sets a Deployment's size.
pub(crate) async fn scale(cluster: &Cluster, name: &str, replicas: u32) -> Result<(), KubernetesError> {
    let api = cluster.api::<Deployment>();
    let params = by_us();
    let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    match cluster.call(&format!("scale the Deployment {name}"), || api.patch(name, &params, &patch)).await {
        Err(error) if error.status() == Some(404) && replicas == 0 => Ok(()),
        answer => answer.map(|_| ()),
    }
}

async fn until_gone(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    selector: &str,
) -> Result<(), KubernetesError> {
    let graces = release.services.iter().map(|service| ending::grace(release, service));
    let grace = Duration::from_secs(graces.max().unwrap_or_default());
    let deadline = tokio::time::Instant::now() + grace + BEYOND;
    loop {
        let mut pods = list::<Pod>(cluster, "pods", selector).await?;
        // What a node keeps of a pod whose containers have ended it removes when it comes to it.
        pods.retain(|pod| !has_ended(pod, clusters.clock.now()));
        if pods.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            let names: Vec<String> = pods.iter().map(ResourceExt::name_any).collect();
            return Err(KubernetesError::NotGone { release: release.id.to_string(), pods: names });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether nothing of a pod that was told to end runs any more: its containers have ended, or its time is over and nothing is told of
/// one that runs.
pub(crate) fn has_ended(pod: &Pod, now: Timestamp) -> bool {
    let Some(until) = &pod.metadata.deletion_timestamp else { return false };
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let is = |container: &ContainerStatus, what: fn(&ContainerState) -> bool| {
        container.state.as_ref().is_some_and(what)
    };
    let all_ended =
        !containers.is_empty() && containers.iter().all(|one| is(one, |state| state.terminated.is_some()));
    let one_runs = containers.iter().any(|one| is(one, |state| state.running.is_some()));
    all_ended || (now >= moment::of(until) && !one_runs)
}

/// Removes what was told to pods and what no Deployment refers to any more.
async fn forget_configuration(cluster: &Cluster, release: &Release) -> Result<(), KubernetesError> {
    let selector = names::query(&names::of_environment(&release.key));
    let left = list::<Deployment>(cluster, "Deployments", &selector).await?;
    let needed: BTreeSet<String> = left.iter().flat_map(referred).collect();
    for config_map in list::<ConfigMap>(cluster, "ConfigMaps", &selector).await? {
        // What the files of `manifests` brought goes by itself.
        let is_extra = config_map.annotations().contains_key(names::EXTRA);
        if !is_extra && !needed.contains(&config_map.name_any()) {
            delete::<ConfigMap>(cluster, "ConfigMap", &config_map).await?;
        }
    }
    for secret in list::<Secret>(cluster, "Secrets", &selector).await? {
        // What is kept of the run goes with the environment.
        let is_mirror = secret.annotations().contains_key(names::HOME);
        if !is_mirror && !needed.contains(&secret.name_any()) {
            delete::<Secret>(cluster, "Secret", &secret).await?;
        }
    }
    Ok(())
}

/// The ConfigMaps and Secrets that a Deployment's pods are told.
fn referred(deployment: &Deployment) -> Vec<String> {
    let Some(pod) = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()) else {
        return Vec::new();
    };
    let from = pod.containers.iter().flat_map(|container| container.env_from.iter().flatten());
    let mut names: Vec<String> = from
        .flat_map(|one| {
            let map = one.config_map_ref.as_ref().map(|it| it.name.clone());
            map.into_iter().chain(one.secret_ref.as_ref().map(|it| it.name.clone()))
        })
        .collect();
    let volumes = pod.volumes.iter().flatten();
    names.extend(volumes.filter_map(|volume| volume.secret.as_ref()?.secret_name.clone()));
    names
}

/// Everything of a kind with these labels.
pub(crate) async fn list<K>(cluster: &Cluster, kinds: &str, selector: &str) -> Result<Vec<K>, KubernetesError>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    K::DynamicType: Default,
{
    let (api, params) = (cluster.api::<K>(), ListParams::default().labels(selector));
    Ok(cluster.call(&format!("list the {kinds}"), || api.list(&params)).await?.items)
}

/// Removes exactly the object that was looked at. One that is gone, or is another one by now, is left.
pub(crate) async fn delete<K>(cluster: &Cluster, kind: &str, object: &K) -> Result<(), KubernetesError>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    K::DynamicType: Default,
{
    let name = object.name_any();
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(Preconditions { uid: object.uid(), resource_version: None }),
        ..DeleteParams::default()
    };
    let api = cluster.api::<K>();
    match cluster.call(&format!("remove the {kind} {name}"), || api.delete(&name, &params)).await {
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
        answer => answer.map(|_| ()),
    }
}
