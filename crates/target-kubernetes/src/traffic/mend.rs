//! Putting back what users' traffic depends on: what Services select, the annotation that says who is live, and a live Deployment that
//! somebody scaled to nothing. Nothing else is mended, and not who was moved to another release that stands.
//!
//! Each is one conditional write over exactly what was seen. How often it may be done is for whoever asks to decide.

use std::collections::BTreeMap;

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, ServiceName, Slot};
use bascule_model::release::Release;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use kube::api::Patch;
use serde_json::{Value, json};

use super::routed;
use super::selects::selected;
use super::state::{self, POINTER, written};
use crate::cluster::{Cluster, by_us};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::service::{Standing, TrafficState};
use crate::record;
use crate::shared::Clusters;
use crate::target::cluster_of;

/// One thing that is not as it was written, and how it is put back.
#[derive(Debug, Clone, PartialEq)]
pub struct Mend {
    what: String,
    write: Write,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    /// To the Service that leads: what has to be so still, and what is so then.
    Lead { service: String, patch: Value },
    /// To the route by which users come in.
    Route { patch: Value },
    /// To one that follows what leads. It does not say which lease wrote there: the one that leads is asked before.
    Follower { service: String, patch: Value },
    /// A Deployment gets this many pods, if it is to have none still.
    Scale { deployment: String, replicas: u32 },
}

impl Mend {
    pub(super) fn new(what: String, write: Write) -> Self {
        Self { what, write }
    }

    /// What is put back and who had changed it, as in "put … back".
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

/// What of an environment is to be put back: where `live` was made live under this lease, or an older one. Empty where everything is as
/// it was written, where it is not known, and where another engine with a newer lease wrote.
pub(super) async fn needed(
    clusters: &Clusters,
    fence: Generation,
    live: &Release,
    slots: &BTreeMap<Slot, ReleaseId>,
) -> Result<Vec<Mend>, KubernetesError> {
    let key = &live.key;
    let Some(record) = record::read(&clusters.layout, key)? else { return Ok(Vec::new()) };
    let cluster = clusters.reach(&record.cluster).await?;
    let Some(mut all) = routed::needed(clusters, &cluster, fence, live, slots, &record).await? else {
        return Ok(Vec::new());
    };
    for (service, leads) in record.fixed() {
        // One that is not there, or somebody else's, is told and not made: its address would be another one.
        let Some(object) = state::find(&cluster, &record.front(&key.app, service)).await? else { continue };
        if !state::is_ours(clusters, key, &object) {
            continue;
        }
        let written = written(&object);
        // Of a roll that a person has left as it is, who is needed is theirs to say.
        let is_left = |state: &TrafficState| state.generation > fence || state.open_roll().is_some();
        if written.as_ref().is_some_and(is_left) {
            return Ok(Vec::new());
        }
        let wanted = names::selector(key, service, live.id.as_str());
        let selects = object.spec.as_ref().and_then(|spec| spec.selector.clone()) == Some(wanted.clone());
        // Only the one that leads says who is live.
        let says = !leads || written.as_ref().is_some_and(|state| state.live.as_ref() == Some(&live.id));
        if selects && says {
            continue;
        }
        if leads && is_moved(&object, key, service, written.as_ref(), &live.id, slots) {
            return Ok(Vec::new());
        }
        let after = TrafficState {
            generation: fence,
            live: Some(live.id.clone()),
            adopted: written.as_ref().and_then(|state| state.adopted.clone()),
            slots: written.as_ref().map_or_else(|| standing(slots), |state| state.slots.clone()),
            roll: written.and_then(|state| state.roll),
        };
        let mut patch = expected(&object);
        patch.push(json!({ "op": "add", "path": "/spec/selector", "value": wanted }));
        if leads {
            patch.push(json!({ "op": "add", "path": POINTER, "value": after.text() }));
        }
        let (service, patch) = (object.name_any(), Value::Array(patch));
        all.push(Mend {
            what: format!("what the Service {service} selects{}", by(state::other_writer(&object))),
            write: if leads { Write::Lead { service, patch } } else { Write::Follower { service, patch } },
        });
    }
    all.extend(sizes(&cluster, live).await?);
    Ok(all)
}

/// Whether users were moved to another release that stands. That is no mistake but somebody's way back, and theirs to end: it is told,
/// and the next deploy does not write over it either.
fn is_moved(
    object: &Service,
    key: &EnvironmentKey,
    service: &ServiceName,
    written: Option<&TrafficState>,
    live: &ReleaseId,
    slots: &BTreeMap<Slot, ReleaseId>,
) -> bool {
    let Ok(Some(selected)) = selected(object, key, service, written) else { return false };
    let stands = |release: &ReleaseId| *release == selected;
    let is_noted = written.is_some_and(|state| state.slots.values().any(|it| stands(&it.release)));
    selected != *live && (is_noted || slots.values().any(stands))
}

pub(super) fn by(writer: Option<String>) -> String {
    writer.map_or_else(String::new, |writer| format!(", which {writer} had changed,"))
}

pub(super) fn standing(slots: &BTreeMap<Slot, ReleaseId>) -> BTreeMap<Slot, Standing> {
    let standing = |release: &ReleaseId| Standing { release: release.clone(), left: None };
    slots.iter().map(|(slot, release)| (*slot, standing(release))).collect()
}

/// That nobody has written since: whoever did has the Service, and is looked at the next time.
pub(super) fn expected(object: &Service) -> Vec<Value> {
    vec![json!({ "op": "test", "path": "/metadata/resourceVersion", "value": object.resource_version() })]
}

/// Deployments of the live release that somebody scaled to nothing.
async fn sizes(cluster: &Cluster, live: &Release) -> Result<Vec<Mend>, KubernetesError> {
    let mut all = Vec::new();
    for service in live.services.iter().filter(|service| service.instances > 0) {
        let name = names::deployment(&live.key.app, &service.name, &live.id);
        let found = cluster.get::<Deployment>(&format!("look at the Deployment {name}"), &name).await?;
        if found.and_then(|found| found.spec?.replicas) == Some(0) {
            all.push(Mend {
                what: format!("the size of the Deployment {name}, which was 0,"),
                write: Write::Scale { deployment: name, replicas: service.instances },
            });
        }
    }
    Ok(all)
}

/// Puts one thing back. Answers whether it was done: somebody who wrote meanwhile is let be.
pub(super) async fn put_back(
    clusters: &Clusters,
    fence: Generation,
    key: &EnvironmentKey,
    live: &Release,
    mend: &Mend,
) -> Result<bool, KubernetesError> {
    let cluster = clusters.reach(cluster_of(live)?).await?;
    let done = match &mend.write {
        Write::Lead { service, patch } => state::write(&cluster, service, patch).await,
        Write::Route { patch } => routed::put_back(clusters, &cluster, key, patch).await,
        Write::Follower { service, patch } => {
            state::refuse_stale(clusters, &cluster, key, fence).await?;
            state::write(&cluster, service, patch).await
        }
        Write::Scale { deployment, replicas } => {
            state::refuse_stale(clusters, &cluster, key, fence).await?;
            from_nothing(&cluster, deployment, *replicas).await
        }
    };
    match done {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.status(), Some(404 | 409 | 422)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets the size of a Deployment that is to have no pods; of one that somebody has made larger meanwhile it is refused.
async fn from_nothing(cluster: &Cluster, name: &str, replicas: u32) -> Result<(), KubernetesError> {
    let doing = format!("scale the Deployment {name}");
    let patch = json!([
        { "op": "test", "path": "/spec/replicas", "value": 0 },
        { "op": "replace", "path": "/spec/replicas", "value": replicas },
    ]);
    let patch: Patch<Deployment> = Patch::Json(state::json_patch(&doing, &patch)?);
    let api = cluster.api::<Deployment>();
    let params = by_us();
    cluster.call(&doing, || api.patch(name, &params, &patch)).await.map(|_| ())
}
