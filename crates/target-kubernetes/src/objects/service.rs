//! The Service in front of a service of an app: its selector names the one release that gets the traffic, and an annotation what
//! stands where. Both are written in one write.

use std::collections::BTreeMap;

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, ServiceName, Slot};
use bascule_model::release::{Cluster, Rolling, ServiceKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pod;
use crate::adoption::Adopted;
use crate::{names, record};

/// The port of every Service: pods are found by the name of theirs.
pub(crate) const PORT: u16 = 80;

/// What the annotation of a Service says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrafficState {
    /// The highest lease that wrote here: a lower one is refused.
    pub(crate) generation: Generation,
    /// Who was made live last; none: nobody.
    pub(crate) live: Option<ReleaseId>,
    /// What is known to stand in each slot.
    pub(crate) slots: BTreeMap<Slot, Standing>,
    /// What it was before Bascule had it, until a second release gets the traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) adopted: Option<Adopted>,
    /// The last time that one release came pod by pod as another one went; none where the last switch was one write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roll: Option<Roll>,
}

/// One release comes pod by pod as another one goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Roll {
    /// Who was live before.
    pub(crate) from: ReleaseId,
    /// Who comes.
    pub(crate) to: ReleaseId,
    /// Whether users may reach both.
    pub(crate) is_open: bool,
    /// How far numbers may be from what they are to be.
    pub(crate) rolling: Rolling,
    /// How many pods the former release had when it began, and how many the new one is to have, by service.
    pub(crate) sizes: BTreeMap<ServiceName, (u32, u32)>,
}

/// A release in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) release: ReleaseId,
    /// When it lost the traffic, if it had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left: Option<Timestamp>,
}

impl TrafficState {
    /// The roll that is under way.
    pub(crate) fn open_roll(&self) -> Option<&Roll> {
        self.roll.as_ref().filter(|roll| roll.is_open)
    }

    /// As text: what a write is compared with.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The Service as it is made first: nobody is live. `leads`: whether the port of the nodes is for it.
pub(crate) fn service(
    key: &EnvironmentKey,
    name: &ServiceName,
    cluster: &Cluster,
    leads: bool,
    generation: Generation,
    owner: &str,
) -> Value {
    let state = TrafficState { generation, ..TrafficState::default() };
    let mut port = json!({ "name": pod::PORT, "port": PORT, "targetPort": pod::PORT, "protocol": "TCP" });
    if let Some(node_port) = cluster.node_port.filter(|_| leads && cluster.service != ServiceKind::ClusterIP)
    {
        port["nodePort"] = json!(node_port);
    }
    let mut labels = names::of_environment(key);
    labels.insert(names::SERVICE.to_owned(), name.to_string());
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": record::front(cluster, &key.app, name, leads),
            "labels": labels,
            "annotations": { names::TRAFFIC: state.text(), names::OWNER: owner },
        },
        "spec": {
            "type": cluster.service.as_str(),
            "selector": names::selector(key, name, names::NOBODY),
            "ports": [port],
        },
    })
}

/// One of the two Services of a service that users come to through a route. Nobody stands in its slot yet.
pub(crate) fn slot_service(
    key: &EnvironmentKey,
    name: &ServiceName,
    slot: Slot,
    cluster: &Cluster,
    owner: &str,
) -> Value {
    let mut labels = names::of_environment(key);
    labels
        .extend([(names::SERVICE.to_owned(), name.to_string()), (names::SLOT.to_owned(), slot.to_string())]);
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": names::slot_service(&key.app, name, slot),
            "labels": labels,
            "annotations": { names::OWNER: owner },
        },
        "spec": {
            "type": cluster.service.as_str(),
            "selector": names::selector(key, name, names::NOBODY),
            "ports": [{ "name": pod::PORT, "port": PORT, "targetPort": pod::PORT, "protocol": "TCP" }],
        },
    })
}
