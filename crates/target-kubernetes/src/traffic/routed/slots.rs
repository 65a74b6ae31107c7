//! The two Services of each service that users come to through a route. What one of them selects is what stands in its slot.

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use serde_json::json;

use super::super::selects::{Selects, selector_of};
use super::super::state;
use super::found::look;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::service::slot_service;
use crate::record::TrafficRecord;
use crate::shared::Clusters;

/// Whether one of them is there that this state folder made.
pub(super) async fn is_there(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<bool, KubernetesError> {
    let Some(lead) = record.services.first() else { return Ok(false) };
    for slot in Slot::ALL {
        let name = names::slot_service(&key.app, lead, slot);
        if state::find(cluster, &name).await?.is_some_and(|one| state::is_ours(clusters, key, &one)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses names that somebody else has.
pub(super) async fn check_names(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<(), KubernetesError> {
    for service in record.routed() {
        for slot in Slot::ALL {
            let name = names::slot_service(&key.app, &service, slot);
            let found = state::find(cluster, &name).await?;
            if let Some(found) = found.filter(|one| !state::is_ours(clusters, key, one)) {
                return Err(state::taken(&found));
            }
        }
    }
    Ok(())
}

/// Makes those that are not there. `live`: who has the users, and where; nobody else may be selected there.
pub(super) async fn ensure(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    live: Option<&(Slot, ReleaseId)>,
) -> Result<(), KubernetesError> {
    for service in record.routed() {
        for slot in Slot::ALL {
            let object = slot_service(key, &service, slot, &record.cluster, &clusters.owner(key));
            let Some(there) = state::make(clusters, cluster, key, &object).await? else { continue };
            // One that came with a later release has nobody of the live one.
            let is_lead = record.services.first() == Some(&service);
            if let Some((_, live)) = live.filter(|(at, _)| *at == slot && is_lead)
                && !Selects::One(live).is_so(&there, key, &service)
            {
                return Err(state::changed(&there, &format!("it does not select {live}, which is live")));
            }
        }
    }
    Ok(())
}

/// Has the Services of a slot select a release, or nobody. Nothing is written where they do.
///
/// The generation stands at the route alone. It is compared again once a Service was read: whoever took over since has pointed that
/// Service before, which the write tests, or has noted its generation by then.
pub(super) async fn point(
    clusters: &Clusters,
    cluster: &Cluster,
    fence: Generation,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    slot: Slot,
    to: Option<&ReleaseId>,
) -> Result<(), KubernetesError> {
    let wanted = Selects::only(to);
    for service in record.routed() {
        let name = names::slot_service(&key.app, &service, slot);
        let (mut is_done, mut last) = (false, None);
        for _ in 0..state::ATTEMPTS {
            let there = match state::find(cluster, &name).await? {
                Some(there) => Some(there),
                // What was removed is made again: its address is nobody's concern.
                None => {
                    let object = slot_service(key, &service, slot, &record.cluster, &clusters.owner(key));
                    state::make(clusters, cluster, key, &object).await?
                }
            };
            let Some(there) = there else { continue };
            if !state::is_ours(clusters, key, &there) {
                return Err(state::taken(&there));
            }
            if wanted.is_so(&there, key, &service) {
                is_done = true;
                break;
            }
            let now = look(clusters, cluster, key, record).await?;
            if now.is_some_and(|now| now.state.generation > fence) {
                return Err(KubernetesError::Fenced);
            }
            match state::write(cluster, &there.name_any(), &replaced(&there, wanted, key, &service)).await {
                // Somebody was quicker, or the answer to our own write was lost: look again.
                Err(error) if error.status() == Some(422) => last = Some(error),
                answer => answer?,
            }
        }
        if !is_done {
            return Err(state::untaken(format!("write to the Service {name}"), last));
        }
    }
    Ok(())
}

fn replaced(
    there: &Service,
    wanted: Selects<'_>,
    key: &EnvironmentKey,
    service: &bascule_model::ids::ServiceName,
) -> serde_json::Value {
    let selector = wanted.selector(key, service);
    match selector_of(there) {
        Some(now) => json!([
            { "op": "test", "path": "/spec/selector", "value": now },
            { "op": "replace", "path": "/spec/selector", "value": selector },
        ]),
        None => json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": there.resource_version() },
            { "op": "add", "path": "/spec/selector", "value": selector },
        ]),
    }
}
