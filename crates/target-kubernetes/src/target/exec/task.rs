//! A task of a deploy: a Job of the release's image and configuration, which nobody is attached to: its log is read.

use std::sync::Arc;
use std::time::Duration;

use bascule_engine::ports::{ExecSession, SlotRef, SlotSpec, TaskSpec};
use bascule_model::ids::{EnvironmentKey, Generation, TaskName};
use bascule_model::release::Release;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{LOOK, alone, make, remove};
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::job::{Begin, Tasked};
use crate::shared::Clusters;
use crate::target::cluster_of;
use crate::target::start::prepared;
use crate::target::stop::{has_ended, list};

/// So long beyond its time a task may take to begin, and to be ended by who asked for it.
const BEYOND: Duration = Duration::from_secs(60);
/// So long what was removed may take to be gone: the node has to tell of it.
const GONE: Duration = Duration::from_secs(90);

pub(in crate::target) async fn run(
    clusters: &Arc<Clusters>,
    fence: Generation,
    spec: &SlotSpec,
    task: &TaskSpec,
) -> Result<ExecSession, KubernetesError> {
    let release = &spec.release;
    let cluster = clusters.reach(cluster_of(release)?).await?;
    let deployment = prepared(clusters, &cluster, fence, spec, &task.service).await?;
    end(clusters, &cluster, &release.key, Some(&task.name)).await?;
    let patience = release.rollout.deadline;
    let longest = release.tasks.iter().find(|one| one.name == task.name).map_or(BEYOND, |one| one.timeout);
    let longest = i64::try_from((longest + patience + BEYOND).as_secs()).unwrap_or(i64::MAX);
    let command = task.of(SlotRef { key: release.key.clone(), slot: spec.slot, release: release.id.clone() });
    let tasked = Tasked { name: &task.name, longest };
    let running = make(clusters, &cluster, &deployment, &command, (Begin::AtOnce, Some(tasked))).await?;
    alone(running, patience).await
}

/// Ends what is left of a release's tasks.
pub(in crate::target) async fn end_all(
    clusters: &Clusters,
    cluster: &Cluster,
    release: &Release,
) -> Result<(), KubernetesError> {
    // A release without any has left nothing, and its account need not see Jobs.
    if release.tasks.is_empty() { Ok(()) } else { end(clusters, cluster, &release.key, None).await }
}

/// Ends what an earlier attempt has left running, of one task or of all: two at once may do what one alone would not.
async fn end(
    clusters: &Clusters,
    cluster: &Cluster,
    key: &EnvironmentKey,
    only: Option<&TaskName>,
) -> Result<(), KubernetesError> {
    let of_all = names::query(&names::of_environment(key));
    let selector = match only {
        Some(task) => format!("{of_all},{}={task}", names::TASK),
        None => format!("{of_all},{}", names::TASK),
    };
    let jobs = match list::<Job>(cluster, "Jobs of tasks", &selector).await {
        // Who may not see them has made none.
        Err(error) if error.status() == Some(403) => return Ok(()),
        jobs => jobs?,
    };
    for job in &jobs {
        remove(cluster, &job.name_any()).await?;
    }
    // Also where no Job is left: the cluster comes to the pods of one that was removed when it comes to them.
    let deadline = tokio::time::Instant::now() + GONE;
    loop {
        let mut pods = list::<Pod>(cluster, "pods of tasks", &selector).await?;
        pods.retain(|pod| !has_ended(pod, clusters.clock.now()) && !is_over(pod));
        if pods.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            let names: Vec<String> = pods.iter().map(ResourceExt::name_any).collect();
            return Err(KubernetesError::Refused {
                doing: "end what an earlier attempt has left of a task".to_owned(),
                status: 409,
                words: format!("{} did not end", names.join(", ")),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
