//! Reading and writing what a Service says: who is live, what stands where, and which lease wrote it.

use std::sync::Arc;

use bascule_instances::records;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, ServiceName, Slot};
use bascule_model::release::{Release, TargetKind};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt as _;
use kube::api::Patch;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::routed;
use super::selects::{Selects, selected};
use crate::adoption::{self, Adopted};
use crate::cluster::{Cluster, MANAGER, by_us, ours};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::deployment;
use crate::objects::service::{TrafficState, service};
use crate::record::{self, TrafficRecord};
use crate::shared::Clusters;

/// Whose a Service is that is not ours.
pub(crate) const NOT_OURS: &str = "this state folder did not make it for this environment";
/// So often a write that lost a race against ourselves is tried again.
pub(crate) const ATTEMPTS: usize = 5;
/// The annotation as a JSON pointer.
pub(super) const POINTER: &str = "/metadata/annotations/bascule.dev~1traffic";

/// What of a Service says who is live.
pub(super) const SELECTOR: &str = "spec.selector";

/// Who is live, as what says so was read.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) state: TrafficState,
    /// The release that users get; none: nobody.
    pub(crate) selected: Option<ReleaseId>,
    /// Where that stands.
    slot: Option<Slot>,
}

impl Seen {
    pub(super) fn new(state: TrafficState, selected: Option<(Slot, ReleaseId)>) -> Self {
        let (slot, selected) = selected.unzip();
        Self { state, selected, slot }
    }

    /// Who gets the traffic now.
    pub(crate) fn live(&self) -> Option<(Slot, ReleaseId)> {
        let release = self.selected.clone()?;
        Some((self.slot.unwrap_or(Slot::Blue), release))
    }
}

/// The Service that leads, as it was read.
pub(super) struct Lead {
    pub(super) service: ServiceName,
    pub(super) object: Service,
    pub(super) seen: Seen,
}

impl Lead {
    /// What its annotation says, as it is written.
    pub(super) fn text(&self) -> String {
        self.object.annotations().get(names::TRAFFIC).cloned().unwrap_or_default()
    }
}

/// The Service of that name; none where it is not there.
pub(crate) async fn find(cluster: &Cluster, name: &str) -> Result<Option<Service>, KubernetesError> {
    cluster.get::<Service>(&format!("look at the Service {name}"), name).await
}

/// Whether this state folder made it for that environment.
pub(crate) fn is_ours(clusters: &Clusters, key: &EnvironmentKey, object: &Service) -> bool {
    let environment = object.labels().get(names::ENVIRONMENT).map(String::as_str);
    object.annotations().get(names::OWNER) == Some(&clusters.owner(key))
        && environment == Some(key.environment.as_str())
}

/// Who is live; none where the environment has nothing that says so.
pub(crate) async fn read(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
) -> Result<Option<Seen>, KubernetesError> {
    match noted(clusters, cluster, key).await? {
        None => Ok(None),
        Some(Noted::Service(lead)) => Ok(Some(lead.seen)),
        Some(Noted::Route(seen)) => seen.judged().map(Some),
    }
}

/// The same for whoever only asks: a route that leads to none of ours leads users to nobody.
pub(super) async fn routing(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
) -> Result<Option<Seen>, KubernetesError> {
    match noted(clusters, cluster, key).await? {
        Some(Noted::Route(seen)) if seen.leads_to_nobody() => Ok(Some(Seen::new(seen.state, None))),
        Some(Noted::Route(seen)) => seen.judged().map(Some),
        Some(Noted::Service(lead)) => Ok(Some(lead.seen)),
        None => Ok(None),
    }
}

/// The object that says who is live, and what it says.
enum Noted {
    Service(Lead),
    Route(routed::Seen),
}

impl Noted {
    fn state(&self) -> &TrafficState {
        match self {
            Self::Service(lead) => &lead.seen.state,
            Self::Route(seen) => &seen.state,
        }
    }

    /// What its annotation says, as it is written.
    fn text(&self) -> String {
        match self {
            Self::Service(lead) => lead.text(),
            Self::Route(seen) => seen.found.text(),
        }
    }

    async fn write(&self, cluster: &Cluster, patch: &Value) -> Result<(), KubernetesError> {
        match self {
            Self::Service(lead) => write(cluster, &lead.object.name_any(), patch).await,
            Self::Route(seen) => seen.found.write(cluster, patch).await,
        }
    }
}

async fn noted(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
) -> Result<Option<Noted>, KubernetesError> {
    let Some(record) = record::read(&clusters.layout, key)? else { return Ok(None) };
    if record.cluster.route.is_some() {
        return Ok(routed::look(clusters, cluster, key, &record).await?.map(Noted::Route));
    }
    Ok(lead(clusters, cluster, key).await?.map(Noted::Service))
}

/// What is noted where a release says that its users are led by, whoever has noted it. No record of this machine is asked.
pub(crate) async fn noted_at(
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<Option<TrafficState>, KubernetesError> {
    if record.cluster.route.is_some() {
        return routed::noted(cluster, key, record).await;
    }
    let Some(lead) = record.services.first() else { return Ok(None) };
    Ok(find(cluster, &record.front(&key.app, lead)).await?.as_ref().and_then(written))
}

/// The Service that leads; none where the environment has none.
pub(super) async fn lead(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
) -> Result<Option<Lead>, KubernetesError> {
    let Some(record) = record::read(&clusters.layout, key)? else { return Ok(None) };
    let Some(service) = record.services.first().cloned() else { return Ok(None) };
    let Some(object) = find(cluster, &record.front(&key.app, &service)).await? else { return Ok(None) };
    if !is_ours(clusters, key, &object) {
        return Err(taken(&object));
    }
    let text = object.annotations().get(names::TRAFFIC).map(String::as_str).unwrap_or_default();
    let state: TrafficState = serde_json::from_str(text)
        .map_err(|_| changed(&object, "its annotation bascule.dev/traffic is gone or unreadable"))?;
    let selected = selected(&object, key, &service, Some(&state))?;
    let slot = selected.as_ref().and_then(|release| {
        let in_state =
            state.slots.iter().find(|(_, standing)| standing.release == *release).map(|(slot, _)| *slot);
        in_state.or_else(|| recorded_slot(clusters, key, release))
    });
    Ok(Some(Lead { service, object, seen: Seen { state, selected, slot } }))
}

/// Where a release stands, by the records alone.
pub(super) fn recorded_slot(clusters: &Clusters, key: &EnvironmentKey, release: &ReleaseId) -> Option<Slot> {
    let folder = clusters.layout.slot(key, release).ok()?;
    records::slot(&folder, TargetKind::Kubernetes).ok()?.map(|record| record.slot)
}

pub(super) fn taken(object: &Service) -> KubernetesError {
    KubernetesError::NameTaken { what: "Service".into(), name: object.name_any(), whose: NOT_OURS.to_owned() }
}

/// That somebody wrote to what says who is live.
pub(super) fn changed(object: &Service, what: &str) -> KubernetesError {
    KubernetesError::TrafficTaken {
        object: format!("Service {}", object.name_any()),
        field: SELECTOR,
        manager: other_writer(object),
        what: what.to_owned(),
    }
}

/// Who else wrote to the selector, as the API server noted it.
pub(crate) fn other_writer(object: &Service) -> Option<String> {
    let entries: Vec<_> = object.metadata.managed_fields.iter().flatten().collect();
    let said = |entry: &ManagedFieldsEntry| -> Option<Map<String, Value>> {
        entry.fields_v1.as_ref()?.0.pointer("/f:spec/f:selector")?.as_object().cloned()
    };
    let has_keys = |fields: &Map<String, Value>| fields.keys().any(|field| field.starts_with("f:"));
    // A server that notes each key leaves a selector without one with who wrote all of those that are gone; one that notes it as a whole
    // has nothing else for anybody.
    let by_key = entries.iter().any(|entry| said(entry).is_some_and(|fields| has_keys(&fields)));
    let foreign = entries.iter().filter(|entry| entry.manager.as_deref() != Some(MANAGER));
    foreign
        .filter(|entry| said(entry).is_some_and(|fields| !by_key || has_keys(&fields)))
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
        .and_then(|entry| entry.manager.clone())
}

/// Refuses a lease that is older than one that wrote to the cluster.
pub(crate) async fn refuse_stale(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    fence: Generation,
) -> Result<(), KubernetesError> {
    match noted(clusters, cluster, key).await? {
        Some(noted) if noted.state().generation > fence => Err(KubernetesError::Fenced),
        _ => Ok(()),
    }
}

/// When the slot lost the traffic; none when it never had it.
pub(super) async fn left(
    clusters: &Clusters,
    key: &EnvironmentKey,
    slot: Slot,
) -> Result<Option<Timestamp>, KubernetesError> {
    let Some(record) = record::read(&clusters.layout, key)? else { return Ok(None) };
    let cluster = clusters.reach(&record.cluster).await?;
    let noted = noted(clusters, &cluster, key).await?;
    Ok(noted.and_then(|noted| noted.state().slots.get(&slot)?.left))
}

/// Makes every Service that is not there, and writes the lease into the one that leads.
pub(super) async fn ensure(
    clusters: &Clusters,
    cluster: &Arc<Cluster>,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    fence: Generation,
    adopting: Option<(&Release, &str)>,
    release: &Release,
) -> Result<(), KubernetesError> {
    // What leads says whether the others may select two releases.
    let mut lead = routed::ensure(clusters, cluster, record, fence, release).await?;
    for (name, leads) in record.fixed() {
        let object = service(key, name, &record.cluster, leads, fence, &clusters.owner(key));
        if let Some((release, from)) = adopting.filter(|_| leads) {
            adoption::take_service(clusters, cluster, release, (name, from), fence).await?;
            continue;
        }
        let there = make(clusters, cluster, key, &object).await?;
        let Some(there) = there else { continue };
        if leads {
            lead = written(&there);
        }
        selected(&there, key, name, lead.as_ref())?;
    }
    let adopting = adopting.map(|(release, _)| release.id.clone());
    change(clusters, key, fence, |state| {
        if let (Some(adopted), Some(release)) = (&mut state.adopted, &adopting) {
            adopted.release = release.clone();
        }
    })
    .await
}

/// Makes one that is not there; answers one that is.
pub(super) async fn make(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    object: &Value,
) -> Result<Option<Service>, KubernetesError> {
    let name = deployment::name(object);
    let there = match find(cluster, name).await? {
        Some(there) => there,
        None => {
            let doing = format!("make the Service {name}");
            let made = Service::deserialize(object).map_err(|error| KubernetesError::Refused {
                doing: doing.clone(),
                status: 400,
                words: error.to_string(),
            })?;
            let (api, params) = (cluster.api::<Service>(), ours());
            match cluster.call(&doing, || api.create(&params, &made)).await {
                Ok(_) => return Ok(None),
                // Made by a call whose answer was lost, or by somebody else just now.
                Err(error) if error.status() == Some(409) => find(cluster, name).await?.ok_or(error)?,
                Err(error) => return Err(error),
            }
        }
    };
    if !is_ours(clusters, key, &there) {
        return Err(taken(&there));
    }
    if other_writer(&there).is_some() {
        return Err(changed(&there, "somebody else writes its selector"));
    }
    Ok(Some(there))
}

/// What the annotation of the Service that leads says; none where it is gone or unreadable.
pub(crate) fn written(object: &Service) -> Option<TrafficState> {
    serde_json::from_str(object.annotations().get(names::TRAFFIC)?).ok()
}

/// What a Service was before it was taken over; none where it was made here, or a second release has had the traffic.
pub(crate) fn adopted(object: &Service) -> Option<Adopted> {
    written(object)?.adopted
}

/// Changes what is said of slots where it is said who is live, if nobody with a newer lease wrote there. Who is live is not changed by this.
pub(super) async fn change(
    clusters: &Clusters,
    key: &EnvironmentKey,
    fence: Generation,
    change: impl Fn(&mut TrafficState) + Send,
) -> Result<(), KubernetesError> {
    let Some(record) = record::read(&clusters.layout, key)? else { return Ok(()) };
    let cluster = clusters.reach(&record.cluster).await?;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let Some(noted) = noted(clusters, &cluster, key).await? else { return Ok(()) };
        if noted.state().generation > fence {
            return Err(KubernetesError::Fenced);
        }
        let mut after = noted.state().clone();
        after.generation = fence;
        change(&mut after);
        if after == *noted.state() {
            return Ok(());
        }
        let patch = json!([
            { "op": "test", "path": POINTER, "value": noted.text() },
            { "op": "replace", "path": POINTER, "value": after.text() },
        ]);
        match noted.write(&cluster, &patch).await {
            // Somebody was quicker, or the answer to our own write was lost: look again.
            Err(error) if error.status() == Some(422) => last = Some(error),
            answer => return answer,
        }
    }
    Err(untaken("note what stands where".to_owned(), last))
}

/// That no write was taken. The API server says no more of a lost race than of a rule that forbids the change: its words tell which it
/// was.
pub(super) fn untaken(doing: String, last: Option<KubernetesError>) -> KubernetesError {
    let busy = "others write to it all the time";
    match last {
        Some(KubernetesError::Refused { status, words, .. }) => KubernetesError::Refused {
            doing,
            status,
            words: format!("{busy}, or a rule of the cluster forbids it; the API server says: {words}"),
        },
        _ => KubernetesError::Away { doing, words: busy.to_owned() },
    }
}

/// The parts of a patch that move the traffic: what must be so, and what is so then.
pub(super) fn moving(lead: &Lead, selector: &Value, after: &TrafficState) -> Value {
    json!([
        { "op": "test", "path": "/spec/selector", "value": lead.object.spec.as_ref().and_then(|spec| spec.selector.clone()) },
        { "op": "test", "path": POINTER, "value": lead.text() },
        { "op": "replace", "path": "/spec/selector", "value": selector },
        { "op": "replace", "path": POINTER, "value": after.text() },
    ])
}

/// Merges into a Service.
pub(crate) async fn merge(cluster: &Cluster, name: &str, patch: &Value) -> Result<(), KubernetesError> {
    let patch: Patch<&Value> = Patch::Merge(patch);
    let (api, params) = (cluster.api::<Service>(), by_us());
    cluster
        .call(&format!("write to the Service {name}"), || api.patch(name, &params, &patch))
        .await
        .map(|_| ())
}

/// Writes a JSON Patch to a Service.
pub(super) async fn write(cluster: &Cluster, name: &str, patch: &Value) -> Result<(), KubernetesError> {
    let doing = format!("write to the Service {name}");
    let patch: Patch<Service> = Patch::Json(json_patch(&doing, patch)?);
    let (api, params) = (cluster.api::<Service>(), by_us());
    cluster.call(&doing, || api.patch(name, &params, &patch)).await.map(|_| ())
}

pub(super) fn json_patch(doing: &str, patch: &Value) -> Result<json_patch::Patch, KubernetesError> {
    json_patch::Patch::deserialize(patch).map_err(|error| KubernetesError::Refused {
        doing: doing.to_owned(),
        status: 400,
        words: error.to_string(),
    })
}

/// Where what leads users is not as it was written, one sentence each.
pub(super) async fn differences(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<Vec<String>, KubernetesError> {
    let (mut told, mut lead) = routed::differences(clusters, cluster, key, record).await?;
    for (service, leads) in record.fixed() {
        let name = record.front(&key.app, service);
        let Some(object) = find(cluster, &name).await? else {
            told.push(format!("the Service {name} is not there"));
            continue;
        };
        if leads {
            lead = written(&object);
        }
        let selected = selected(&object, key, service, lead.as_ref());
        // Until the first switch, what was taken over selects what somebody else wrote.
        let is_lent = adopted(&object).is_some() && matches!(selected, Ok(None));
        let who = other_writer(&object)
            .filter(|_| !is_lent)
            .map(|who| format!(" ({who} wrote to it)"))
            .unwrap_or_default();
        match selected {
            Err(_) => told.push(format!("the selector of the Service {name} names no release{who}")),
            Ok(now) => {
                let live = lead.as_ref().and_then(|state| state.live.clone());
                // Others follow the one that leads into a roll and out of it.
                let is_rolled = lead.as_ref().is_some_and(|state| state.open_roll().is_some());
                let is_both = Selects::Both.is_so(&object, key, service);
                if now != live || (leads && is_rolled && !is_both) {
                    let shown = |release: &Option<ReleaseId>| {
                        release.as_ref().map_or("nobody".to_owned(), ToString::to_string)
                    };
                    told.push(format!(
                        "the Service {name} selects {}, and {} was made live{who}",
                        shown(&now),
                        shown(&live)
                    ));
                }
            }
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_else_writes_a_selector() {
        let service = |fields: &[(&str, Value)]| -> Service {
            let entries: Vec<Value> = fields
                .iter()
                .map(|(manager, selector)| {
                    json!({ "manager": manager, "operation": "Update", "fieldsV1": { "f:spec": { "f:selector": selector } } })
                })
                .collect();
            Service::deserialize(&json!({ "metadata": { "name": "web", "managedFields": entries } })).unwrap()
        };
        let (keys, whole) = (json!({ ".": {}, "f:app": {} }), json!({}));
        for (fields, expected) in [
            (vec![], None),
            (vec![(MANAGER, keys.clone())], None),
            (vec![(MANAGER, whole.clone())], None),
            (vec![("gitops", keys.clone())], Some("gitops")),
            (vec![("gitops", whole.clone())], Some("gitops")),
            (vec![("gitops", keys.clone()), (MANAGER, keys.clone())], Some("gitops")),
            (vec![("gitops", whole.clone()), (MANAGER, whole.clone())], Some("gitops")),
            // What is left of a selector that was replaced: nothing of it.
            (vec![("kubectl-create", whole), (MANAGER, keys.clone())], None),
            (vec![("kubectl-create", json!({ ".": {} })), (MANAGER, keys)], None),
        ] {
            assert_eq!(other_writer(&service(&fields)).as_deref(), expected, "{fields:?}");
        }
    }
}
