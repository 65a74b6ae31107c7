//! Keeping an environment's last run in its namespace, finding it there, and taking the environment over with it. Each write is refused
//! where somebody else wrote since; the generation says who came later.

use bascule_engine::ports::{Claim, IfNone, KeptRun, Namespace, PortError};
use bascule_instances::records;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId};
use bascule_model::release::{Release, TargetKind};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Preconditions};

use crate::cluster::{Cluster, ours};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::lease;
use crate::objects::mirror::{self, Keeper, Standing, contents, generation, said, secret};
use crate::record::{self, TrafficRecord};
use crate::shared::{Clusters, lock};
use crate::target::cluster_of;
use crate::traffic::state;

/// How often somebody else may be quicker.
const ATTEMPTS: u32 = 5;

/// Keeps it.
pub(crate) async fn keep(
    clusters: &Clusters,
    fence: Generation,
    claim: &Claim,
    release: &Release,
    mirrored: &[u8],
    if_none: IfNone,
) -> Result<bool, PortError> {
    let key = &claim.key;
    if !cluster_of(release)?.mirror {
        return no_more(clusters, fence, claim, release).await.map(|()| true);
    }
    let cluster = clusters.reach(cluster_of(release)?).await?;
    let (name, owner) = (names::mirror(key), clusters.owner(key));
    let keeper = Keeper { owner: &owner, generation: fence, home: claim.home() };
    lock(&clusters.unmirrored).remove(key);
    let doing = format!("write the run to the Secret {name}");
    for _ in 0..ATTEMPTS {
        let known = lock(&clusters.mirrored).get(key).cloned();
        let version = match known {
            Some(known) => known,
            None => standing(&cluster, &name, key, &keeper).await?,
        };
        let is_there = version.is_some();
        if !is_there && if_none == IfNone::Leave {
            // Whoever makes it soon need not look again: somebody who was quicker is found out.
            lock(&clusters.mirrored).insert(key.clone(), None);
            return Ok(false);
        }
        let wanted = secret(key, &keeper, mirrored, version);
        let (api, params) = (cluster.api::<Secret>(), ours());
        let answer = match is_there {
            true => cluster.call(&doing, || api.replace(&name, &params, &wanted)).await,
            false => cluster.call(&doing, || api.create(&params, &wanted)).await,
        };
        match answer {
            Ok(written) => {
                remember(clusters, key, written.resource_version());
                return Ok(true);
            }
            // Somebody was quicker, or the answer to our own write was lost: what is there says which.
            Err(error) if matches!(error.status(), Some(404 | 409)) => remember(clusters, key, None),
            Err(error) => {
                remember(clusters, key, None);
                return Err(error.into());
            }
        }
    }
    Err(KubernetesError::Away { doing, words: "others write to it all the time".to_owned() }.into())
}

/// Nothing is to be kept: what is there from before is removed, once.
async fn no_more(
    clusters: &Clusters,
    fence: Generation,
    claim: &Claim,
    release: &Release,
) -> Result<(), PortError> {
    let is_known = lock(&clusters.unmirrored).contains(&claim.key);
    if !is_known {
        forget(clusters, fence, claim, release).await?;
        lock(&clusters.unmirrored).insert(claim.key.clone());
    }
    Ok(())
}

/// The version of the one that is there and may be written over.
async fn standing(
    cluster: &Cluster,
    name: &str,
    key: &EnvironmentKey,
    keeper: &Keeper<'_>,
) -> Result<Option<String>, PortError> {
    let there: Option<Secret> = cluster.get(&format!("look at the Secret {name}"), name).await?;
    let Some(there) = there else { return Ok(None) };
    match mirror::judge(&there, key, keeper) {
        Standing::Ours => Ok(there.resource_version()),
        Standing::Elsewhere(home) => Err(PortError::Elsewhere(home)),
        Standing::Foreign => Err(foreign(name).into()),
    }
}

/// Removes it, where nobody has taken the environment over since.
pub(crate) async fn forget(
    clusters: &Clusters,
    fence: Generation,
    claim: &Claim,
    release: &Release,
) -> Result<(), PortError> {
    let key = &claim.key;
    let cluster = clusters.reach(cluster_of(release)?).await?;
    let (name, owner) = (names::mirror(key), clusters.owner(key));
    let keeper = Keeper { owner: &owner, generation: fence, home: claim.home() };
    remember(clusters, key, None);
    for _ in 0..ATTEMPTS {
        let Some(version) = standing(&cluster, &name, key, &keeper).await? else { return Ok(()) };
        let unchanged = Preconditions { uid: None, resource_version: Some(version) };
        let params = DeleteParams { preconditions: Some(unchanged), ..DeleteParams::default() };
        let api = cluster.api::<Secret>();
        match cluster.call(&format!("remove the Secret {name}"), || api.delete(&name, &params)).await {
            Err(error) if error.status() == Some(404) => return Ok(()),
            Err(error) if error.status() == Some(409) => {}
            answer => return answer.map(|_| ()).map_err(PortError::from),
        }
    }
    Ok(())
}

/// Looks what is kept.
pub(crate) async fn find(
    clusters: &Clusters,
    place: &Namespace,
    key: &EnvironmentKey,
) -> Result<Option<KeptRun>, KubernetesError> {
    let cluster = clusters.reach_namespace(place).await?;
    crate::preflight::namespace(&cluster).await?;
    let name = names::mirror(key);
    let there: Option<Secret> = cluster.get(&format!("look at the Secret {name}"), &name).await?;
    let Some(there) = there else { return Ok(None) };
    let Some(owner) = said(&there, names::OWNER).filter(|_| mirror::is_of(&there, key)) else {
        return Err(foreign(&name));
    };
    let lease = crate::lease::find(&cluster, key).await?;
    let now = clusters.clock.now();
    Ok(Some(KeptRun {
        mirrored: contents(&there).to_vec(),
        generation: generation(&there),
        is_ours: owner == clusters.owner(key),
        owner: owner.to_owned(),
        home: said(&there, names::HOME).unwrap_or_default().to_owned(),
        at_work: lease.as_ref().and_then(|lease| lease::holder(lease, now)),
        last: lease.as_ref().and_then(lease::last),
        given_back: lease.as_ref().is_some_and(|lease| lease::home(lease).is_none()),
        mark: there.resource_version().unwrap_or_default(),
    }))
}

/// Who was made live, by what leads users to one of the releases: a Service, or a route.
pub(crate) async fn made_live(
    clusters: &Clusters,
    place: &Namespace,
    releases: &[&Release],
) -> Result<Option<ReleaseId>, KubernetesError> {
    let cluster = clusters.reach_namespace(place).await?;
    let mut looked_at = Vec::new();
    for release in releases {
        let Some(record) = TrafficRecord::of(release) else { continue };
        let lead = record.services.first().map(|lead| record.front(&release.key.app, lead));
        let leads = (record.cluster.route.clone(), lead);
        if looked_at.contains(&leads) {
            continue;
        }
        if let Some(state) = state::noted_at(&cluster, &release.key, &record).await? {
            return Ok(state.live);
        }
        looked_at.push(leads);
    }
    Ok(None)
}

/// Takes the environment over: from here on writes under a lower generation are refused here.
pub(crate) async fn take(
    clusters: &Clusters,
    place: &Namespace,
    key: &EnvironmentKey,
    kept: &KeptRun,
    keeper: &Keeper<'_>,
) -> Result<bool, KubernetesError> {
    let cluster = clusters.reach_namespace(place).await?;
    let name = names::mirror(key);
    let wanted = secret(key, keeper, &kept.mirrored, Some(kept.mark.clone()));
    let (api, params) = (cluster.api::<Secret>(), ours());
    remember(clusters, key, None);
    match cluster.call(&format!("write to the Secret {name}"), || api.replace(&name, &params, &wanted)).await
    {
        Ok(_) => {
            forget_records(clusters, key)?;
            Ok(true)
        }
        // Also where it was our own write whose answer was lost: whoever looks again goes on from that.
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whoever had the environment before knows what stood then. What stands now is recalled from what was taken over.
fn forget_records(clusters: &Clusters, key: &EnvironmentKey) -> Result<(), KubernetesError> {
    for recorded in records::slots(&clusters.layout, TargetKind::Kubernetes)? {
        let (slot, _) = recorded?;
        if slot.key == *key {
            records::forget_slot(&clusters.layout.slot(&slot.key, &slot.release)?)?;
        }
    }
    Ok(record::forget(&clusters.layout, key)?)
}

fn remember(clusters: &Clusters, key: &EnvironmentKey, version: Option<String>) {
    let mut mirrored = lock(&clusters.mirrored);
    match version {
        Some(version) => drop(mirrored.insert(key.clone(), Some(version))),
        None => drop(mirrored.remove(key)),
    }
}

fn foreign(name: &str) -> KubernetesError {
    KubernetesError::NameTaken {
        what: "Secret".into(),
        name: name.to_owned(),
        whose: "it is not what this environment's control plane keeps of its runs".to_owned(),
    }
}
