//! The switch: one conditional write. Who loses the race is told so, and changes nothing.

use bascule_engine::ports::{PortError, Switched};
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use bascule_model::problem::{Code, Problem};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt as _;
use serde_json::json;

use super::routed;
use super::selects::{Selects, selector_of};
use super::state::{self, ATTEMPTS, Lead, Seen};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::objects::route;
use crate::objects::service::{Standing, TrafficState};
use crate::record::{self, TrafficRecord};
use crate::shared::Clusters;

pub(super) async fn switch(
    clusters: &Clusters,
    fence: Generation,
    key: &EnvironmentKey,
    expect: Option<&ReleaseId>,
    to: Option<(Slot, &ReleaseId)>,
) -> Result<Switched, PortError> {
    let began = clusters.clock.elapsed();
    let record = record::read(&clusters.layout, key).map_err(KubernetesError::from)?;
    let Some(record) = record else { return nowhere(None, key, to) };
    let cluster = clusters.reach(&record.cluster).await?;
    if record.cluster.route.is_some() {
        let moved = routed::switch(clusters, &cluster, fence, key, &record, expect, to).await?;
        let Some(already) = moved else { return nowhere(Some(&record), key, to) };
        return Ok(Switched { already, micros: micros(clusters, began) });
    }
    let wanted = to.map(|(_, release)| release);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let Some(lead) = state::lead(clusters, &cluster, key).await? else {
            return nowhere(Some(&record), key, to);
        };
        if lead.seen.state.generation > fence {
            return Err(PortError::Fenced);
        }
        let is_both = lead.seen.state.open_roll().is_some();
        let already =
            !is_both && lead.seen.selected.as_ref() == wanted && lead.seen.state.live.as_ref() == wanted;
        if !already && lead.seen.selected.as_ref() != expect {
            return Err(unexpected(&lead, expect).into());
        }
        follow(&cluster, key, &record, Selects::only(wanted)).await?;
        if already {
            // A write of a lower generation is refused from here on, whatever it expects.
            state::change(clusters, key, fence, |_| {}).await?;
            return Ok(Switched { already, micros: micros(clusters, began) });
        }
        let selector = match (&lead.seen.state.adopted, wanted) {
            (Some(adopted), None) => adopted.selector.clone(),
            _ => Selects::only(wanted).selector(key, &lead.service),
        };
        let patch = state::moving(&lead, &json!(selector), &after(clusters, &lead.seen, fence, to));
        match state::write(&cluster, &lead.object.name_any(), &patch).await {
            // Somebody was quicker, or the answer to our own write was lost: what is there says which.
            Err(error) if error.status() == Some(422) => last = Some(error),
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(Switched { already, micros: micros(clusters, began) }),
        }
    }
    Err(state::untaken(format!("move the traffic of {key}"), last).into())
}

fn micros(clusters: &Clusters, began: std::time::Duration) -> u64 {
    u64::try_from(clusters.clock.elapsed().saturating_sub(began).as_micros()).unwrap_or(u64::MAX)
}

/// What the annotation says when the traffic has moved.
pub(super) fn after(
    clusters: &Clusters,
    seen: &Seen,
    fence: Generation,
    to: Option<(Slot, &ReleaseId)>,
) -> TrafficState {
    let mut after = seen.state.clone();
    after.generation = fence;
    after.roll = None;
    if let Some((slot, release)) = seen.live() {
        after.slots.insert(slot, Standing { release, left: Some(clusters.clock.now()) });
    }
    if let Some((slot, release)) = to {
        after.slots.insert(slot, Standing { release: release.clone(), left: None });
    }
    // From the second release on there is nothing to give back any more.
    after.adopted = after.adopted.filter(|adopted| to.is_none_or(|(_, release)| *release == adopted.release));
    after.live = to.map(|(_, release)| release.clone());
    after
}

/// The other Services of the app select what the one that leads is about to, or does.
pub(super) async fn follow(
    cluster: &Cluster,
    key: &EnvironmentKey,
    record: &TrafficRecord,
    wanted: Selects<'_>,
) -> Result<(), KubernetesError> {
    for (service, _) in record.fixed().filter(|(_, leads)| !leads) {
        let name = record.front(&key.app, service);
        let Some(object): Option<Service> = state::find(cluster, &name).await? else { continue };
        if wanted.is_so(&object, key, service) {
            continue;
        }
        let patch = json!([
            { "op": "test", "path": "/spec/selector", "value": selector_of(&object) },
            { "op": "replace", "path": "/spec/selector", "value": wanted.selector(key, service) },
        ]);
        let written = state::write(cluster, &object.name_any(), &patch).await;
        let Err(error) = written else { continue };
        // The answer to our own write may have been lost: what is there says which.
        let there: Option<Service> = state::find(cluster, &name).await?;
        let is_so = there.is_some_and(|object| wanted.is_so(&object, key, service));
        if error.status() != Some(422) || !is_so {
            return Err(error);
        }
    }
    Ok(())
}

fn nowhere(
    record: Option<&TrafficRecord>,
    key: &EnvironmentKey,
    to: Option<(Slot, &ReleaseId)>,
) -> Result<Switched, PortError> {
    let Some((_, release)) = to else { return Ok(Switched { already: true, micros: 0 }) };
    let route = record.and_then(|record| record.cluster.route.as_ref());
    let (what, remedy) = match route {
        None => {
            ("its Service".to_owned(), "somebody removed it; deploy again, which makes it anew".to_owned())
        }
        Some(route) => {
            let what = format!("the {}", route::titled(route));
            let remedy = format!(
                "somebody removed it, and it is theirs to make: put the {} back, then deploy again",
                route::titled(route)
            );
            (what, remedy)
        }
    };
    let message = format!("the traffic of {key} cannot go to {release}: {what} is not there");
    Err(Problem::new(Code::TrafficTaken, message, remedy).into())
}

pub(super) fn unexpected(lead: &Lead, expect: Option<&ReleaseId>) -> KubernetesError {
    let what = format!("it selects {}, not {}", shown(lead.seen.selected.as_ref()), shown(expect));
    state::changed(&lead.object, &what)
}

pub(super) fn shown(release: Option<&ReleaseId>) -> String {
    release.map_or_else(|| "nobody".to_owned(), ToString::to_string)
}
