//! What a deploy would change in the cluster, before anybody asks for it: each object as it would be made beside what is there now. The
//! API server is asked what it would make of a Deployment, so that its defaults are on both sides. Changes nothing.

mod extras;
mod fields;

use std::collections::BTreeMap;

use bascule_engine::ports::{SlotSpec, traffic_services};
use bascule_instances::records;
use bascule_model::ids::{EnvironmentKey, ReleaseId, Slot};
use bascule_model::plan::{Change, FieldChange, ObjectChange};
use bascule_model::release::{Release, Service, TargetKind};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ApiResource, PostParams};
use serde::Deserialize as _;
use serde_json::Value;

use self::fields::{differences, differences_of_ours};
use crate::cluster::{Cluster, ours};
use crate::companions::networks::{self, Stands};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::deployment::{self, name};
use crate::objects::service::slot_service;
use crate::objects::{budget, network, pod, scaler};
use crate::record::{self, TrafficRecord};
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::sizes::sizes;
use crate::traffic::state;

/// What is told of an image that is still to be made.
const TO_BE_MADE: &str = "made by the deploy";

/// Everything that a deploy of the release would make or change, in the order in which it is made.
pub(crate) async fn changes(
    clusters: &Clusters,
    spec: &SlotSpec,
) -> Result<Vec<ObjectChange>, KubernetesError> {
    let mut spec = spec.clone();
    let key = spec.release.key.clone();
    let cluster = clusters.reach(cluster_of(&spec.release)?).await?;
    let live = state::read(clusters, &cluster, &key).await?.and_then(|lead| lead.selected);
    let former = live.as_ref().map(|live| recorded(clusters, &key, live)).transpose()?.flatten();
    let is_made = !spec.release.artifact.is_empty();
    if !is_made {
        // One of the same kind: what else follows from an image is the same.
        spec.release.artifact =
            former.as_ref().map_or_else(|| "image:none".to_owned(), |former| former.artifact.clone());
    }
    let sizes = sizes(clusters, &cluster, &spec.release).await?;
    let waits = cluster.waits(&spec.release).await?;
    let (mut configurations, mut deployments) = (Vec::new(), Vec::new());
    for (service, (_, size)) in spec.release.services.iter().zip(sizes) {
        let made = deployment::objects(&spec, service, size.whole, waits, &clusters.owner(&key));
        if let Some(object) = &made.config_map {
            let there = cluster.get::<ConfigMap>("look at a ConfigMap", name(object)).await?.is_some();
            configurations.push(made_or_kept(object, there));
        }
        if let Some(object) = &made.secret {
            let there = cluster.get::<Secret>("look at a Secret", name(object)).await?.is_some();
            configurations.push(made_or_kept(object, there));
        }
        let beside = live.as_ref().map(|live| names::deployment(&key.app, &service.name, live));
        let mut change = of_deployment(&cluster, &made.deployment, beside).await?;
        if !is_made && change.beside.is_some() {
            let now = pod::image(&spec.release.artifact);
            say_to_be_made(&mut change.fields, now);
        }
        deployments.push(change);
    }
    let mut all = extras::changes(clusters, &cluster, &spec.release, former.as_ref()).await?;
    all.extend(configurations);
    all.extend(deployments);
    all.extend(of_companions(clusters, &cluster, &spec).await?);
    // With what this release brings, as the deploy will note it.
    let wanted = TrafficRecord::of(&spec.release);
    let record = match record::read(&clusters.layout, &key)? {
        Some(there) => Some(there.with(wanted)),
        None => wanted,
    };
    for service in traffic_services(&spec.release) {
        if let Some(record) =
            record.as_ref().filter(|record| record::is_routed(&record.cluster, &service.name))
        {
            all.extend(of_slots(&cluster, record, &spec, service).await?);
            continue;
        }
        let name = record.as_ref().map(|record| record.front(&key.app, &service.name)).unwrap_or_default();
        let there = state::find(&cluster, &name).await?.is_some();
        let object = format!("Service {name}");
        all.push(of_service(object, there, live.as_ref(), &spec.release.id));
    }
    if let Some(record) = &record {
        all.extend(crate::traffic::routed::foreseen(&cluster, &key, record, spec.slot).await?);
    }
    Ok(all)
}

/// The two Services of a service that users come to through a route: that of the release's slot has it selected while users are at the other.
async fn of_slots(
    cluster: &Cluster,
    record: &TrafficRecord,
    spec: &SlotSpec,
    service: &Service,
) -> Result<Vec<ObjectChange>, KubernetesError> {
    let (key, next) = (&spec.release.key, &spec.release.id);
    let mut all = Vec::new();
    for slot in Slot::ALL {
        let name = names::slot_service(&key.app, &service.name, slot);
        let there = state::find(cluster, &name).await?;
        let object = format!("Service {name}");
        if slot == spec.slot {
            let selected =
                there.as_ref().and_then(|one| one.spec.as_ref()?.selector.as_ref()?.get(names::RELEASE));
            let now =
                selected.filter(|now| *now != names::NOBODY).map(|now| ReleaseId::from_text(now.clone()));
            all.push(of_service(object, there.is_some(), now.as_ref(), next));
        } else if there.is_none() {
            let made = slot_service(key, &service.name, slot, &record.cluster, "");
            all.push(made_or_kept(&made, false));
        }
    }
    Ok(all)
}

/// An object whose name says what is in it.
fn made_or_kept(object: &Value, there: bool) -> ObjectChange {
    ObjectChange {
        object: titled(object),
        change: if there { Change::Same } else { Change::Added },
        beside: None,
        fields: Vec::new(),
    }
}

fn titled(object: &Value) -> String {
    format!("{} {}", object["kind"].as_str().unwrap_or_default(), name(object))
}

async fn of_deployment(
    cluster: &Cluster,
    object: &Value,
    former: Option<String>,
) -> Result<ObjectChange, KubernetesError> {
    let mut change = made_or_kept(object, false);
    let Some(former) = former else { return Ok(change) };
    let Some(there) = cluster.get::<Deployment>("look at the live Deployment", &former).await? else {
        return Ok(change);
    };
    let there = serde_json::to_value(there).unwrap_or_default();
    change.fields = differences(&there, &with_defaults(cluster, object).await?);
    change.beside = Some(former);
    Ok(change)
}

/// What the API server would make of a Deployment; as it is where it cannot say so without making it.
async fn with_defaults(cluster: &Cluster, object: &Value) -> Result<Value, KubernetesError> {
    let doing = format!("try the {} without making it", titled(object));
    let parsed = Deployment::deserialize(object).map_err(|error| KubernetesError::Refused {
        doing: doing.clone(),
        status: 400,
        words: error.to_string(),
    })?;
    let (api, params) = (cluster.api::<Deployment>(), PostParams { dry_run: true, ..ours() });
    match cluster.call(&doing, || api.create(&params, &parsed)).await {
        Ok(made) => Ok(serde_json::to_value(made).unwrap_or_default()),
        // Why, is told by the deploy that tries all of its objects.
        Err(KubernetesError::Refused { .. }) => Ok(object.clone()),
        Err(error) => Err(error),
    }
}

/// The image differs, whatever it will be. `now` is the one that was put in its place.
fn say_to_be_made(fields: &mut Vec<FieldChange>, now: &str) {
    let path = format!("spec.template.spec.containers[{}].image", pod::CONTAINER);
    let at = fields.partition_point(|field| field.path < path);
    let is_there = fields.get(at).is_some_and(|field| field.path == path);
    if !is_there {
        fields.insert(at, FieldChange { path, from: Some(now.to_owned()), to: None });
    }
    fields[at].to = Some(TO_BE_MADE.to_owned());
}

/// A release that stands.
fn recorded(
    clusters: &Clusters,
    key: &EnvironmentKey,
    release: &ReleaseId,
) -> Result<Option<Release>, KubernetesError> {
    let folder = clusters.layout.slot(key, release)?;
    Ok(records::slot(&folder, TargetKind::Kubernetes)?.map(|record| record.release))
}

/// What belongs to a service and not to a release. What is somebody else's stays as it is, and the deploy says so.
async fn of_companions(
    clusters: &Clusters,
    cluster: &Cluster,
    spec: &SlotSpec,
) -> Result<Vec<ObjectChange>, KubernetesError> {
    let key = &spec.release.key;
    let mut wanted: Vec<(&ApiResource, Value)> = Vec::new();
    let standing = networks::standing(clusters, &spec.release, Stands::FromNowOn)?;
    for service in &spec.release.services {
        if let Some(peers) = network::peers(&standing, &service.name) {
            let resource = cluster.networks().await?;
            let object = network::policy(key, &service.name, &peers, &resource.version, &clusters.owner(key));
            wanted.push((resource, object));
        }
        if budget::is_wanted(service) {
            let resource = cluster.budgets().await?;
            wanted.push((resource, budget::budget(key, service, &resource.version, &clusters.owner(key))));
        }
        if let Some(scale) = service.pods.scale {
            let resource = cluster.scalers().await?;
            let target = names::deployment(&key.app, &service.name, &spec.release.id);
            let (version, owner) = (&resource.version, &clusters.owner(key));
            wanted.push((resource, scaler::scaler(key, &service.name, scale, &target, version, owner)));
        }
    }
    let mut there: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut all = Vec::new();
    for (resource, object) in &wanted {
        if !there.contains_key(resource.kind.as_str()) {
            let found = crate::companions::list(cluster, resource).await?;
            let found = found.iter().filter_map(|one| serde_json::to_value(one).ok()).collect();
            there.insert(&resource.kind, found);
        }
        let found = there[resource.kind.as_str()].iter().find(|one| name(one) == name(object));
        let mut change = made_or_kept(object, found.is_some());
        if let Some(found) = found {
            change.fields = differences_of_ours(found, object);
            if !change.fields.is_empty() {
                change.change = Change::Changed;
            }
        }
        all.push(change);
    }
    Ok(all)
}

/// The switch, as it will be written.
fn of_service(object: String, there: bool, live: Option<&ReleaseId>, next: &ReleaseId) -> ObjectChange {
    let selector = FieldChange {
        path: format!("spec.selector.\"{}\"", names::RELEASE),
        from: there.then(|| live.map_or(names::NOBODY, ReleaseId::as_str).to_owned()),
        to: Some(next.to_string()),
    };
    let change = if there { Change::Changed } else { Change::Added };
    ObjectChange { object, change, beside: None, fields: vec![selector] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_still_to_be_made_is_told_as_such() {
        let path = "spec.template.spec.containers[app].image";
        let field = |path: &str| FieldChange {
            path: path.to_owned(),
            from: Some("b".to_owned()),
            to: Some("a".to_owned()),
        };
        for (mut fields, from) in [
            (vec![], "a"),
            (vec![field("spec.replicas"), field("spec.template.spec.containers[app].imagePullPolicy")], "a"),
            // Somebody has written another one there.
            (vec![field("spec.replicas"), field(path)], "b"),
        ] {
            say_to_be_made(&mut fields, "a");
            let image = fields.iter().find(|field| field.path == path).unwrap();
            assert_eq!((image.from.as_deref(), image.to.as_deref()), (Some(from), Some(TO_BE_MADE)));
            assert!(fields.is_sorted_by_key(|field| field.path.clone()));
        }
    }
}
