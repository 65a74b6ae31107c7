//! Taking a Deployment's pods over: each step looks at what is there, so that it can be made again after any crash.

use std::collections::BTreeMap;

use bascule_engine::ports::SlotSpec;
use bascule_model::release::Service;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::ResourceExt as _;
use kube::api::Patch;
use serde::Deserialize as _;
use serde_json::json;

use super::hand::{controller, label_pods, leave, patch_set, until_left, until_taken};
use super::{check, objects};
use crate::cluster::{self, Cluster};
use crate::error::KubernetesError;
use crate::names;
use crate::shared::Clusters;
use crate::target::stop::list;

/// Makes the pods of the Deployment `from` the pods of a service of the release. Done already is well.
pub(crate) async fn take(
    clusters: &Clusters,
    cluster: &Cluster,
    spec: &SlotSpec,
    service: &Service,
    from: &str,
) -> Result<(), KubernetesError> {
    let release = &spec.release;
    let ours = names::of_service(&release.key, &release.id, spec.slot, &service.name);
    let selector = names::selector(&release.key, &service.name, release.id.as_str());
    let set = match list::<ReplicaSet>(cluster, "ReplicaSets", &names::query(&selector))
        .await?
        .into_iter()
        .next()
    {
        Some(set) => set,
        None => mark(cluster, from, &ours).await?,
    };
    let name = set.name_any();
    let labels = labels(&ours, &set, from)?;
    let note = set.annotations().get(names::ADOPTED).cloned().unwrap_or_default();
    let deployment = names::deployment(&release.key.app, &service.name, &release.id);
    let there = cluster.get::<Deployment>("look at the Deployment", &deployment).await?;
    let there = match there {
        Some(there) if there.annotations().get(names::OWNER) != Some(&clusters.owner(&release.key)) => {
            let whose = "Bascule did not make it from this state folder".to_owned();
            return Err(KubernetesError::NameTaken { what: "Deployment".into(), name: deployment, whose });
        }
        Some(there) => there,
        None => {
            if let Some(former) = cluster.get::<Deployment>("look at the Deployment", from).await?
                && controller(&set) == former.uid()
            {
                leave(cluster, &former).await?;
            }
            until_left(cluster, &name).await?;
            patch_set(
                cluster,
                &name,
                json!({ "spec": { "template": { "metadata": { "labels": labels } } } }),
            )
            .await?;
            let set = until_left(cluster, &name).await?;
            make(
                cluster,
                objects::ours(&deployment, &ours, &selector, &set, &note, &clusters.owner(&release.key)),
            )
            .await?
        }
    };
    let set = until_taken(cluster, &name, &there).await?;
    go_on(cluster, &deployment).await?;
    let added: BTreeMap<String, Option<String>> =
        labels.into_iter().map(|(name, value)| (name, Some(value))).collect();
    label_pods(cluster, &set, &added).await
}

fn labels(
    ours: &BTreeMap<String, String>,
    set: &ReplicaSet,
    from: &str,
) -> Result<BTreeMap<String, String>, KubernetesError> {
    objects::added(ours.clone(), set).map_err(|label| {
        check::unfit(from, &format!("it selects its pods by `{label}`, which Bascule has to set"))
    })
}

/// Notes at the ReplicaSet what is adopted, and marks it as ours.
async fn mark(
    cluster: &Cluster,
    from: &str,
    ours: &BTreeMap<String, String>,
) -> Result<ReplicaSet, KubernetesError> {
    let (former, set) = check::settled(cluster, from).await?;
    let labels = labels(ours, &set, from)?;
    let note = objects::original(&former).to_string();
    let patch = json!({ "metadata": { "labels": labels, "annotations": { names::ADOPTED: note } } });
    let name = set.name_any();
    patch_set(cluster, &name, patch).await?;
    cluster.get::<ReplicaSet>("look at the ReplicaSet", &name).await?.ok_or_else(|| {
        KubernetesError::Refused {
            doing: format!("take the Deployment {from} over"),
            status: 404,
            words: format!("its ReplicaSet {name} is gone"),
        }
    })
}

pub(super) async fn make(
    cluster: &Cluster,
    object: serde_json::Value,
) -> Result<Deployment, KubernetesError> {
    let name = crate::objects::deployment::name(&object).to_owned();
    let doing = format!("make the Deployment {name}");
    let made = Deployment::deserialize(&object).map_err(|error| KubernetesError::Refused {
        doing: doing.clone(),
        status: 400,
        words: error.to_string(),
    })?;
    let (api, params) = (cluster.api::<Deployment>(), cluster::ours());
    match cluster.call(&doing, || api.create(&params, &made)).await {
        // Made by a call whose answer was lost.
        Err(error) if error.status() == Some(409) => {
            cluster.get::<Deployment>(&doing, &name).await?.ok_or(error)
        }
        answer => answer,
    }
}

/// Lets our Deployment act. It has the ReplicaSet by now, and its template is that one's: there is nothing for it to do.
async fn go_on(cluster: &Cluster, name: &str) -> Result<(), KubernetesError> {
    let (api, params) = (cluster.api::<Deployment>(), cluster::by_us());
    let patch = Patch::Merge(json!({ "spec": { "paused": false } }));
    cluster
        .call(&format!("let the Deployment {name} go on"), || api.patch(name, &params, &patch))
        .await
        .map(drop)
}
