//! Making the route say who is live: whether it leads to the app's Services at all, and the first note at it.

use bascule_model::ids::{Generation, ServiceName, Slot};
use bascule_model::release::{Release, RouteKind};
use serde_json::Value;

use super::super::state::{self, ATTEMPTS};
use super::found::{self, Found};
use super::{look, slots};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::route::{Named, Routed, titled};
use crate::objects::service::{self, TrafficState};
use crate::record::{self, TrafficRecord};
use crate::shared::Clusters;

/// Refuses a route that does not lead to the two Services of each service. Changes nothing.
pub(crate) async fn check(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
) -> Result<(), KubernetesError> {
    let Some(wanted) = TrafficRecord::of(release).filter(|it| it.cluster.route.is_some()) else {
        return Ok(());
    };
    let record = match record::read(&clusters.layout, &release.key)? {
        Some(there) => there.with(Some(wanted)),
        None => wanted,
    };
    slots::check_names(clusters, cluster, &release.key, &record).await?;
    if let Some(seen) = look(clusters, cluster, &release.key, &record).await? {
        seen.judged()?;
    }
    // One that stands goes live again as it is: what a route lacks by now does not keep its users from it.
    let stands = state::recorded_slot(clusters, &release.key, &release.id).is_some();
    let asked = if stands { Asked::Lead } else { Asked::Everything };
    fit(cluster, &record, release, asked).await.map(|_| ())
}

/// Notes at the route that nobody is live yet, where nothing is noted, and makes the Services. Answers what it says; none where no route is
/// wanted.
pub(in crate::traffic) async fn ensure(
    clusters: &Clusters,
    cluster: &Cluster,
    record: &TrafficRecord,
    fence: Generation,
    release: &Release,
) -> Result<Option<TrafficState>, KubernetesError> {
    if record.cluster.route.is_none() {
        return Ok(None);
    }
    let key = &release.key;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        if let Some(seen) = look(clusters, cluster, key, record).await? {
            if seen.state.generation > fence {
                return Err(KubernetesError::Fenced);
            }
            let live = seen.judged()?.live();
            slots::ensure(clusters, cluster, key, record, live.as_ref()).await?;
            return Ok(Some(seen.state));
        }
        let found = fit(cluster, record, release, Asked::Everything).await?;
        if found.is_taken() {
            return Err(found.changed("its annotation bascule.dev/traffic is gone"));
        }
        let first = TrafficState { generation: fence, ..TrafficState::default() };
        let mut patch = vec![found.unchanged()];
        patch.extend(found.note(clusters, key, &first));
        match found.write(cluster, &Value::Array(patch)).await {
            // Somebody was quicker, or the answer to our own write was lost: look again.
            Err(error) if error.status() == Some(422) => last = Some(error),
            answer => answer?,
        }
    }
    Err(found::busy(record, last))
}

/// What a route has to have for a release.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// That it leads to one slot of the service that leads.
    Lead,
    /// That it leads to each service, alone, at our port.
    Everything,
}

/// The route, if users can come through it to what of the release is asked for.
async fn fit(
    cluster: &Cluster,
    record: &TrafficRecord,
    release: &Release,
    asked: Asked,
) -> Result<Found, KubernetesError> {
    let (Some(route), key) = (&record.cluster.route, &release.key) else {
        return Err(KubernetesError::Access { words: "no route is named".to_owned() });
    };
    let title = titled(route);
    let wanted = TrafficRecord::of(release).map(|record| record.routed()).unwrap_or_default();
    let unfit = |why: String, slot: Slot, lacking: &[&ServiceName]| KubernetesError::UnfitRoute {
        route: title.clone(),
        why,
        backend: written(
            route.kind,
            &lacking.iter().map(|one| names::slot_service(&key.app, one, slot)).collect::<Vec<_>>(),
        ),
    };
    let all: Vec<&ServiceName> = wanted.iter().collect();
    let Some(found) = found::find(cluster, key, record).await? else {
        return Err(unfit("it is not there".to_owned(), Slot::Blue, &all));
    };
    let routed = Routed { app: &key.app, services: &wanted };
    let lacking = routed.unnamed(&found.backends);
    let (is_whole, services) = (asked == Asked::Everything, record.routed());
    let every = Routed { app: &key.app, services: &services };
    if let Some(why) = every.unfit(&found.backends).filter(|_| is_whole) {
        return Err(unfit(format!("it {why}"), Slot::Blue, &all));
    }
    let lacks = || {
        let names: Vec<String> = lacking
            .iter()
            .map(|one| Slot::ALL.map(|slot| names::slot_service(&key.app, one, slot)).join(" or "))
            .collect();
        format!("none of its backends is {}", names.join(", nor "))
    };
    match &found.named {
        Named::Slot(_) if lacking.is_empty() || !is_whole => Ok(found),
        Named::Slot(slot) => Err(unfit(lacks(), *slot, &lacking)),
        Named::Nobody => Err(unfit(lacks(), Slot::Blue, &lacking)),
        Named::Amiss(why) => Err(unfit(format!("it {why}"), Slot::Blue, &all)),
    }
}

/// What a person has to write into a route.
fn written(kind: RouteKind, services: &[String]) -> String {
    let port = service::PORT;
    let each: Vec<String> = services
        .iter()
        .map(|name| match kind {
            RouteKind::Ingress => {
                format!("backend: {{ service: {{ name: {name}, port: {{ number: {port} }} }} }}")
            }
            RouteKind::HTTPRoute => format!("backendRefs: [{{ name: {name}, port: {port} }}]"),
        })
        .collect();
    format!("write into it, for the paths that are to lead there, {}", each.join(" and "))
}
