//! Making what a release is in the cluster: what it brings along, configuration, then the Deployments. But for the first each object has
//! one name and never changes, so that making it again is looking whether it is there.

use std::fmt::Debug;
use std::sync::Arc;

use bascule_engine::ports::SlotSpec;
use bascule_instances::durable;
use bascule_instances::records::{self, SlotRecord, VERSION};
use bascule_model::ids::{EnvironmentKey, Generation, ServiceName, Slot};
use bascule_model::release::{Release, Service, TargetKind};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cluster_of;
use crate::adoption;
use crate::cluster::{Cluster, ours};
use crate::companions;
use crate::companions::networks::Stands;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::deployment::{Made, name, objects};
use crate::shared::{Clusters, lock};
use crate::target::sizes::sizes;
use crate::traffic::state::refuse_stale;

pub(super) async fn start(
    clusters: &Arc<Clusters>,
    fence: Generation,
    spec: &SlotSpec,
) -> Result<(), KubernetesError> {
    let cluster = clusters.reach(cluster_of(&spec.release)?).await?;
    refuse_stale(clusters, &cluster, &spec.release.key, fence).await?;
    let sealed =
        clusters.vault.seal(&spec.release.id, &spec.configuration).map_err(KubernetesError::Vault)?;
    remember(clusters, spec.slot, &spec.release, &sealed)?;
    let adopts = adoption::wants(clusters, &spec.release)?;
    let sizes = sizes(clusters, &cluster, &spec.release).await?;
    let waits = cluster.waits(&spec.release).await?;
    companions::extras::ensure(clusters, &cluster, &spec.release).await?;
    // Somebody may have made a budget for what is taken over, and no pod may have two.
    if adopts.is_none() {
        companions::budgets::ensure(clusters, &cluster, &spec.release).await?;
    }
    companions::networks::settle(clusters, &cluster, &spec.release, Stands::FromNowOn).await?;
    for (service, (_, size)) in spec.release.services.iter().zip(sizes) {
        if let Some((_, from)) = adopts.as_ref().filter(|(lead, _)| *lead == service.name) {
            adoption::take(clusters, &cluster, spec, service, from).await?;
            continue;
        }
        let replicas = size.first;
        let made = objects(spec, service, replicas, waits, &clusters.owner(&spec.release.key));
        told(&cluster, &made).await?;
        make_deployment(clusters, &cluster, (&spec.release.key, service), &made.deployment, replicas).await?;
    }
    Ok(())
}

/// Makes what pods of a service are told, and answers the Deployment that the service's would be of, which is not made.
pub(super) async fn prepared(
    clusters: &Arc<Clusters>,
    cluster: &Arc<Cluster>,
    fence: Generation,
    spec: &SlotSpec,
    service: &ServiceName,
) -> Result<Deployment, KubernetesError> {
    let release = &spec.release;
    refuse_stale(clusters, cluster, &release.key, fence).await?;
    let service = release.service(service).ok_or_else(|| KubernetesError::Refused {
        doing: "run a task".to_owned(),
        status: 404,
        words: format!("{} has no service {service}", release.id),
    })?;
    let sealed = clusters.vault.seal(&release.id, &spec.configuration).map_err(KubernetesError::Vault)?;
    remember(clusters, spec.slot, release, &sealed)?;
    companions::extras::ensure(clusters, cluster, release).await?;
    let waits = cluster.waits(release).await?;
    let made = objects(spec, service, service.instances, waits, &clusters.owner(&release.key));
    told(cluster, &made).await?;
    parsed(&made.deployment)
}

/// Makes what the pods of a service are told.
async fn told(cluster: &Cluster, made: &Made) -> Result<(), KubernetesError> {
    if let Some(config_map) = &made.config_map {
        make::<ConfigMap>(cluster, "ConfigMap", config_map).await?;
    }
    if let Some(secret) = &made.secret {
        make::<Secret>(cluster, "Secret", secret).await?;
    }
    Ok(())
}

/// What names the slot is on disk before anything of it is in the cluster.
pub(crate) fn remember(
    clusters: &Clusters,
    slot: Slot,
    release: &Release,
    sealed: &[u8],
) -> Result<(), KubernetesError> {
    let folder = clusters.layout.slot(&release.key, &release.id)?;
    let _turn = lock(&clusters.noting);
    if records::slot(&folder, TargetKind::Kubernetes)?.is_some() {
        return Ok(());
    }
    durable::make_folder(folder.path())?;
    let record = SlotRecord { version: VERSION, slot, release: release.clone() };
    Ok(records::write_slot(&clusters.layout, &folder, &record, sealed)?)
}

/// Makes an object whose name says what is in it.
async fn make<K>(cluster: &Cluster, kind: &'static str, object: &Value) -> Result<(), KubernetesError>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let name = name(object);
    let made: K = parsed(object)?;
    let (api, params) = (cluster.api::<K>(), ours());
    let doing = format!("make the {kind} {name}");
    match cluster.call(&doing, || api.create(&params, &made)).await {
        Err(error) if error.status() == Some(409) => {
            let there: Option<K> = cluster.get(&format!("look at the {kind} {name}"), name).await?;
            let is_ours = there.is_some_and(|there| {
                there.labels().get(names::APP) == made.labels().get(names::APP)
                    && there.labels().get(names::ENVIRONMENT) == made.labels().get(names::ENVIRONMENT)
            });
            if is_ours { Ok(()) } else { Err(taken(kind, name, "Bascule did not make it")) }
        }
        answer => answer.map(|_| ()),
    }
}

async fn make_deployment(
    clusters: &Clusters,
    cluster: &Cluster,
    (key, service): (&EnvironmentKey, &Service),
    object: &Value,
    replicas: u32,
) -> Result<(), KubernetesError> {
    let name = name(object);
    let made: Deployment = parsed(object)?;
    let (api, params) = (cluster.api::<Deployment>(), ours());
    let doing = format!("make the Deployment {name}");
    let error = match cluster.call(&doing, || api.create(&params, &made)).await {
        Ok(_) => return Ok(()),
        Err(error) if error.status() == Some(409) => error,
        Err(error) => return Err(error),
    };
    let Some(there) = cluster.get::<Deployment>(&format!("look at the Deployment {name}"), name).await?
    else {
        return Err(error);
    };
    let same = |annotation: &str| there.annotations().get(annotation) == made.annotations().get(annotation);
    if there.annotations().get(names::OWNER) != Some(&clusters.owner(key)) {
        return Err(taken("Deployment", name, "Bascule did not make it from this state folder"));
    }
    if !same(names::SPEC) {
        return Err(taken("Deployment", name, "it was made from something else"));
    }
    if there.metadata.deletion_timestamp.is_some() {
        return Err(taken("Deployment", name, "it is being removed: wait a moment"));
    }
    let now = there.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if now == 0 && service.instances > 0 {
        super::stop::scale(cluster, name, replicas).await?;
    }
    Ok(())
}

fn taken(what: &'static str, name: &str, whose: &str) -> KubernetesError {
    KubernetesError::NameTaken { what: what.into(), name: name.to_owned(), whose: whose.to_owned() }
}

fn parsed<K: DeserializeOwned>(object: &Value) -> Result<K, KubernetesError> {
    K::deserialize(object).map_err(|error| KubernetesError::Refused {
        doing: format!("make {}", name(object)),
        status: 400,
        words: error.to_string(),
    })
}
