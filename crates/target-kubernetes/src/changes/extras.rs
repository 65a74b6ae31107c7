//! Objects of the files of `manifests`, beside what is there: as the API server says that it would have them.

use std::collections::BTreeSet;

use bascule_model::plan::{Change, ObjectChange};
use bascule_model::release::Release;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::Value;

use super::fields::differences_of_all;
use super::made_or_kept;
use crate::cluster::Cluster;
use crate::companions::extras;
use crate::error::KubernetesError;
use crate::objects::extra::{applied, identity};
use crate::shared::Clusters;

/// Those that the release brings, in the order of its files, then those that go with the release that is live now.
pub(super) async fn changes(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
    live: Option<&Release>,
) -> Result<Vec<ObjectChange>, KubernetesError> {
    let mut all = Vec::new();
    for (resource, object) in extras::resources(cluster, release).await? {
        let (_, kind, name) = identity(object);
        let api = cluster.dynamic(&resource);
        let there = cluster.call(&format!("look at the {kind} {name}"), || api.get_opt(name)).await?;
        let wanted = applied(&release.key, object, &clusters.owner(&release.key));
        let mut change = made_or_kept(&wanted, there.is_some());
        if let Some(there) = there {
            let there = serde_json::to_value(there).unwrap_or_default();
            let params = PatchParams { dry_run: true, ..extras::params() };
            let doing = format!("try the {kind} {name} without applying it");
            let patch = Patch::Apply(wanted);
            let tried: Result<DynamicObject, _> =
                cluster.call(&doing, || api.patch(name, &params, &patch)).await;
            match tried {
                Ok(tried) => {
                    change.fields =
                        differences_of_all(&there, &serde_json::to_value(tried).unwrap_or_default());
                    change.change = if change.fields.is_empty() { Change::Same } else { Change::Changed };
                }
                // Why, is told by the deploy that tries all of its objects.
                Err(KubernetesError::Refused { .. }) => change.change = Change::Changed,
                Err(error) => return Err(error),
            }
        }
        all.push(change);
    }
    let kept: BTreeSet<_> = extras::of(release).iter().map(identity).collect();
    let leaving = live.into_iter().flat_map(extras::of).filter(|object| !kept.contains(&identity(object)));
    all.extend(leaving.map(removed));
    Ok(all)
}

/// It stays as long as the release does that has it.
fn removed(object: &Value) -> ObjectChange {
    ObjectChange { change: Change::Removed, ..made_or_kept(object, true) }
}
