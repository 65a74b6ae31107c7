//! HorizontalPodAutoscalers follow what is live: until the switch they scale the former release, after it the new one, and after the
//! way back the former one again. What they do follows from what the leading Service says, whoever wrote that.

use bascule_instances::records;
use bascule_model::ids::{EnvironmentKey, ReleaseId, ServiceName};
use bascule_model::release::{Release, TargetKind};
use kube::ResourceExt as _;
use kube::api::{DynamicObject, Patch};
use serde_json::json;

use super::{apply, is_made_by_us, is_of, list, remove_unchanged};
use crate::cluster::{Cluster, by_us};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::scaler::{scaler, target};
use crate::record;
use crate::shared::Clusters;
use crate::traffic::state;

/// Has the scalers of an environment scale what is live. Changes nothing where they do.
pub(crate) async fn follow(clusters: &Clusters, key: &EnvironmentKey) -> Result<(), KubernetesError> {
    let turn = clusters.turn(key);
    let _turn = turn.lock().await;
    let Some(record) = record::read(&clusters.layout, key)? else { return Ok(()) };
    let cluster = clusters.reach(&record.cluster).await?;
    let resource = cluster.scalers().await?;
    // Before it is asked who is live, and each write is bound to what was found: an engine that knows of a later switch is not written
    // over, whichever of the two is slower.
    let found = list(&cluster, resource).await;
    let Some(lead) = state::read(clusters, &cluster, key).await? else { return Ok(()) };
    let live = match &lead.selected {
        None => None,
        Some(id) => match recorded(clusters, key, id)? {
            Some(release) => Some(release),
            None => return Ok(()),
        },
    };
    let found = match found {
        // Who may not see them has made none, and none are wanted.
        Err(error) if error.status() == Some(403) && scaled(live.as_ref()).next().is_none() => return Ok(()),
        found => found?,
    };
    // Each is seen to, whatever becomes of the others.
    let mut done = Ok(());
    for one in found.iter().filter(|one| is_made_by_us(clusters, key, one)) {
        if !scaled(live.as_ref()).any(|name| is_for(one, name)) {
            done = done.and(remove_unchanged(&cluster, resource, one).await);
        }
    }
    for service in live.iter().flat_map(|live| &live.services) {
        let (Some(scale), Some(live)) = (service.pods.scale, &live) else { continue };
        let deployment = names::deployment(&key.app, &service.name, &live.id);
        let object = scaler(key, &service.name, scale, &deployment, &resource.version, &clusters.owner(key));
        let name = names::service(&key.app, &service.name);
        let there = found.iter().find(|one| one.name_any() == name);
        if there.is_some_and(|there| !is_made_by_us(clusters, key, there)) {
            let (what, whose) = ("HorizontalPodAutoscaler".into(), state::NOT_OURS.to_owned());
            done = done.and(Err(KubernetesError::NameTaken { what, name, whose }));
            continue;
        }
        // One that scales something else is written anew, whatever its annotation says.
        let unlike = there.filter(|there| target_of(there) != Some(&deployment)).cloned().map(|mut there| {
            there.annotations_mut().remove(names::SPEC);
            there
        });
        done = done.and(apply(&cluster, resource, object, unlike.as_ref().or(there)).await);
    }
    for one in found.iter().filter(|one| !is_made_by_us(clusters, key, one)) {
        if let Some(live) = &live {
            done = done.and(adopt(&cluster, resource, live, one).await);
        }
    }
    done
}

/// One that somebody else made and that carries our labels goes with its service; nothing else of it is changed.
async fn adopt(
    cluster: &Cluster,
    resource: &kube::api::ApiResource,
    live: &Release,
    one: &DynamicObject,
) -> Result<(), KubernetesError> {
    let service = live.services.iter().find(|service| is_of(&live.key, one) && is_for(one, &service.name));
    let Some(service) = service else { return Ok(()) };
    let deployment = names::deployment(&live.key.app, &service.name, &live.id);
    if target_of(one) == Some(&deployment) {
        return Ok(());
    }
    let name = one.name_any();
    let patch = Patch::Merge(json!({
        "metadata": { "resourceVersion": one.metadata.resource_version, "uid": one.metadata.uid },
        "spec": { "scaleTargetRef": target(&deployment) },
    }));
    let params = by_us();
    let api = cluster.dynamic(resource);
    let doing = format!("have the HorizontalPodAutoscaler {name} scale {deployment}");
    cluster.call(&doing, || api.patch(&name, &params, &patch)).await.map(|_| ())
}

/// Where scalers do not scale what is live, one sentence each. Who may not see them is told nothing.
pub(crate) async fn differences(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    live: &ReleaseId,
) -> Vec<String> {
    let Ok(Some(release)) = recorded(clusters, key, live) else { return Vec::new() };
    let Ok(resource) = cluster.scalers().await else { return Vec::new() };
    let Ok(found) = list(cluster, resource).await else { return Vec::new() };
    let mut told = Vec::new();
    for service in &release.services {
        let wanted = names::deployment(&key.app, &service.name, live);
        for one in &found {
            let of_ours = is_of(key, one) && is_for(one, &service.name);
            let Some(scales) = target_of(one) else { continue };
            if *scales != wanted && (of_ours || is_former(clusters, key, &service.name, scales)) {
                told.push(format!(
                    "the HorizontalPodAutoscaler {} scales {scales}, and {wanted} is live",
                    one.name_any()
                ));
            }
        }
        let name = names::service(&key.app, &service.name);
        if service.pods.scale.is_some() && !found.iter().any(|one| one.name_any() == name) {
            told.push(format!("the HorizontalPodAutoscaler {name} is not there"));
        }
    }
    told
}

/// Whether a Deployment is of another release of the service that stands.
fn is_former(clusters: &Clusters, key: &EnvironmentKey, service: &ServiceName, deployment: &str) -> bool {
    let all = records::slots(&clusters.layout, TargetKind::Kubernetes).unwrap_or_default();
    all.into_iter()
        .flatten()
        .filter(|(slot, _)| slot.key == *key)
        .any(|(slot, _)| names::deployment(&key.app, service, &slot.release) == deployment)
}

fn scaled(release: Option<&Release>) -> impl Iterator<Item = &ServiceName> {
    let services = release.into_iter().flat_map(|release| &release.services);
    services.filter(|service| service.pods.scale.is_some()).map(|service| &service.name)
}

/// Whether its labels say that it is for that service.
pub(crate) fn is_for(object: &DynamicObject, service: &ServiceName) -> bool {
    object.labels().get(names::SERVICE).is_some_and(|it| it == service.as_str())
}

/// The Deployment that it scales; none where it scales something else.
pub(crate) fn target_of(object: &DynamicObject) -> Option<&String> {
    let target = object.data.pointer("/spec/scaleTargetRef")?;
    match target.get("name")? {
        serde_json::Value::String(name) if target["kind"] == "Deployment" => Some(name),
        _ => None,
    }
}

fn recorded(
    clusters: &Clusters,
    key: &EnvironmentKey,
    release: &ReleaseId,
) -> Result<Option<Release>, KubernetesError> {
    let folder = clusters.layout.slot(key, release)?;
    Ok(records::slot(&folder, TargetKind::Kubernetes)?.map(|record| record.release))
}
