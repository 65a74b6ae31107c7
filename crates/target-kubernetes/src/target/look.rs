//! Looking at a release's instances, and at what is not as it was made.

use std::net::SocketAddr;

use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::{InstanceId, ServiceName};
use bascule_model::release::Release;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt as _;
use kube::api::ListParams;

use super::{KubernetesTarget, cluster_of};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::pod::CONTAINER;
use crate::seen::{self, Instance};
use crate::shared::lock;
use crate::traffic::{roll, state};

/// So many events are told of a pod.
const EVENTS: usize = 3;

impl KubernetesTarget {
    /// The instances as they are known; where nothing is known, as waiting for the cluster.
    pub(super) async fn look(&self, release: &Release) -> Result<Vec<Instance>, KubernetesError> {
        let cluster = cluster_of(release)?;
        let watched = match self.clusters.watch(cluster).await {
            Ok(watched) => watched,
            Err(error) => return Ok(unknown(release, &error.to_string())),
        };
        let (pods, deployments) = match watched.find(&labels(release)).await {
            Ok(found) => found,
            Err(why) => return Ok(unknown(release, &why)),
        };
        let now = self.clusters.clock.now();
        let mut instances = seen::instances(release, &pods, &deployments, &mut lock(&watched.numbers), now);
        let reached = self.clusters.reach(cluster).await?;
        let there = watched.pod_uids();
        reached.forwards.keep_only(|uid| there.contains(uid));
        lock(&watched.numbers).retain(|uid, _| there.contains(uid));
        for instance in &mut instances {
            let (Some((pod, uid)), Some(port)) = (&instance.pod, port(release, &instance.status.service))
            else {
                continue;
            };
            if matches!(instance.status.state, InstanceState::Running { .. }) {
                let address: Option<SocketAddr> = reached.forwards.address(&reached, pod, uid, port).await;
                instance.status.address = address;
            }
        }
        Ok(instances)
    }

    /// What the cluster told of an instance's pod: the last warnings.
    pub(super) async fn events_of(
        &self,
        release: &Release,
        instance: &InstanceId,
    ) -> Result<Option<String>, KubernetesError> {
        let found = self.look(release).await?.into_iter().find(|one| one.status.id == *instance);
        let Some((pod, _)) = found.and_then(|one| one.pod) else { return Ok(None) };
        let cluster = self.clusters.reach(cluster_of(release)?).await?;
        let fields = format!("involvedObject.name={pod},type=Warning");
        let (events, params) = (cluster.api::<Event>(), ListParams::default().fields(&fields));
        let mut events =
            cluster.call(&format!("read the events of {pod}"), || events.list(&params)).await?.items;
        events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        let told: Vec<String> = events
            .iter()
            .rev()
            .take(EVENTS)
            .map(|event| {
                let (reason, message) =
                    (event.reason.as_deref().unwrap_or("?"), event.message.as_deref().unwrap_or(""));
                format!("{reason}: {}", message.trim())
            })
            .collect();
        Ok((!told.is_empty()).then(|| told.join("; ")))
    }

    /// Whether its pods went as those of another release came.
    async fn has_gone(&self, release: &Release) -> bool {
        if release.rollout.rolling.is_none() {
            return false;
        }
        let Ok(settings) = cluster_of(release) else { return false };
        let Ok(cluster) = self.clusters.reach(settings).await else { return false };
        let lead = state::read(&self.clusters, &cluster, &release.key).await;
        lead.is_ok_and(|lead| lead.is_some_and(|lead| roll::has_gone(&lead.state, &release.id)))
    }

    /// Where Deployments are not as they were made, one sentence each, with who wrote to them last.
    pub(super) async fn differences(&self, release: &Release) -> Vec<String> {
        let Ok(cluster) = cluster_of(release) else { return Vec::new() };
        let Ok(watched) = self.clusters.watch(cluster).await else { return Vec::new() };
        let mut told: Vec<String> =
            watched.trouble().into_iter().map(|why| format!("the cluster does not answer: {why}")).collect();
        let Ok((_, deployments)) = watched.find(&labels(release)).await else { return told };
        for service in &release.services {
            let name = names::deployment(&release.key.app, &service.name, &release.id);
            let Some(found) = deployments.iter().find(|one| one.name_any() == name) else {
                told.push(format!("the Deployment {name} is not there"));
                continue;
            };
            let image = found
                .spec
                .as_ref()
                .and_then(|spec| {
                    let mut containers = spec.template.spec.as_ref()?.containers.iter();
                    containers.find(|one| one.name == CONTAINER)?.image.as_deref()
                })
                .unwrap_or_default();
            let wanted = crate::objects::pod::image(&release.artifact);
            let who = others(&found.metadata);
            // What was taken over is as it was made, whoever named its image.
            if image != wanted && !found.annotations().contains_key(names::ADOPTED) {
                told.push(format!("the Deployment {name} runs the image {image}, not {wanted}{who}"));
            }
            let replicas = found.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            if replicas == 0 && service.instances > 0 && !self.has_gone(release).await {
                told.push(format!("the Deployment {name} is scaled to 0{who}"));
            }
        }
        told
    }
}

/// Everything of a release.
pub(super) fn labels(release: &Release) -> [(&'static str, &str); 3] {
    [
        (names::APP, release.key.app.as_str()),
        (names::ENVIRONMENT, release.key.environment.as_str()),
        (names::RELEASE, release.id.as_str()),
    ]
}

fn port(release: &Release, service: &ServiceName) -> Option<u16> {
    Some(release.service(service)?.traffic.as_ref()?.port)
}

/// Who wrote to an object beside us and the cluster itself, as far as the API server noted it: `; kubectl wrote to it at …`.
pub(crate) fn others(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> String {
    let entries = metadata.managed_fields.iter().flatten();
    let foreign = entries
        .filter(|entry| {
            let manager = entry.manager.as_deref().unwrap_or_default();
            manager != crate::cluster::MANAGER && !manager.starts_with("kube-controller-manager")
        })
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    foreign.map_or_else(String::new, |entry| {
        let when = entry.time.as_ref().map(|time| format!(" at {}", time.0)).unwrap_or_default();
        format!("; {} wrote to it{when}", entry.manager.as_deref().unwrap_or("somebody"))
    })
}

/// The instances that should be there while the cluster says nothing.
fn unknown(release: &Release, why: &str) -> Vec<Instance> {
    let reason = format!("nothing is known of it: {why}");
    let of = |service: &bascule_model::release::Service, n: u32| Instance {
        status: InstanceStatus {
            id: InstanceId::new(&release.key, &release.id, &service.name, n),
            service: service.name.clone(),
            n,
            address: None,
            state: InstanceState::Waiting { reason: reason.clone() },
            started_at: None,
            restarts: 0,
            last_exit: None,
            own_check: None,
        },
        pod: None,
        container: CONTAINER.to_owned(),
    };
    release
        .services
        .iter()
        .flat_map(|service| (1..=service.instances).map(move |n| (service, n)))
        .map(|(service, n)| of(service, n))
        .collect()
}
