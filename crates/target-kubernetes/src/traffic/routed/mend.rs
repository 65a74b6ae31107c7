//! Where a route and the Services of both slots are not as they were written, told and put back. A backend that leads elsewhere is told
//! alone: which of them were ours nobody knows any more.

use std::collections::BTreeMap;

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use bascule_model::release::Release;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::super::mend::{Mend, Write, by, expected, standing};
use super::super::selects::{Selects, selected};
use super::super::state;
use super::super::switch::shown;
use super::found::{self, Found};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::route::{Named, Routed, titled};
use crate::objects::service::TrafficState;
use crate::record::TrafficRecord;
use crate::shared::Clusters;

/// Where they are not as they were written, one sentence each, and what is noted at the route.
pub(in crate::traffic) async fn differences(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<(Vec<String>, Option<TrafficState>), KubernetesError> {
    let mut told = Vec::new();
    let Some(route) = &record.cluster.route else { return Ok((told, None)) };
    let Some(found) = found::find(cluster, key, record).await? else {
        told.push(format!("the {} is not there", titled(route)));
        return Ok((told, None));
    };
    let title = &found.title;
    let who = found.other_writer().map(|who| format!(" ({who} wrote to it)")).unwrap_or_default();
    let state = found.written().filter(|_| found.is_ours(clusters, key));
    let Some(state) = state else {
        told.push(format!("the {title} does not say any more who is live{who}"));
        return Ok((told, None));
    };
    let live = state.live.clone();
    match &found.named {
        Named::Nobody => told.push(format!("the {title} leads to none of the app's two Services{who}")),
        Named::Amiss(why) => told.push(format!("the {title} {why}{who}")),
        Named::Slot(slot) => {
            let standing = state.slots.get(slot).map(|standing| &standing.release);
            if live.is_some() && standing != live.as_ref() {
                told.push(format!(
                    "the {title} leads to {slot}, where {} stands, and {} was made live{who}",
                    shown(standing),
                    shown(live.as_ref())
                ));
            }
            let services = record.routed();
            let unfit = Routed { app: &key.app, services: &services }.unfit(&found.backends);
            told.extend(unfit.map(|why| format!("the {title} {why}{who}")));
            told.extend(of_services(cluster, key, record, *slot, live.as_ref()).await?);
        }
    }
    Ok((told, Some(state)))
}

/// The Services by which users come.
async fn of_services(
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    slot: Slot,
    live: Option<&ReleaseId>,
) -> Result<Vec<String>, KubernetesError> {
    let mut told = Vec::new();
    let Some(live) = live else { return Ok(told) };
    for service in record.routed() {
        let name = names::slot_service(&key.app, &service, slot);
        let Some(object) = state::find(cluster, &name).await? else {
            told.push(format!("the Service {name} is not there"));
            continue;
        };
        let who = state::other_writer(&object).map(|who| format!(" ({who} wrote to it)")).unwrap_or_default();
        match selected(&object, key, &service, None) {
            Err(_) => told.push(format!("the selector of the Service {name} names no release{who}")),
            // A service that came with a later release has nobody of this one.
            Ok(now) if now.as_ref() != Some(live) && record.services.first() == Some(&service) => {
                told.push(format!(
                    "the Service {name} selects {}, and {live} is live{who}",
                    shown(now.as_ref())
                ));
            }
            Ok(_) => {}
        }
    }
    Ok(told)
}

/// What of them is to be put back while `live` has the users; none where nothing may be: another engine with a newer lease wrote, or users
/// were moved to another release that stands.
pub(in crate::traffic) async fn needed(
    clusters: &Clusters,
    cluster: &Cluster,
    fence: Generation,
    live: &Release,
    slots: &BTreeMap<Slot, ReleaseId>,
    record: &TrafficRecord,
) -> Result<Option<Vec<Mend>>, KubernetesError> {
    let mut all = Vec::new();
    let key = &live.key;
    let Some(slot) = state::recorded_slot(clusters, key, &live.id) else { return Ok(Some(all)) };
    if record.cluster.route.is_none() {
        return Ok(Some(all));
    }
    // One that is not there, or somebody else's, is told and not made.
    let Some(found) = found::find(cluster, key, record).await? else { return Ok(Some(all)) };
    let written = found.written();
    let is_theirs = found.is_taken() && !found.is_ours(clusters, key);
    if is_theirs || written.as_ref().is_some_and(|state| state.generation > fence) {
        return Ok(None);
    }
    if let Named::Slot(now) = found.named {
        let is_noted = written.as_ref().is_some_and(|state| state.slots.contains_key(&now));
        if now != slot && (is_noted || slots.contains_key(&now)) {
            return Ok(None);
        }
        all.extend(of_route(clusters, key, record, &found, (fence, live, slot), written, slots));
    }
    for service in record.routed() {
        let name = names::slot_service(&key.app, &service, slot);
        let Some(object): Option<Service> = state::find(cluster, &name).await? else { continue };
        let wanted = Selects::One(&live.id);
        if !state::is_ours(clusters, key, &object) || wanted.is_so(&object, key, &service) {
            continue;
        }
        let mut patch = expected(&object);
        patch.push(json!({ "op": "add", "path": "/spec/selector", "value": wanted.selector(key, &service) }));
        let what = format!("what the Service {name} selects{}", by(state::other_writer(&object)));
        all.push(Mend::new(what, Write::Follower { service: object.name_any(), patch: Value::Array(patch) }));
    }
    Ok(Some(all))
}

/// Where it leads, and what is noted at it.
fn of_route(
    clusters: &Clusters,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    found: &Found,
    (fence, live, slot): (Generation, &Release, Slot),
    written: Option<TrafficState>,
    slots: &BTreeMap<Slot, ReleaseId>,
) -> Option<Mend> {
    let services = record.routed();
    let routed = Routed { app: &key.app, services: &services };
    let moved = routed.moved(&found.value, &found.backends, slot);
    let says = written.as_ref().is_some_and(|state| state.live.as_ref() == Some(&live.id));
    if moved.is_empty() && says && found.is_ours(clusters, key) {
        return None;
    }
    let after = TrafficState {
        generation: fence,
        live: Some(live.id.clone()),
        slots: written.map_or_else(|| standing(slots), |state| state.slots),
        ..TrafficState::default()
    };
    let mut patch = vec![found.unchanged()];
    patch.extend(moved);
    patch.extend(found.note(clusters, key, &after));
    let what = format!("where the {} leads{}", found.title, by(found.other_writer()));
    Some(Mend::new(what, Write::Route { patch: Value::Array(patch) }))
}
