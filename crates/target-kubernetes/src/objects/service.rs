//! The Service in front of a service of an app: its selector names the one release that gets the traffic, and an annotation what
//! stands where. Both are written in one write.

use std::collections::BTreeMap;

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, ServiceName, Slot};
use bascule_model::release::{Cluster, ServiceKind};
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
