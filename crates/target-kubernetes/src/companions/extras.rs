//! Objects of the files of `manifests`: applied before anything else of a release is made, by server-side apply and never by force, so
//! that what somebody else has said of one is told and not written over. Each goes with the last release that has it; what one that fails
//! has changed is again as the one that stays wants it.

use bascule_instances::records;
use bascule_model::release::{Release, TargetKind};
use kube::ResourceExt as _;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::Value;

use super::{is_made_by_us, remove};
use crate::cluster::{Cluster, MANAGER};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::extra::{applied, identity, is_made_anyway, is_the_route};
use crate::shared::Clusters;
use crate::traffic::state::NOT_OURS;

/// The objects of a release.
pub(crate) fn of(release: &Release) -> &[Value] {
    release.cluster.as_ref().map_or(&[], |cluster| &cluster.manifests)
}

/// The objects with the resources that they are of.
///
/// # Errors
/// When the cluster does not have a kind, or has it outside of namespaces, and when Bascule makes such an object itself: all of them.
pub(crate) async fn resources<'a>(
    cluster: &Cluster,
    release: &'a Release,
) -> Result<Vec<(ApiResource, &'a Value)>, KubernetesError> {
    let (mut all, mut refusals) = (Vec::new(), Vec::new());
    for object in of(release) {
        let (_, kind, name) = identity(object);
        let version = object["apiVersion"].as_str().unwrap_or_default();
        match cluster.kind(version, kind).await? {
            None => refusals.push(format!("the cluster has no {kind} in {version} ({name})")),
            Some((_, false)) => refusals.push(format!("the {kind} {name} would belong to no namespace")),
            Some(_) if is_the_route(release, identity(object)) => refusals.push(format!(
                "the {kind} {name} is the `route` of this environment: applied with each release, it would lead users to where the file says"
            )),
            Some(_) if is_made_anyway(release, identity(object)) => {
                refusals.push(format!("the {kind} {name} is one that Bascule makes itself"));
            }
            Some((resource, true)) => all.push((resource, object)),
        }
    }
    if refusals.is_empty() { Ok(all) } else { Err(KubernetesError::Manifests { refusals }) }
}

/// Refuses names that belong to somebody else. Changes nothing.
pub(crate) async fn check_names(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    objects: &[(ApiResource, &Value)],
) -> Result<(), KubernetesError> {
    for (resource, object) in objects {
        let (_, kind, name) = identity(object);
        let there = find(cluster, resource, name).await?;
        refuse_strangers(clusters, release, kind, name, there.as_ref())?;
    }
    Ok(())
}

fn refuse_strangers(
    clusters: &Clusters,
    release: &Release,
    kind: &str,
    name: &str,
    there: Option<&DynamicObject>,
) -> Result<(), KubernetesError> {
    let whose = match there {
        Some(there) if !is_ours(clusters, release, there) => NOT_OURS,
        Some(there) if there.metadata.deletion_timestamp.is_some() => "it is being removed: wait a moment",
        _ => return Ok(()),
    };
    let (what, name, whose) = (kind.to_owned().into(), name.to_owned(), whose.to_owned());
    Err(KubernetesError::NameTaken { what, name, whose })
}

/// Whether this state folder applied it for that environment.
fn is_ours(clusters: &Clusters, release: &Release, there: &DynamicObject) -> bool {
    is_made_by_us(clusters, &release.key, there) && there.annotations().contains_key(names::EXTRA)
}

async fn find(
    cluster: &Cluster,
    resource: &ApiResource,
    name: &str,
) -> Result<Option<DynamicObject>, KubernetesError> {
    let api = cluster.dynamic(resource);
    cluster.call(&format!("look at the {} {name}", resource.kind), || api.get_opt(name)).await
}

/// How an object is sent: as ours, and not by force.
pub(crate) fn params() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

/// Applies what a release brings.
pub(crate) async fn ensure(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
) -> Result<(), KubernetesError> {
    if of(release).is_empty() {
        return Ok(());
    }
    let turn = clusters.turn(&release.key);
    let _turn = turn.lock().await;
    for (resource, object) in resources(cluster, release).await? {
        apply(clusters, cluster, release, &resource, object).await?;
    }
    Ok(())
}

async fn apply(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    resource: &ApiResource,
    object: &Value,
) -> Result<(), KubernetesError> {
    let (_, kind, name) = identity(object);
    let there = find(cluster, resource, name).await?;
    refuse_strangers(clusters, release, kind, name, there.as_ref())?;
    let (api, params) = (cluster.dynamic(resource), params());
    let patch = Patch::Apply(applied(&release.key, object, &clusters.owner(&release.key)));
    cluster.call(&format!("apply the {kind} {name}"), || api.patch(name, &params, &patch)).await.map(|_| ())
}

/// Removes what no release that stands has once `leaving` is gone. Where one is left, what both have is as that one wants it.
///
/// # Errors
/// When something could not be removed or applied, but for what somebody else has written since: that is theirs.
pub(crate) async fn tidy(
    clusters: &Clusters,
    cluster: &Cluster,
    leaving: &Release,
) -> Result<(), KubernetesError> {
    if of(leaving).is_empty() {
        return Ok(());
    }
    let turn = clusters.turn(&leaving.key);
    let _turn = turn.lock().await;
    let all = records::slots(&clusters.layout, TargetKind::Kubernetes)?.into_iter().flatten();
    let staying: Vec<Release> = all
        .map(|(_, record)| record.release)
        .filter(|release| release.key == leaving.key && release.id != leaving.id)
        .collect();
    for object in of(leaving) {
        let mut same = staying.iter().flat_map(of).filter(|other| identity(other) == identity(object));
        let (_, kind, name) = identity(object);
        let version = object["apiVersion"].as_str().unwrap_or_default();
        // Where the kind is gone, all objects of it are.
        let Some((resource, _)) = cluster.kind(version, kind).await? else { continue };
        match (same.next(), &*staying) {
            (None, _) => {
                let there = find(cluster, &resource, name).await?;
                if let Some(there) = there.filter(|there| is_ours(clusters, leaving, there)) {
                    remove(cluster, &resource, &there).await?;
                }
            }
            // Where two stand, a run that is under way has applied them as it wants them.
            (Some(other), [release]) if other != object => {
                match apply(clusters, cluster, release, &resource, other).await {
                    Err(KubernetesError::Refused { status: 409, .. } | KubernetesError::NameTaken { .. }) => {
                    }
                    answer => answer?,
                }
            }
            _ => {}
        }
    }
    Ok(())
}
