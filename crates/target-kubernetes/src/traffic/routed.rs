//! The second method: an Ingress or HTTPRoute of the user's leads to one of two Services of each service, blue or green. The switch is one
//! conditional write to it, which replaces the names of its backends and the annotation that says who is live.
//!
//! What a slot's Service selects is only changed while no users come by it: its endpoints are there before they are needed. The object stays
//! the user's: nothing of it is written but those names and our annotations, and `down` takes the latter away.

mod found;
mod mend;
mod open;
mod slots;
mod switch;

use bascule_model::ids::{EnvironmentKey, Generation, Slot};
use bascule_model::plan::{Change, FieldChange, ObjectChange};
use bascule_model::release::Release;
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

pub(super) use self::found::{Seen, look};
pub(super) use self::mend::{differences, needed};
pub(crate) use self::open::check;
pub(super) use self::open::ensure;
pub(super) use self::switch::switch;
use super::state;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::route::{self, Named, Routed};
use crate::objects::service::TrafficState;
use crate::record::{self, TrafficRecord};
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::stop::delete;

/// What is noted at the route of a release, whoever has noted it.
pub(super) async fn noted(
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<Option<TrafficState>, KubernetesError> {
    Ok(found::find(cluster, key, record).await?.and_then(|found| found.written()))
}

/// Has the slot's Services select a release that came into it, if no users come by them: of the first release that is left to the switch.
pub(super) async fn register(
    clusters: &Clusters,
    fence: Generation,
    release: &Release,
    slot: Slot,
) -> Result<(), KubernetesError> {
    let key = &release.key;
    let Some(record) = record::read(&clusters.layout, key)?.filter(|it| it.cluster.route.is_some()) else {
        return Ok(());
    };
    let cluster = clusters.reach(&record.cluster).await?;
    let Some(seen) = look(clusters, &cluster, key, &record).await? else { return Ok(()) };
    if seen.found.named == Named::Slot(slot) {
        return Ok(());
    }
    slots::point(clusters, &cluster, fence, key, &record, slot, Some(&release.id)).await
}

/// Whether users come by the Services of a release's slot already, where they come through a route at all.
pub(super) async fn is_reached(
    clusters: &Clusters,
    release: &Release,
    slot: Slot,
) -> Result<bool, KubernetesError> {
    let Some(record) = record::read(&clusters.layout, &release.key)? else { return Ok(false) };
    let cluster = clusters.reach(cluster_of(release)?).await?;
    let seen = look(clusters, &cluster, &release.key, &record).await?;
    Ok(seen.is_some_and(|seen| seen.found.named == Named::Slot(slot)))
}

/// Refuses to call a release live to whom the route does not lead.
pub(super) async fn leads_to(clusters: &Clusters, release: &Release) -> Result<(), KubernetesError> {
    let cluster = clusters.reach(cluster_of(release)?).await?;
    let Some(record) = record::read(&clusters.layout, &release.key)? else { return Ok(()) };
    let Some(seen) = look(clusters, &cluster, &release.key, &record).await? else { return Ok(()) };
    let judged = seen.judged()?;
    if judged.selected.as_ref() == Some(&release.id) {
        return Ok(());
    }
    Err(switch::unexpected(&seen, &judged, Some(&release.id)))
}

/// Removes the Services of both slots, and then what was noted at the route. That stays, whatever it leads to.
pub(super) async fn close(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<(), KubernetesError> {
    for service in record.routed() {
        for slot in Slot::ALL {
            let name = names::slot_service(&key.app, &service, slot);
            if let Some(object) = state::find(cluster, &name).await?
                && state::is_ours(clusters, key, &object)
            {
                delete::<Service>(cluster, "Service", &object).await?;
            }
        }
    }
    let mut last = None;
    for _ in 0..state::ATTEMPTS {
        let Some(found) = found::find(cluster, key, record).await? else { return Ok(()) };
        if !found.is_ours(clusters, key) {
            return Ok(());
        }
        let mut patch = vec![found.unchanged()];
        patch.extend(found.noted().map(|name| json!({ "op": "remove", "path": found::pointer(name) })));
        match found.write(cluster, &Value::Array(patch)).await {
            // Somebody was quicker, or the answer to our own write was lost: look again.
            Err(error) if error.status() == Some(422) => last = Some(error),
            Err(error) if error.status() == Some(404) => return Ok(()),
            answer => return answer,
        }
    }
    Err(found::busy(record, last))
}

/// Writes to the route what was found to be needed.
pub(super) async fn put_back(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    patch: &Value,
) -> Result<(), KubernetesError> {
    let Some(record) = record::read(&clusters.layout, key)? else { return Ok(()) };
    match found::find(cluster, key, &record).await? {
        Some(found) => found.write(cluster, patch).await,
        None => Ok(()),
    }
}

/// What a person should know of who else writes to the route, as a sentence.
pub(crate) async fn warning(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
) -> Result<Option<String>, KubernetesError> {
    let Some(record) = record::read(&clusters.layout, &release.key)? else { return Ok(None) };
    let Some(found) = found::find(cluster, &release.key, &record).await? else { return Ok(None) };
    Ok(found.later_writer().map(|who| {
        format!(
            "{who} wrote the backends of the {} after Bascule did: whoever writes them from a file moves users to the slot that the file names",
            found.title
        )
    }))
}

/// The switch, as it will be written; none where no route is wanted. One that cannot be swapped is what the deploy will say.
pub(crate) async fn foreseen(
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    to: Slot,
) -> Result<Option<ObjectChange>, KubernetesError> {
    let Some(found) = found::find(cluster, key, record).await? else { return Ok(None) };
    let services = record.routed();
    let swaps = Routed { app: &key.app, services: &services }.swaps(&found.backends, to);
    let field = |(pointer, from, to): (&str, &str, String)| FieldChange {
        path: route::path(pointer),
        from: Some(from.to_owned()),
        to: Some(to),
    };
    let fields: Vec<FieldChange> = swaps.into_iter().map(field).collect();
    let change = if fields.is_empty() { Change::Same } else { Change::Changed };
    Ok(Some(ObjectChange { object: found.title, change, beside: None, fields }))
}
