//! The switch of a route: the names of its backends and the annotation, in one conditional write. Who loses the race changes nothing.
//!
//! Only where the users' slot itself begins or ends to have a release (the first one, and the last) its Services are written before, as no
//! other release has users then.

use bascule_engine::ports::PortError;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use serde_json::{Value, json};

use super::super::selects::Selects;
use super::super::state::{self, ATTEMPTS, POINTER};
use super::super::switch::{after, follow, shown};
use super::found::{Seen, busy};
use super::{look, slots};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::objects::route::{Named, Routed};
use crate::record::TrafficRecord;
use crate::shared::Clusters;

/// Answers whether it was so already; none where the route is not there.
pub(in crate::traffic) async fn switch(
    clusters: &Clusters,
    cluster: &Cluster,
    fence: Generation,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    expect: Option<&ReleaseId>,
    to: Option<(Slot, &ReleaseId)>,
) -> Result<Option<bool>, PortError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let Some(seen) = look(clusters, cluster, key, record).await? else { return Ok(None) };
        if seen.state.generation > fence {
            return Err(PortError::Fenced);
        }
        // A route that leads nowhere of ours has nothing to be taken from it.
        let judged = match to {
            None if seen.leads_to_nobody() => {
                let live = seen.state.live.clone().map(|live| (Slot::Blue, live));
                state::Seen::new(seen.state.clone(), live)
            }
            _ => seen.judged()?,
        };
        let wanted = to.map(|(_, release)| release);
        let is_there = to.is_none_or(|(slot, _)| seen.found.named == Named::Slot(slot));
        let already = is_there && judged.selected.as_ref() == wanted && seen.state.live.as_ref() == wanted;
        if !already && judged.selected.as_ref() != expect {
            return Err(unexpected(&seen, &judged, expect).into());
        }
        follow(cluster, key, record, Selects::only(wanted)).await?;
        let slot = match (to, &seen.found.named) {
            (Some((slot, _)), _) => Some(slot),
            (None, Named::Slot(slot)) => Some(*slot),
            (None, _) => None,
        };
        if let Some(slot) = slot {
            slots::point(clusters, cluster, fence, key, record, slot, wanted).await?;
        }
        if already {
            // A write of a lower generation is refused from here on, whatever it expects.
            state::change(clusters, key, fence, |_| {}).await?;
            return Ok(Some(true));
        }
        let services = record.routed();
        let routed = Routed { app: &key.app, services: &services };
        let mut patch = match to {
            Some((slot, _)) => routed.moved(&seen.found.value, &seen.found.backends, slot),
            None => Vec::new(),
        };
        let after = after(clusters, &judged, fence, to);
        patch.push(json!({ "op": "test", "path": POINTER, "value": seen.found.text() }));
        patch.push(json!({ "op": "replace", "path": POINTER, "value": after.text() }));
        match seen.found.write(cluster, &Value::Array(patch)).await {
            // Somebody was quicker, or the answer to our own write was lost: what is there says which.
            Err(error) if error.status() == Some(422) => last = Some(error),
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(Some(false)),
        }
    }
    Err(busy(record, last).into())
}

/// That the route leads to somebody else than was found there.
pub(super) fn unexpected(seen: &Seen, judged: &state::Seen, expect: Option<&ReleaseId>) -> KubernetesError {
    let (now, expect) = (shown(judged.selected.as_ref()), shown(expect));
    seen.found.changed(&format!("it leads to {now}, not {expect}"))
}
