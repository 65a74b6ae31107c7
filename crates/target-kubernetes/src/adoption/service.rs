//! The Service that users of what is taken over come in by: it becomes the one in front of the app, with its name and address, and goes on
//! selecting what it selects until the first switch.

use std::collections::BTreeMap;

use bascule_engine::ports::traffic_services;
use bascule_instances::records;
use bascule_model::ids::{Generation, ReleaseId, ServiceName};
use bascule_model::release::{Release, TargetKind};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::unfit;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::service::TrafficState;
use crate::record::TrafficRecord;
use crate::shared::Clusters;
use crate::traffic::state::{self, ATTEMPTS};

/// What a Service was before it was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Adopted {
    /// The release that what it selects became.
    pub(crate) release: ReleaseId,
    /// What it selected; and what it selects while nobody is live, until another release has been.
    pub(crate) selector: BTreeMap<String, String>,
    /// Its labels of ours that it had with other values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
}

/// The service that a release has from a Deployment that is there already, and that one's name: only the first release of an environment
/// has, whatever later ones say.
pub(crate) fn wants<'a>(
    clusters: &Clusters,
    release: &'a Release,
) -> Result<Option<(ServiceName, &'a str)>, KubernetesError> {
    let Some(from) = release.cluster.as_ref().and_then(|cluster| cluster.adopt.as_deref()) else {
        return Ok(None);
    };
    let mut standing = records::slots(&clusters.layout, TargetKind::Kubernetes)?.into_iter().flatten();
    let is_alone = !standing.any(|(slot, _)| slot.key == release.key && slot.release != release.id);
    let lead = TrafficRecord::of(release).and_then(|record| record.services.into_iter().next());
    Ok(lead.filter(|_| is_alone).map(|lead| (lead, from)))
}

/// Somebody's Service that a release takes over with the Deployment `from`; none: it is ours by now.
///
/// # Errors
/// When there is none, or it cannot be taken over.
pub(crate) async fn find_service(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    from: &str,
) -> Result<Option<Service>, KubernetesError> {
    let front = TrafficRecord::of(release)
        .and_then(|record| Some(record.front(&release.key.app, record.services.first()?)))
        .unwrap_or_default();
    let Some(object) = state::find(cluster, &front).await? else {
        let why = format!(
            "there is no Service {front}: name the one that its users come in by with `service = {{ name = \"…\" }}`"
        );
        return Err(unfit(from, &why));
    };
    if state::is_ours(clusters, &release.key, &object) {
        return Ok(None);
    }
    if object.annotations().contains_key(names::OWNER) {
        let whose = state::NOT_OURS.to_owned();
        return Err(KubernetesError::NameTaken { what: "Service".into(), name: front, whose });
    }
    match amiss(&object, release) {
        Some(why) => Err(unfit(from, &why)),
        None => Ok(Some(object)),
    }
}

/// Makes somebody's Service ours. What it selects stays as it is.
pub(crate) async fn take_service(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    (service, from): (&ServiceName, &str),
    fence: Generation,
) -> Result<(), KubernetesError> {
    for _ in 0..ATTEMPTS {
        let Some(object) = find_service(clusters, cluster, release, from).await? else { return Ok(()) };
        match write(cluster, &object, &taken(clusters, release, service, &object, fence)).await {
            // Somebody was quicker, or the answer to our own write was lost: look again.
            Err(error) if error.status() == Some(409) => {}
            answer => return answer,
        }
    }
    Err(unfit(from, "others write to its Service all the time"))
}

/// The metadata of a Service that is taken over.
fn taken(
    clusters: &Clusters,
    release: &Release,
    service: &ServiceName,
    object: &Service,
    fence: Generation,
) -> Value {
    let key = &release.key;
    let spec = object.spec.clone().unwrap_or_default();
    let mut labels = names::of_environment(key);
    labels.insert(names::SERVICE.to_owned(), service.to_string());
    let before = object.labels().iter().filter(|(label, _)| labels.contains_key(*label));
    let adopted = Adopted {
        release: release.id.clone(),
        selector: spec.selector.unwrap_or_default(),
        labels: before.map(|(label, value)| (label.clone(), value.clone())).collect(),
    };
    let state = TrafficState { generation: fence, adopted: Some(adopted), ..TrafficState::default() };
    let annotations = json!({ names::OWNER: clusters.owner(key), names::TRAFFIC: state.text() });
    json!({ "labels": labels, "annotations": annotations })
}

/// Makes a Service somebody's again, as it was.
pub(crate) async fn hand_back(
    cluster: &Cluster,
    object: &Service,
    adopted: &Adopted,
) -> Result<(), KubernetesError> {
    let ours = object.labels().keys().filter(|label| label.starts_with("bascule.dev/"));
    let mut labels: BTreeMap<String, Option<String>> = ours.map(|label| (label.clone(), None)).collect();
    for label in [names::MANAGED_BY, names::NAME] {
        labels.insert(label.to_owned(), adopted.labels.get(label).cloned());
    }
    let annotations = json!({ names::OWNER: null, names::TRAFFIC: null });
    let error = match write(cluster, object, &json!({ "labels": labels, "annotations": annotations })).await {
        Err(error) if error.status() == Some(409) => error,
        answer => return answer,
    };
    // It may have been our own write whose answer was lost.
    let is_ours = |object: &Service| object.annotations().contains_key(names::OWNER);
    let now = state::find(cluster, &object.name_any()).await?;
    if now.as_ref().is_some_and(is_ours) { Err(error) } else { Ok(()) }
}

/// Writes metadata to a Service to which nobody wrote since it was read.
async fn write(cluster: &Cluster, object: &Service, metadata: &Value) -> Result<(), KubernetesError> {
    let mut metadata = metadata.clone();
    metadata["resourceVersion"] = json!(object.resource_version());
    state::merge(cluster, &object.name_any(), &json!({ "metadata": metadata })).await
}

/// Why a Service cannot be taken over; none: it can.
fn amiss(object: &Service, release: &Release) -> Option<String> {
    let name = object.name_any();
    let spec = object.spec.clone().unwrap_or_default();
    if spec.selector.is_none_or(|selector| selector.is_empty()) {
        return Some(format!("the Service {name} selects nothing"));
    }
    let port = traffic_services(release).next()?.traffic.as_ref()?.port;
    let leads_there = |to: &IntOrString| *to == IntOrString::Int(i32::from(port));
    let ports = spec.ports.unwrap_or_default();
    let to_port = ports.iter().any(|one| {
        one.target_port.as_ref().map_or(one.port == i32::from(port), |to| {
            leads_there(to) || *to == IntOrString::String(crate::objects::pod::PORT.to_owned())
        })
    });
    let named = ports.iter().find_map(|one| match &one.target_port {
        Some(IntOrString::String(name)) => Some(name.clone()),
        _ => None,
    });
    match (to_port, named) {
        (true, _) => None,
        (false, Some(named)) => Some(format!(
            "the Service {name} leads to the port `{named}` by its name, and Bascule's pods call theirs `{}`: write the number there ({port})",
            crate::objects::pod::PORT
        )),
        (false, None) => Some(format!("no port of the Service {name} leads to the service's port {port}")),
    }
}
