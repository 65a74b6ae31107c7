//! What can be known before anything is made: whether the namespace is there, the account may do what is needed, names are free, and a
//! second release fits beside the first. Changes nothing.

pub(crate) mod lints;
pub(crate) mod permissions;
mod quota;
mod rehearsal;

use std::sync::Arc;

use bascule_engine::ports::SlotSpec;
use bascule_instances::records;
use bascule_model::release::{self, Release, Rolling, Service, TargetKind};
use k8s_openapi::api::core::v1::{self as api, Namespace, ResourceQuota};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt as _};

use self::permissions::Right;
use self::rehearsal::Freed;
use crate::adoption;
use crate::cluster::Cluster;
use crate::companions::{self, extras, scalers};
use crate::error::KubernetesError;
use crate::lease;
use crate::names;
use crate::objects::route::titled;
use crate::record::{self, TrafficRecord};
use crate::shared::{Clusters, lock, place};
use crate::target::cluster_of;
use crate::traffic::state::{self, Seen};
use crate::traffic::{roll, routed};

/// Refuses what would fail later.
pub(crate) async fn check(clusters: &Clusters, release: &Release) -> Result<(), KubernetesError> {
    let settings = cluster_of(release)?;
    if let Some(record) =
        record::read(&clusters.layout, &release.key)?.filter(|record| !record.cluster.is_where(settings))
    {
        return Err(KubernetesError::Moved {
            environment: release.key.environment.to_string(),
            stands: described(&record.cluster),
            wanted: described(settings),
        });
    }
    let cluster = clusters.reach(settings).await?;
    let extras = extras::resources(&cluster, release).await?;
    let mut rights = permissions::needed(release);
    rights.extend(permissions::of_extras(&extras));
    allowed(clusters, &cluster, settings, &rights).await?;
    lease::look(clusters, &cluster, &release.key).await?;
    services(clusters, &cluster, release).await?;
    routed::check(clusters, &cluster, release).await?;
    companions::check_names(clusters, &cluster, release).await?;
    extras::check_names(clusters, &cluster, release, &extras).await?;
    adoption::check(clusters, &cluster, release).await?;
    let beside = Beside::of(clusters, &cluster, release).await?;
    scaled_by_nobody(&cluster, release, &beside).await?;
    // What is taken over is there already.
    if adoption::wants(clusters, release)?.is_some() {
        return Ok(());
    }
    room(&cluster, release, &beside).await
}

/// Refuses what the account may not do. Whoever may is not asked again for as long as this control plane lives.
async fn allowed(
    clusters: &Clusters,
    cluster: &Arc<Cluster>,
    settings: &release::Cluster,
    rights: &[Right<'_>],
) -> Result<(), KubernetesError> {
    let place = place(settings);
    let known = |right: &Right<'_>| lock(&clusters.allowed).contains(&(place.clone(), right.key()));
    let open: Vec<Right<'_>> = rights.iter().filter(|right| !known(right)).copied().collect();
    if open.is_empty() {
        return Ok(());
    }
    namespace(cluster).await?;
    let missing = permissions::lacking(cluster, &open).await?;
    if !missing.is_empty() {
        return Err(KubernetesError::Forbidden { missing, namespace: cluster.namespace.clone() });
    }
    lock(&clusters.allowed).extend(open.iter().map(|right| (place.clone(), right.key())));
    Ok(())
}

/// Refuses what the API server would refuse of what is to stand in a slot. Answers what a person should know of it, one sentence each.
pub(crate) async fn foresee(clusters: &Clusters, spec: &SlotSpec) -> Result<Vec<String>, KubernetesError> {
    let release = &spec.release;
    let standing = standing(clusters, release)?;
    if standing.iter().any(|one| one.id == release.id) || adoption::wants(clusters, release)?.is_some() {
        return Ok(Vec::new());
    }
    let cluster = clusters.reach(cluster_of(release)?).await?;
    // What is wrong with what says who is live is told by who writes there.
    let live =
        state::read(clusters, &cluster, &release.key).await.ok().flatten().and_then(|lead| lead.selected);
    let is_left = standing.iter().any(|one| live.as_ref() != Some(&one.id));
    let freed = if is_left { Freed::AFormerRelease } else { Freed::Nothing };
    let mut told = rehearsal::rehearse(clusters, &cluster, spec, freed).await?;
    told.extend(lints::of_cluster(clusters, &cluster, spec, live.as_ref(), &standing).await);
    Ok(told)
}

/// The releases of the environment that stand.
fn standing(clusters: &Clusters, release: &Release) -> Result<Vec<Release>, KubernetesError> {
    let all = records::slots(&clusters.layout, TargetKind::Kubernetes)?.into_iter().flatten();
    Ok(all.filter(|(slot, _)| slot.key == release.key).map(|(_, record)| record.release).collect())
}

/// Where an environment is, in words.
fn described(cluster: &release::Cluster) -> String {
    let context = cluster.context.as_deref().unwrap_or("current");
    let port = cluster.node_port.map(|port| format!(" at {port}")).unwrap_or_default();
    let route =
        cluster.route.as_ref().map(|route| format!(" behind the {}", titled(route))).unwrap_or_default();
    format!(
        "the namespace {} of the {context} context, with {}{port}{route}",
        cluster.namespace,
        cluster.service.as_str()
    )
}

pub(crate) async fn namespace(cluster: &Arc<Cluster>) -> Result<(), KubernetesError> {
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let name = cluster.namespace.as_str();
    let gone = |what| KubernetesError::Namespace { namespace: name.to_owned(), what };
    match cluster.call(&format!("look at the namespace {name}"), || api.get_opt(name)).await {
        Ok(None) => Err(gone("is not there")),
        Ok(Some(found)) if found.metadata.deletion_timestamp.is_some() => Err(gone("is being removed")),
        Ok(Some(_)) => Ok(()),
        // An account of the namespace alone may not look at it: what follows will tell.
        Err(error) if error.status() == Some(403) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the Services' names are free, or ours.
async fn services(
    clusters: &Clusters,
    cluster: &Arc<Cluster>,
    release: &Release,
) -> Result<(), KubernetesError> {
    let Some(wanted) = TrafficRecord::of(release) else { return Ok(()) };
    let record = match record::read(&clusters.layout, &release.key)? {
        Some(there) => there.with(Some(wanted)),
        None => wanted,
    };
    let adopts = adoption::wants(clusters, release)?.is_some();
    for (service, leads) in record.fixed() {
        let name = record.front(&release.key.app, service);
        let Some(found): Option<api::Service> = state::find(cluster, &name).await? else { continue };
        // The one that leads is taken over with the pods.
        let is_lent = adopts && leads;
        if !is_lent && !state::is_ours(clusters, &release.key, &found) {
            return Err(KubernetesError::NameTaken {
                what: "Service".into(),
                name: found.name_any(),
                whose: state::NOT_OURS.to_owned(),
            });
        }
    }
    Ok(())
}

/// Who of the releases that stand is live, and how the new one takes its place.
struct Beside {
    standing: Vec<Release>,
    lead: Option<Seen>,
}

impl Beside {
    async fn of(clusters: &Clusters, cluster: &Cluster, release: &Release) -> Result<Self, KubernetesError> {
        let lead = state::read(clusters, cluster, &release.key).await?;
        Ok(Self { standing: standing(clusters, release)?, lead })
    }

    fn is_live(&self, release: &Release) -> bool {
        self.lead.as_ref().is_some_and(|lead| lead.selected.as_ref() == Some(&release.id))
    }

    /// Whether a release that stands has pods: they may have gone as those of another one came.
    fn has_pods(&self, release: &Release) -> bool {
        !self.lead.as_ref().is_some_and(|lead| roll::has_gone(&lead.state, &release.id))
    }

    /// The live release, where the new one comes pod by pod as it goes.
    fn rolled(&self, release: &Release) -> Option<(&Release, Rolling)> {
        let live = self.standing.iter().find(|one| self.is_live(one))?;
        Some((live, release.rolls_over(live)?))
    }
}

/// Refuses a roll of what a scaler scales: both would write the size, and users would be left with too few.
async fn scaled_by_nobody(
    cluster: &Arc<Cluster>,
    release: &Release,
    beside: &Beside,
) -> Result<(), KubernetesError> {
    let Some((live, _)) = beside.rolled(release) else { return Ok(()) };
    let found = match companions::list(cluster, cluster.scalers().await?).await {
        Err(error) if error.status() == Some(403) => return Ok(()),
        found => found?,
    };
    let name = |one: &Service| names::deployment(&live.key.app, &one.name, &live.id);
    let ours: Vec<String> = live.services.iter().map(name).collect();
    let scales = |one: &DynamicObject| scalers::target_of(one).filter(|it| ours.contains(it)).cloned();
    match found.iter().find_map(|one| Some((one.name_any(), scales(one)?))) {
        Some((scaler, deployment)) => Err(KubernetesError::Scaled { scaler, deployment }),
        None => Ok(()),
    }
}

/// Whether quotas leave room for all of the new release beside the live one, or for as many as come before others go. What stands already
/// needs none, and who stands by is retired first.
async fn room(cluster: &Arc<Cluster>, release: &Release, beside: &Beside) -> Result<(), KubernetesError> {
    let (api, params) = (cluster.api::<ResourceQuota>(), ListParams::default());
    if beside.standing.iter().any(|one| one.id == release.id && beside.has_pods(one)) {
        return Ok(());
    }
    let quotas = match cluster.call("list the quotas", || api.list(&params)).await {
        Ok(quotas) => quotas.items,
        // Who may not see them cannot count: the cluster itself will say no.
        Err(error) if error.status() == Some(403) => return Ok(()),
        Err(error) => return Err(error),
    };
    let former = beside.standing.iter().filter(|one| !beside.is_live(one) && beside.has_pods(one));
    let freed: Vec<_> = former.map(quota::needed).collect();
    let needed = match beside.rolled(release) {
        Some((live, rolling)) => quota::needed_to_roll(release, live, rolling),
        None => quota::needed(release),
    };
    let lacks: Vec<String> = quotas.iter().flat_map(|one| quota::lacks(one, &needed, &freed)).collect();
    if lacks.is_empty() { Ok(()) } else { Err(KubernetesError::NoRoom { lacks }) }
}

#[cfg(test)]
mod tests {
    use super::permissions::{FOR_COMMANDS, FOR_LOOKING, FOR_NETWORKS, NEEDED};

    #[test]
    fn every_right_that_is_needed_is_asked_for_once() {
        let mut all: Vec<String> = NEEDED
            .iter()
            .chain(&FOR_COMMANDS)
            .chain(&FOR_LOOKING)
            .chain(&FOR_NETWORKS)
            .flat_map(|one| one.verbs.iter().map(|verb| format!("{verb} {}", one.resource)))
            .collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
