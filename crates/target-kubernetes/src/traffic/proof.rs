//! That a Service has enough behind it before a switch, and only the new release after it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use bascule_engine::ports::traffic_services;
use bascule_model::ids::ReleaseId;
use bascule_model::release::{Release, Service};
use bascule_model::run::Evidence;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};

use super::{routed, state};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::record::{self, TrafficRecord};
use crate::seen::is_ready;
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::sizes::asked_for;

/// So long the cluster may take to act on a switch.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long nodes may take until they send nobody to the former release any more, after the endpoints say so. No API tells when they
/// have; their usual pace is once a second.
const NODES: Duration = Duration::from_secs(2);
/// It is looked at so often.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Pods of a service of the release that are ready, by name.
async fn ready_pods(
    clusters: &Clusters,
    release: &Release,
    service: &str,
) -> Result<Vec<Pod>, KubernetesError> {
    let watched = clusters.watch(cluster_of(release)?).await?;
    let labels = [
        (names::APP, release.key.app.as_str()),
        (names::ENVIRONMENT, release.key.environment.as_str()),
        (names::RELEASE, release.id.as_str()),
        (names::SERVICE, service),
    ];
    let (pods, _) = watched
        .find(&labels)
        .await
        .map_err(|words| KubernetesError::Away { doing: "look at the pods".to_owned(), words })?;
    Ok(pods.into_iter().filter(is_ready).collect())
}

/// Waits until each service of the release has as many ready pods as its Deployment is to have: that may be more than the manifest says.
pub(super) async fn enough_ready(clusters: &Clusters, release: &Release) -> Result<(), KubernetesError> {
    let deadline = tokio::time::Instant::now() + release.rollout.deadline;
    for service in traffic_services(release) {
        loop {
            let ready = ready_pods(clusters, release, service.name.as_str()).await?.len();
            let wanted =
                wanted(clusters, release, service.name.as_str()).await?.max(service.instances as usize);
            if ready >= wanted {
                break;
            }
            if tokio::time::Instant::now() >= deadline {
                let name = names::deployment(&release.key.app, &service.name, &release.id);
                return Err(KubernetesError::NotReady { deployment: name, ready, wanted });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// How many pods a service's Deployment is to have.
async fn wanted(clusters: &Clusters, release: &Release, service: &str) -> Result<usize, KubernetesError> {
    let there = deployment(clusters, release, &release.id, service).await?;
    Ok(there.as_ref().and_then(asked_for).unwrap_or(0) as usize)
}

/// The Deployment of a service of the release, or of another one beside it, as the cluster told it last.
pub(super) async fn deployment(
    clusters: &Clusters,
    release: &Release,
    of: &ReleaseId,
    service: &str,
) -> Result<Option<Deployment>, KubernetesError> {
    let watched = clusters.watch(cluster_of(release)?).await?;
    let labels = [
        (names::APP, release.key.app.as_str()),
        (names::ENVIRONMENT, release.key.environment.as_str()),
        (names::RELEASE, of.as_str()),
        (names::SERVICE, service),
    ];
    let (_, deployments) = watched
        .find(&labels)
        .await
        .map_err(|words| KubernetesError::Away { doing: "look at the Deployments".to_owned(), words })?;
    Ok(deployments.into_iter().next())
}

/// Waits until the endpoints of every Service by which users come to the release are pods of it, and no others.
pub(super) async fn only_this_one(
    clusters: &Clusters,
    release: &Release,
) -> Result<Evidence, KubernetesError> {
    let cluster = clusters.reach(cluster_of(release)?).await?;
    let record = record::read(&clusters.layout, &release.key)?.or_else(|| TrafficRecord::of(release));
    let Some(record) = record else { return Ok(Evidence::default()) };
    if record.cluster.route.is_some() {
        routed::leads_to(clusters, release).await?;
    }
    let slot = state::recorded_slot(clusters, &release.key, &release.id);
    let mut proof = serde_json::Map::new();
    for service in traffic_services(release) {
        let name = match slot.filter(|_| record::is_routed(&record.cluster, &service.name)) {
            Some(slot) => names::slot_service(&release.key.app, &service.name, slot),
            None => record.front(&release.key.app, &service.name),
        };
        let seen = alone_behind(clusters, &cluster, release, service, &name).await?;
        proof.insert(name, seen);
    }
    tokio::time::sleep(NODES).await;
    Ok(Value::Object(proof))
}

/// Waits until the Services of the release's slot lead to it, where users come to one of two through a route and are still at the other:
/// what takes requests there is then ready for them.
pub(super) async fn behind_its_slot(clusters: &Clusters, release: &Release) -> Result<(), KubernetesError> {
    let settings = cluster_of(release)?;
    let slot = state::recorded_slot(clusters, &release.key, &release.id);
    let Some(slot) = slot.filter(|_| settings.route.is_some()) else { return Ok(()) };
    if routed::is_reached(clusters, release, slot).await? {
        return Ok(());
    }
    let cluster = clusters.reach(settings).await?;
    for service in traffic_services(release).filter(|one| record::is_routed(settings, &one.name)) {
        let name = names::slot_service(&release.key.app, &service.name, slot);
        alone_behind(clusters, &cluster, release, service, &name).await?;
    }
    Ok(())
}

/// Waits until the endpoints of a Service are all ready pods of a service of the release, and no others. Answers how many, and how long it
/// took.
async fn alone_behind(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    service: &Service,
    name: &str,
) -> Result<Value, KubernetesError> {
    let slices = cluster.slices().await?;
    let params = ListParams::default().labels(&format!("kubernetes.io/service-name={name}"));
    let began = tokio::time::Instant::now();
    loop {
        let own = ready_pods(clusters, release, service.name.as_str()).await?;
        let own: BTreeSet<String> = own.iter().map(ResourceExt::name_any).collect();
        let found =
            cluster.call(&format!("list the EndpointSlices of {name}"), || slices.list(&params)).await?;
        let behind = behind(&found.items);
        let strangers: Vec<&String> = behind.iter().filter(|pod| !own.contains(*pod)).collect();
        if strangers.is_empty() && behind.len() >= own.len().max(1) {
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Ok(json!({ "endpoints": behind.len(), "took_ms": took }));
        }
        if began.elapsed() >= PATIENCE {
            let seen = if strangers.is_empty() {
                format!("{} of {} ready pods are behind it", behind.len(), own.len())
            } else {
                format!("{strangers:?} are behind it as well")
            };
            let (release, service) = (release.id.to_string(), name.to_owned());
            return Err(KubernetesError::NotProven { release, service, seconds: PATIENCE.as_secs(), seen });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The pods that endpoints lead to: those that are ready, which one that says nothing is.
fn behind(slices: &[DynamicObject]) -> BTreeSet<String> {
    let endpoints = slices.iter().flat_map(|slice| slice.data["endpoints"].as_array().into_iter().flatten());
    endpoints
        .filter(|endpoint| endpoint["conditions"]["ready"].as_bool().unwrap_or(true))
        .filter_map(|endpoint| endpoint["targetRef"]["name"].as_str().map(str::to_owned))
        .collect()
}

/// A way to a pod that the Service which leads sends users to, where the Service itself cannot be reached from outside.
pub(super) async fn inner_door(
    clusters: &Clusters,
    release: &Release,
) -> Result<Option<SocketAddr>, KubernetesError> {
    let Some(record) = record::read(&clusters.layout, &release.key)? else { return Ok(None) };
    let Some(service) = record.services.first().and_then(|name| release.service(name)) else {
        return Ok(None);
    };
    let Some(port) = service.traffic.as_ref().map(|traffic| traffic.port) else { return Ok(None) };
    let cluster = clusters.reach(&record.cluster).await?;
    let Some(pod) = ready_pods(clusters, release, service.name.as_str()).await?.into_iter().next() else {
        return Ok(None);
    };
    let uid = pod.uid().unwrap_or_default();
    Ok(cluster.forwards.address(&cluster, &pod.name_any(), &uid, port).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_that_are_not_ready_lead_nowhere() {
        let slice: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": { "name": "x" },
            "endpoints": [
                { "conditions": { "ready": true }, "targetRef": { "name": "a" } },
                { "conditions": { "ready": false }, "targetRef": { "name": "b" } },
                { "conditions": {}, "targetRef": { "name": "c" } },
                { "addresses": ["10.0.0.1"] },
            ],
        }))
        .unwrap();
        assert_eq!(behind(&[slice]), BTreeSet::from(["a".to_owned(), "c".to_owned()]));
    }
}
