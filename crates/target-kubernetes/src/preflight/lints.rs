//! What in the cluster will be in the new release's way, though nothing refuses it: told, one sentence each, and no reason to stop.
//! What cannot be looked at is told as well.

pub(crate) mod ends;
mod networks;

use std::collections::BTreeMap;

use bascule_engine::ports::SlotSpec;
use bascule_instances::records::{self, SlotRecord};
use bascule_model::ids::{ReleaseId, Slot};
use bascule_model::release::{Release, Service, TargetKind};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::ResourceExt as _;
use kube::api::{ApiResource, DynamicObject};

use crate::cluster::Cluster;
use crate::companions::{self, budgets, scalers};
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;
use crate::traffic::routed;

/// What the namespace has. `live` is who gets the traffic now, `standing` who stands there.
pub(super) async fn of_cluster(
    clusters: &Clusters,
    cluster: &Cluster,
    spec: &SlotSpec,
    live: Option<&ReleaseId>,
    standing: &[Release],
) -> Vec<String> {
    let mut told = match routed::warning(clusters, cluster, &spec.release).await {
        Ok(told) => Vec::from_iter(told),
        // Whether it can be looked at is seen where it has to be.
        Err(_) => Vec::new(),
    };
    let live = live.and_then(|live| recorded(clusters, spec, live));
    let policies = ApiResource::erase::<NetworkPolicy>(&());
    let looks = [
        ("PodDisruptionBudget", all(cluster, cluster.budgets().await).await),
        ("HorizontalPodAutoscaler", all(cluster, cluster.scalers().await).await),
        ("NetworkPolicy", all(cluster, Ok(&policies)).await),
    ];
    for (kind, look) in looks {
        match look {
            Err(error) => told.push(unseen(kind, &error)),
            Ok(found) if kind == "PodDisruptionBudget" => {
                told.extend(blocked(&found, &spec.release, live.as_ref().map(|live| &live.release)));
            }
            Ok(found) if kind == "HorizontalPodAutoscaler" => {
                told.extend(foreign_scalers(clusters, &found, &spec.release, standing));
            }
            Ok(found) => {
                told.extend(apart(&found, spec, live.as_ref()));
                told.extend(wide_open(clusters, &found, spec));
            }
        }
    }
    told.extend(secrets_that_are_not_there(cluster, &spec.release).await);
    told
}

/// Secrets that nodes are to get the image with. Who lacks one may have the image all the same.
async fn secrets_that_are_not_there(cluster: &Cluster, release: &Release) -> Vec<String> {
    let mut told = Vec::new();
    for name in release.cluster.iter().flat_map(|settings| &settings.pull_secrets) {
        match cluster.get::<Secret>(&format!("look at the Secret {name}"), name).await {
            Ok(Some(_)) => {}
            Ok(None) => told.push(format!(
                "the Secret {name} of `pull_secrets` is not in the namespace {}: nodes get the image without it, if they do",
                cluster.namespace
            )),
            Err(error) => told.push(unseen("missing Secret of `pull_secrets`", &error)),
        }
    }
    told
}

async fn all(
    cluster: &Cluster,
    resource: Result<&ApiResource, KubernetesError>,
) -> Result<Vec<DynamicObject>, KubernetesError> {
    companions::list(cluster, resource?).await
}

fn recorded(clusters: &Clusters, spec: &SlotSpec, live: &ReleaseId) -> Option<SlotRecord> {
    let folder = clusters.layout.slot(&spec.release.key, live).ok()?;
    records::slot(&folder, TargetKind::Kubernetes).ok()?
}

fn unseen(kind: &str, error: &KubernetesError) -> String {
    let why = match error.status() {
        Some(403) => "the account may not look at them (`bascule render rbac` has that right)".to_owned(),
        _ => error.to_string(),
    };
    format!("nobody looked whether a {kind} is in the way: {why}")
}

/// Budgets that let no pod go though all of theirs are well: nodes that have one of them cannot be emptied.
fn blocked(found: &[DynamicObject], new: &Release, live: Option<&Release>) -> Vec<String> {
    let protects = |one: &DynamicObject, release: &Release| {
        release.services.iter().any(|service| budgets::protects(one, release, service))
    };
    let ours = found.iter().filter(|one| protects(one, new) || live.is_some_and(|live| protects(one, live)));
    ours.filter(|one| lets_none_go(one))
        .map(|one| {
            format!(
                "the PodDisruptionBudget {} lets none of its pods go, though all of them are well: no node that has one can be emptied",
                one.name_any()
            )
        })
        .collect()
}

fn lets_none_go(budget: &DynamicObject) -> bool {
    let number = |name: &str| budget.data["status"][name].as_i64();
    let expected = number("expectedPods").unwrap_or(0);
    expected > 0 && number("disruptionsAllowed") == Some(0) && number("currentHealthy") >= Some(expected)
}

/// Scalers of others that scale a Deployment of ours and stay with it when the traffic goes.
fn foreign_scalers(
    clusters: &Clusters,
    found: &[DynamicObject],
    new: &Release,
    standing: &[Release],
) -> Vec<String> {
    let key = &new.key;
    let service_of = |deployment: &str| {
        standing.iter().chain([new]).find_map(|release| {
            let named = |one: &&Service| names::deployment(&key.app, &one.name, &release.id) == deployment;
            release.services.iter().find(named).map(|service| &service.name)
        })
    };
    let mut told = Vec::new();
    for one in found {
        let Some(deployment) = scalers::target_of(one) else { continue };
        let Some(service) = service_of(deployment) else { continue };
        let goes_along = companions::is_of(key, one) && scalers::is_for(one, service);
        if !goes_along && !companions::is_made_by_us(clusters, key, one) {
            told.push(format!(
                "the HorizontalPodAutoscaler {} scales {deployment} and stays with it: give it the labels {}={}, {}={} and {}={service}, and \
                 it goes where the traffic goes",
                one.name_any(),
                names::APP,
                key.app,
                names::ENVIRONMENT,
                key.environment,
                names::SERVICE,
            ));
        }
    }
    told
}

/// Network policies that make a difference between the pods of both releases.
fn apart(found: &[DynamicObject], spec: &SlotSpec, live: Option<&SlotRecord>) -> Vec<String> {
    let Some(live) = live else { return Vec::new() };
    let labels = |release: &Release, slot: Slot, service: &Service| -> BTreeMap<String, String> {
        names::of_service(&release.key, &release.id, slot, &service.name)
    };
    let policies: Vec<networks::Policy<'_>> = found.iter().filter_map(networks::Policy::of_ingress).collect();
    let mut told = Vec::new();
    for service in spec.release.services.iter().filter(|service| service.traffic.is_some()) {
        let Some(former) = live.release.service(&service.name) else { continue };
        let new = labels(&spec.release, spec.slot, service);
        let old = labels(&live.release, live.slot, former);
        told.extend(
            networks::difference(&policies, &new, &old).map(|words| format!("{}: {words}", service.name)),
        );
    }
    told
}

/// Policies of others that let somebody in to a service which says itself who may come in.
fn wide_open(clusters: &Clusters, found: &[DynamicObject], spec: &SlotSpec) -> Vec<String> {
    let release = &spec.release;
    let foreign = found.iter().filter(|one| !companions::is_made_by_us(clusters, &release.key, one));
    let policies: Vec<networks::Policy<'_>> = foreign.filter_map(networks::Policy::of_ingress).collect();
    let closed = release.services.iter().filter(|service| service.pods.network.is_some());
    let told = closed.filter_map(|service| {
        let labels = names::of_service(&release.key, &release.id, spec.slot, &service.name);
        let openers = networks::openers(&policies, &labels)?;
        let name = &service.name;
        Some(format!("{name}: {openers} its pods as well, and lets in others beside those of `network`"))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_budget_that_lets_none_go() {
        for (allowed, healthy, expected, blocks) in
            [(0, 2, 2, true), (1, 2, 2, false), (0, 1, 2, false), (0, 0, 0, false), (0, 3, 2, true)]
        {
            let status =
                json!({ "disruptionsAllowed": allowed, "currentHealthy": healthy, "expectedPods": expected });
            let budget: DynamicObject =
                serde_json::from_value(json!({ "metadata": { "name": "a" }, "status": status })).unwrap();
            assert_eq!(lets_none_go(&budget), blocks, "{status}");
        }
    }
}
