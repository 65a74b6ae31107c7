//! Whether the API server would take the objects of a release: each is sent as it will be made, with `dryRun=All`, so that validation and
//! admission say what they have to say, and nothing is stored.
//!
//! Limits of a namespace and rules for pods are applied to pods and not to their Deployments: of each service one pod is tried as well.

use bascule_engine::ports::{SlotSpec, traffic_services};
use bascule_model::ids::{Generation, ServiceName, Slot};
use bascule_model::release::Release;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::Resource;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ours};
use crate::companions::extras;
use crate::error::KubernetesError;
use crate::objects::deployment::{name, objects};
use crate::objects::ending::Waits;
use crate::objects::extra;
use crate::objects::known::not_understood;
use crate::objects::service::{service, slot_service};
use crate::record::{self, TrafficRecord};
use crate::shared::Clusters;

/// What is freed before the release is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freed {
    /// Nothing.
    Nothing,
    /// What a former release has: a quota that is full now need not be full then.
    AFormerRelease,
}

/// What an answer to a dry run means.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Takes,
    /// It cannot be known, and why.
    Unknown(String),
    Refuses(String),
    /// Nothing about the object.
    Fails,
}

/// Tries all objects of what is to stand in a slot. Answers what could not be tried, one sentence each.
pub(super) async fn rehearse(
    clusters: &Clusters,
    cluster: &Cluster,
    spec: &SlotSpec,
    freed: Freed,
) -> Result<Vec<String>, KubernetesError> {
    let (mut unknown, mut refusals) = (Vec::new(), Vec::new());
    for (resource, object) in extras::resources(cluster, &spec.release).await? {
        let what = format!("{} {}", resource.kind, name(object));
        let (api, params) = (cluster.dynamic(&resource), PatchParams { dry_run: true, ..extras::params() });
        let patch =
            Patch::Apply(extra::applied(&spec.release.key, object, &clusters.owner(&spec.release.key)));
        let doing = format!("try the {what} without applying it");
        let Err(error) = cluster.call(&doing, || api.patch(name(object), &params, &patch)).await else {
            continue;
        };
        match judged_applied(&error) {
            Verdict::Takes => {}
            Verdict::Unknown(why) => {
                unknown.push(format!("the {what} was not tried before it is applied: {why}"));
            }
            Verdict::Refuses(words) => refusals.push(format!("the {what}: {words}")),
            Verdict::Fails => return Err(error),
        }
    }
    let accounts = service_accounts(&spec.release);
    for (resource, object) in all(clusters, spec, cluster.waits(&spec.release).await?)? {
        let what = format!("{} {}", resource.kind, name(&object));
        let mistakes = if resource.kind == "Deployment" { not_understood(&object) } else { Vec::new() };
        if !mistakes.is_empty() {
            refusals.extend(mistakes.iter().map(|words| format!("the {what}: {words}")));
            continue;
        }
        let api = cluster.dynamic(&resource);
        let params = PostParams { dry_run: true, ..ours() };
        let doing = format!("try the {what} without making it");
        let made = DynamicObject::deserialize(&object).map_err(|error| KubernetesError::Refused {
            doing: doing.clone(),
            status: 400,
            words: error.to_string(),
        })?;
        let Err(error) = cluster.call(&doing, || api.create(&params, &made)).await else { continue };
        let verdict = match judged(&resource.kind, &error, freed) {
            // It is applied before any pod is made.
            Verdict::Refuses(words) if accounts.iter().any(|name| lacks_account(&words, name)) => {
                Verdict::Unknown(format!("its ServiceAccount is not there yet ({words})"))
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::Takes => {}
            Verdict::Unknown(why) => {
                unknown.push(format!("the {what} was not tried before it is made: {why}"));
            }
            Verdict::Refuses(words) => refusals.push(format!("the {what}: {words}")),
            Verdict::Fails => return Err(error),
        }
    }
    if refusals.is_empty() { Ok(unknown) } else { Err(KubernetesError::WouldRefuse { refusals }) }
}

/// ServiceAccounts that the files of `manifests` bring.
fn service_accounts(release: &Release) -> Vec<&str> {
    let all = extras::of(release).iter().map(extra::identity);
    all.filter(|(group, kind, _)| (*group, *kind) == ("", "ServiceAccount"))
        .map(|(_, _, name)| name)
        .collect()
}

fn lacks_account(words: &str, name: &str) -> bool {
    words.contains("service account") && words.contains(&format!("\"{name}\""))
}

/// The objects in the order in which they are made, but for those that are there already.
fn all(
    clusters: &Clusters,
    spec: &SlotSpec,
    waits: Waits,
) -> Result<Vec<(ApiResource, Value)>, KubernetesError> {
    let release = &spec.release;
    let mut all = Vec::new();
    let standing = record::read(&clusters.layout, &release.key)?;
    if let Some(cluster) = &release.cluster {
        let wanted = TrafficRecord::of(release).map(|record| record.services).unwrap_or_default();
        let lead = standing.as_ref().map_or(wanted.first(), |record| record.services.first());
        let is_there =
            |name: &ServiceName| standing.as_ref().is_some_and(|record| record.services.contains(name));
        for one in traffic_services(release).filter(|one| !is_there(&one.name)) {
            if record::is_routed(cluster, &one.name) {
                let of = |slot| {
                    slot_service(&release.key, &one.name, slot, cluster, &clusters.owner(&release.key))
                };
                all.extend(Slot::ALL.map(|slot| (self::of::<Service>(), of(slot))));
                continue;
            }
            let leads = lead == Some(&one.name);
            let (generation, owner) = (Generation::default(), &clusters.owner(&release.key));
            all.push((of::<Service>(), service(&release.key, &one.name, cluster, leads, generation, owner)));
        }
    }
    for one in &release.services {
        let made = objects(spec, one, one.instances, waits, &clusters.owner(&release.key));
        all.extend(made.config_map.map(|object| (of::<ConfigMap>(), object)));
        all.extend(made.secret.map(|object| (of::<Secret>(), object)));
        let pod = pod(&made.deployment);
        all.push((of::<Deployment>(), made.deployment));
        all.push((of::<Pod>(), pod));
    }
    Ok(all)
}

fn of<K: Resource>() -> ApiResource
where
    K::DynamicType: Default,
{
    ApiResource::erase::<K>(&K::DynamicType::default())
}

/// A pod as the Deployment makes them.
fn pod(deployment: &Value) -> Value {
    let template = &deployment["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = json!(name(deployment));
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] })
}

/// What an answer to the dry run of an apply means: a conflict is somebody else's say.
fn judged_applied(error: &KubernetesError) -> Verdict {
    match (judged("", error, Freed::Nothing), error) {
        (Verdict::Takes, KubernetesError::Refused { words, .. }) => Verdict::Refuses(words.clone()),
        (verdict, _) => verdict,
    }
}

fn judged(kind: &str, error: &KubernetesError, freed: Freed) -> Verdict {
    let KubernetesError::Refused { status, words, .. } = error else { return Verdict::Fails };
    // The words of every authorizer, and of no admission.
    let lacks_the_right =
        ["cannot create resource", "cannot patch resource"].iter().any(|it| words.contains(it));
    let is_about_dry_run =
        ["dry run", "dry-run", "dryrun"].iter().any(|it| words.to_lowercase().contains(it));
    match *status {
        // It is there: whose it is, is looked at when it is made.
        409 => Verdict::Takes,
        400 | 405 | 501 if is_about_dry_run => Verdict::Unknown(words.clone()),
        403 if lacks_the_right && kind == "Pod" => Verdict::Unknown(
            "the account may not create pods (`bascule render rbac` has that right)".to_owned(),
        ),
        403 if lacks_the_right => Verdict::Fails,
        403 if words.contains("exceeded quota") && freed == Freed::AFormerRelease => Verdict::Takes,
        401 | 404 => Verdict::Fails,
        _ => Verdict::Refuses(words.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_a_dry_run() {
        let quota = "pods \"a\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2";
        let limit = "pods \"a\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 128Mi";
        let right = "pods is forbidden: User \"bascule\" cannot create resource \"pods\" in API group \"\" in the namespace \"shop\"";
        let webhook = "admission webhook \"guard\" does not support dry run";
        let refuses = |words: &str| Verdict::Refuses(words.to_owned());
        for (kind, status, words, freed, expected) in [
            ("Pod", 403, quota, Freed::Nothing, refuses(quota)),
            ("Pod", 403, quota, Freed::AFormerRelease, Verdict::Takes),
            ("Pod", 403, limit, Freed::AFormerRelease, refuses(limit)),
            ("Deployment", 403, right, Freed::Nothing, Verdict::Fails),
            ("Deployment", 400, webhook, Freed::Nothing, Verdict::Unknown(webhook.to_owned())),
            ("Deployment", 400, "it is no Deployment", Freed::Nothing, refuses("it is no Deployment")),
            (
                "Deployment",
                422,
                "spec.replicas: Invalid value",
                Freed::Nothing,
                refuses("spec.replicas: Invalid value"),
            ),
            ("Deployment", 409, "already exists", Freed::Nothing, Verdict::Takes),
            (
                "Deployment",
                404,
                "the server could not find the requested resource",
                Freed::Nothing,
                Verdict::Fails,
            ),
        ] {
            let error = KubernetesError::Refused { doing: String::new(), status, words: words.to_owned() };
            assert_eq!(judged(kind, &error, freed), expected, "{kind} {status} {words}");
        }
        let error = KubernetesError::Refused { doing: String::new(), status: 403, words: right.to_owned() };
        assert!(
            matches!(judged("Pod", &error, Freed::Nothing), Verdict::Unknown(why) if why.contains("render rbac"))
        );
    }
}
