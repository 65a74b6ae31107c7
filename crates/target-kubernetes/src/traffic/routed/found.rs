//! The user's Ingress or HTTPRoute as it was read, and what of it is written.

use bascule_model::ids::EnvironmentKey;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{ApiResource, DynamicObject, Patch};
use serde_json::{Value, json};

use super::super::state;
use super::slots;
use crate::cluster::{Cluster, MANAGER, by_us};
use crate::error::KubernetesError;
use crate::moment;
use crate::names;
use crate::objects::route::{Backend, FIELDS, Named, Routed, backends, titled};
use crate::objects::service::TrafficState;
use crate::record::TrafficRecord;
use crate::shared::Clusters;

/// What we note at it: whose, and who is live.
const NOTES: [&str; 4] = [names::TRAFFIC, names::OWNER, names::APP, names::ENVIRONMENT];

/// What of a route says who is live.
pub(super) const RULES: &str = "spec.rules";

/// The object, to which nothing may be noted yet.
pub(in crate::traffic) struct Found {
    pub(super) title: String,
    pub(super) value: Value,
    pub(super) backends: Vec<Backend>,
    pub(super) named: Named,
    object: DynamicObject,
    resource: ApiResource,
}

/// One that says who is live.
pub(in crate::traffic) struct Seen {
    pub(in crate::traffic) found: Found,
    pub(in crate::traffic) state: TrafficState,
}

/// An annotation as a JSON pointer.
pub(super) fn pointer(annotation: &str) -> String {
    format!("/metadata/annotations/{}", annotation.replace('~', "~0").replace('/', "~1"))
}

/// The object of that name; none where it is not there, or no route is wanted.
pub(super) async fn find(
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<Option<Found>, KubernetesError> {
    let Some(route) = &record.cluster.route else { return Ok(None) };
    let resource = cluster.routes(route.kind).await?;
    let (title, api) = (titled(route), cluster.dynamic(resource));
    let asked = cluster.call(&format!("look at the {title}"), || api.get_opt(&route.name)).await?;
    let Some(object) = asked else { return Ok(None) };
    let value = serde_json::to_value(&object).unwrap_or_default();
    let backends = backends(route.kind, &cluster.namespace, &value);
    let named = Routed { app: &key.app, services: &record.routed() }.named(&backends);
    Ok(Some(Found { title, value, backends, named, object, resource: resource.clone() }))
}

/// The same with who is live; none where nothing was noted at it yet.
pub(in crate::traffic) async fn look(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
) -> Result<Option<Seen>, KubernetesError> {
    let Some(found) = find(cluster, key, record).await? else { return Ok(None) };
    let Some(text) = found.object.annotations().get(names::TRAFFIC) else {
        // It is noted there before the first of the Services is made, and for longer than the last of them.
        if slots::is_there(clusters, cluster, key, record).await? {
            return Err(found.changed("its annotation bascule.dev/traffic is gone"));
        }
        return Ok(None);
    };
    if !found.is_ours(clusters, key) {
        let kind = found.resource.kind.clone();
        let name = found.object.name_any();
        let whose = "another environment, or another state folder, moves its users by it".to_owned();
        return Err(KubernetesError::NameTaken { what: kind.into(), name, whose });
    }
    match serde_json::from_str(text) {
        Ok(state) => Ok(Some(Seen { found, state })),
        Err(_) => Err(found.changed("its annotation bascule.dev/traffic is unreadable")),
    }
}

/// That no write to the route was taken.
pub(super) fn busy(record: &TrafficRecord, last: Option<KubernetesError>) -> KubernetesError {
    let title = record.cluster.route.as_ref().map(titled).unwrap_or_default();
    state::untaken(format!("write to the {title}"), last)
}

impl Found {
    /// What its annotation says, as it is written.
    pub(in crate::traffic) fn text(&self) -> String {
        self.object.annotations().get(names::TRAFFIC).cloned().unwrap_or_default()
    }

    /// What that means; none where it is gone or unreadable.
    pub(super) fn written(&self) -> Option<TrafficState> {
        serde_json::from_str(self.object.annotations().get(names::TRAFFIC)?).ok()
    }

    /// Whether this state folder notes there who is live in that environment.
    pub(super) fn is_ours(&self, clusters: &Clusters, key: &EnvironmentKey) -> bool {
        let annotations = self.object.annotations();
        let is = |name: &str, value: &str| annotations.get(name).is_some_and(|it| it == value);
        is(names::OWNER, &clusters.owner(key))
            && is(names::APP, key.app.as_str())
            && is(names::ENVIRONMENT, key.environment.as_str())
    }

    /// Whether anybody notes there who is live.
    pub(super) fn is_taken(&self) -> bool {
        self.object.annotations().contains_key(names::OWNER)
    }

    /// Which of our notes are there.
    pub(super) fn noted(&self) -> impl Iterator<Item = &'static str> {
        NOTES.into_iter().filter(|name| self.object.annotations().contains_key(*name))
    }

    /// That nobody has written to it since it was read.
    pub(super) fn unchanged(&self) -> Value {
        json!({ "op": "test", "path": "/metadata/resourceVersion", "value": self.object.resource_version() })
    }

    /// The operations that note whose it is and who is live.
    pub(super) fn note(&self, clusters: &Clusters, key: &EnvironmentKey, state: &TrafficState) -> Vec<Value> {
        let mut all = Vec::new();
        if self.object.metadata.annotations.is_none() {
            all.push(json!({ "op": "add", "path": "/metadata/annotations", "value": {} }));
        }
        let (app, environment) = (key.app.to_string(), key.environment.to_string());
        let values = [state.text(), clusters.owner(key), app, environment];
        for (name, value) in NOTES.into_iter().zip(values) {
            all.push(json!({ "op": "add", "path": pointer(name), "value": value }));
        }
        all
    }

    /// Writes a JSON Patch to it.
    pub(in crate::traffic) async fn write(
        &self,
        cluster: &Cluster,
        patch: &Value,
    ) -> Result<(), KubernetesError> {
        let doing = format!("write to the {}", self.title);
        let patch: Patch<DynamicObject> = Patch::Json(state::json_patch(&doing, patch)?);
        let (api, params, name) = (cluster.dynamic(&self.resource), by_us(), self.object.name_any());
        cluster.call(&doing, || api.patch(&name, &params, &patch)).await.map(|_| ())
    }

    /// That somebody wrote to what says who is live.
    pub(super) fn changed(&self, what: &str) -> KubernetesError {
        KubernetesError::TrafficTaken {
            object: self.title.clone(),
            field: RULES,
            manager: self.other_writer(),
            what: what.to_owned(),
        }
    }

    /// Who else wrote to its backends last, as the API server noted it.
    pub(super) fn other_writer(&self) -> Option<String> {
        self.writer(|manager| manager != MANAGER)?.0
    }

    /// Who else wrote to its backends after we had noted something there.
    pub(super) fn later_writer(&self) -> Option<String> {
        let entries = self.object.metadata.managed_fields.iter().flatten();
        let ours = entries.filter(|entry| entry.manager.as_deref() == Some(MANAGER));
        let since = ours.filter_map(|entry| entry.time.as_ref().map(moment::of)).max()?;
        let (manager, time) = self.writer(|manager| manager != MANAGER)?;
        manager.filter(|_| time.is_some_and(|time| time > since))
    }

    fn writer(&self, is_meant: impl Fn(&str) -> bool) -> Option<(Option<String>, Option<Timestamp>)> {
        let entries = self.object.metadata.managed_fields.iter().flatten();
        let wrote = entries.filter(|entry| {
            let fields = entry.fields_v1.as_ref().map(|fields| &fields.0["f:spec"]);
            is_meant(entry.manager.as_deref().unwrap_or_default())
                && fields.is_some_and(|fields| {
                    FIELDS.iter().any(|field| fields.get(format!("f:{field}")).is_some())
                })
        });
        wrote
            .map(|entry| (entry.manager.clone(), entry.time.as_ref().map(moment::of)))
            .max_by_key(|(_, time)| *time)
    }
}

impl Seen {
    /// Whether none of its backends is ours any more.
    pub(in crate::traffic) fn leads_to_nobody(&self) -> bool {
        self.found.named == Named::Nobody
    }

    /// Who gets the users. A route that leads elsewhere is somebody else's work, and never "nobody yet".
    pub(in crate::traffic) fn judged(&self) -> Result<state::Seen, KubernetesError> {
        let slot = match &self.found.named {
            Named::Slot(slot) => *slot,
            Named::Nobody => return Err(self.found.changed("it leads to none of the app's two Services")),
            Named::Amiss(why) => return Err(self.found.changed(&format!("it {why}"))),
        };
        let Some(live) = &self.state.live else { return Ok(state::Seen::new(self.state.clone(), None)) };
        let Some(standing) = self.state.slots.get(&slot) else {
            return Err(self
                .found
                .changed(&format!("it leads to {slot}, where nothing stands, and {live} was made live")));
        };
        Ok(state::Seen::new(self.state.clone(), Some((slot, standing.release.clone()))))
    }
}
