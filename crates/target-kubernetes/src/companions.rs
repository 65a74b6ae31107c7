//! What belongs to an environment or to one of its services, and not to one of its releases: HorizontalPodAutoscalers,
//! PodDisruptionBudgets, NetworkPolicies, and the objects of the files of `manifests`.

pub(crate) mod budgets;
pub(crate) mod extras;
pub(crate) mod networks;
pub(crate) mod scalers;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bascule_instances::records;
use bascule_model::ids::EnvironmentKey;
use bascule_model::release::TargetKind;
use kube::ResourceExt as _;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions,
    PropagationPolicy,
};
use serde::Deserialize as _;
use serde_json::Value;

use crate::cluster::{Cluster, MANAGER, ours};
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;

/// Whether this state folder made it for that environment.
pub(crate) fn is_made_by_us(clusters: &Clusters, key: &EnvironmentKey, object: &DynamicObject) -> bool {
    object.annotations().get(names::OWNER) == Some(&clusters.owner(key)) && is_of(key, object)
}

/// Whether its labels say that it is of that environment.
pub(crate) fn is_of(key: &EnvironmentKey, object: &DynamicObject) -> bool {
    let has = |name: &str, value: &str| object.labels().get(name).is_some_and(|it| it == value);
    has(names::APP, key.app.as_str()) && has(names::ENVIRONMENT, key.environment.as_str())
}

/// All of a kind in the namespace, whosever they are.
pub(crate) async fn list(
    cluster: &Cluster,
    resource: &ApiResource,
) -> Result<Vec<DynamicObject>, KubernetesError> {
    let (api, params) = (cluster.dynamic(resource), ListParams::default());
    Ok(cluster.call(&format!("list the {}s", resource.kind), || api.list(&params)).await?.items)
}

/// Makes an object, or makes the one that `there` is like it. Where somebody wrote to that one since it was read, or made it since,
/// nothing is changed.
async fn apply(
    cluster: &Cluster,
    resource: &ApiResource,
    mut object: Value,
    there: Option<&DynamicObject>,
) -> Result<(), KubernetesError> {
    let Some(there) = there else { return make(cluster, resource, object).await };
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if there.annotations().get(names::SPEC).map(String::as_str) == print(&object) {
        return Ok(());
    }
    if let Some(version) = &there.metadata.resource_version {
        object["metadata"]["resourceVersion"] = version.as_str().into();
    }
    let (api, params) = (cluster.dynamic(resource), PatchParams::apply(MANAGER).force());
    let patch = Patch::Apply(object);
    let doing = format!("make the {} {name}", resource.kind);
    cluster.call(&doing, || api.patch(&name, &params, &patch)).await.map(|_| ())
}

fn print(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][names::SPEC].as_str()
}

/// Makes one that is not there. What somebody else has made meanwhile is theirs.
async fn make(cluster: &Cluster, resource: &ApiResource, object: Value) -> Result<(), KubernetesError> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let doing = format!("make the {} {name}", resource.kind);
    let made = DynamicObject::deserialize(&object).map_err(|error| KubernetesError::Refused {
        doing: doing.clone(),
        status: 400,
        words: error.to_string(),
    })?;
    let (api, params) = (cluster.dynamic(resource), ours());
    let error = match cluster.call(&doing, || api.create(&params, &made)).await {
        Err(error) if error.status() == Some(409) => error,
        answer => return answer.map(|_| ()),
    };
    // Made by a call whose answer was lost.
    let there = cluster.call(&doing, || api.get_opt(&name)).await?;
    let same = |there: &DynamicObject, it: &str| there.annotations().get(it) == made.annotations().get(it);
    match there {
        Some(there) if same(&there, names::OWNER) && same(&there, names::SPEC) => Ok(()),
        _ => Err(error),
    }
}

/// Removes exactly the object that was looked at.
async fn remove(
    cluster: &Cluster,
    resource: &ApiResource,
    object: &DynamicObject,
) -> Result<(), KubernetesError> {
    let it = Preconditions { uid: object.uid(), resource_version: None };
    match delete(cluster, resource, object, it).await {
        Err(error) if error.status() == Some(409) => Ok(()),
        answer => answer,
    }
}

/// Removes an object to which nobody wrote since it was looked at; else it is an error.
async fn remove_unchanged(
    cluster: &Cluster,
    resource: &ApiResource,
    object: &DynamicObject,
) -> Result<(), KubernetesError> {
    let it = Preconditions { uid: object.uid(), resource_version: object.resource_version() };
    delete(cluster, resource, object, it).await
}

async fn delete(
    cluster: &Cluster,
    resource: &ApiResource,
    object: &DynamicObject,
    preconditions: Preconditions,
) -> Result<(), KubernetesError> {
    let name = object.name_any();
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    let api = cluster.dynamic(resource);
    let doing = format!("remove the {} {name}", resource.kind);
    match cluster.call(&doing, || api.delete(&name, &params)).await {
        Err(error) if error.status() == Some(404) => Ok(()),
        answer => answer.map(|_| ()),
    }
}

/// Removes all that was made here for an environment.
///
/// # Errors
/// When something could not be removed. Who may not even see them has made none.
pub(crate) async fn remove_all(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
) -> Result<(), KubernetesError> {
    for resource in [cluster.scalers().await?, cluster.budgets().await?, cluster.networks().await?] {
        let found = match list(cluster, resource).await {
            Err(error) if error.status() == Some(403) => continue,
            found => found?,
        };
        for object in found.iter().filter(|object| is_made_by_us(clusters, key, object)) {
            remove(cluster, resource, object).await?;
        }
    }
    Ok(())
}

/// Refuses names that are needed and belong to somebody else. Changes nothing.
pub(crate) async fn check_names(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &bascule_model::release::Release,
) -> Result<(), KubernetesError> {
    let scaled = release.services.iter().filter(|service| service.pods.scale.is_some());
    let guarded = release.services.iter().filter(|service| crate::objects::budget::is_wanted(service));
    let scaled: Vec<_> = scaled.map(|service| names::service(&release.key.app, &service.name)).collect();
    let guarded: Vec<_> = guarded.map(|service| names::service(&release.key.app, &service.name)).collect();
    let closed = release.services.iter().filter(|service| service.pods.network.is_some());
    let closed: Vec<_> = closed.map(|service| names::service(&release.key.app, &service.name)).collect();
    let kinds =
        [(scaled, "HorizontalPodAutoscaler"), (guarded, "PodDisruptionBudget"), (closed, "NetworkPolicy")];
    for (wanted, what) in kinds {
        if wanted.is_empty() {
            continue;
        }
        let resource = match what {
            "PodDisruptionBudget" => cluster.budgets().await?,
            "NetworkPolicy" => cluster.networks().await?,
            _ => cluster.scalers().await?,
        };
        let found = list(cluster, resource).await?;
        let stranger = found
            .iter()
            .find(|one| wanted.contains(&one.name_any()) && !is_made_by_us(clusters, &release.key, one));
        if let Some(stranger) = stranger {
            return Err(KubernetesError::NameTaken {
                what: what.into(),
                name: stranger.name_any(),
                whose: crate::traffic::state::NOT_OURS.to_owned(),
            });
        }
    }
    Ok(())
}

/// Between two tries to have the scalers follow; the last one holds from then on.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];

/// Has the scalers follow what is live, beside whoever moved it: nobody waits, and what fails is tried again until it is so, or until
/// it is asked for once more.
pub(crate) fn follow_soon(clusters: &Arc<Clusters>, key: &EnvironmentKey) {
    let number = clusters.begin_following(key);
    let (known, closing, key) = (Arc::downgrade(clusters), clusters.closing.clone(), key.clone());
    let following = async move {
        for attempt in 0.. {
            let Some(clusters) = known.upgrade() else { return };
            if !clusters.is_following(&key, number) || scalers::follow(&clusters, &key).await.is_ok() {
                return;
            }
            drop(clusters);
            tokio::time::sleep(PAUSES[PAUSES.len().min(attempt + 1) - 1]).await;
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = following => {}
        }
    });
}

/// Has the scalers of every environment that stands follow what is live: whoever moved it may have died before they did.
pub(crate) fn take_over(clusters: &Arc<Clusters>) -> Result<(), KubernetesError> {
    let all = records::slots(&clusters.layout, TargetKind::Kubernetes)?;
    let keys: HashSet<EnvironmentKey> = all.into_iter().flatten().map(|(slot, _)| slot.key).collect();
    for key in keys {
        follow_soon(clusters, &key);
    }
    Ok(())
}
