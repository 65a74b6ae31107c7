//! The engine's port for instances: Deployments made, looked at, and removed.

mod exec;
mod logs;
mod look;
pub(crate) mod sizes;
pub(crate) mod start;
pub(crate) mod stop;

use std::sync::Arc;

use async_trait::async_trait;
use bascule_engine::ports::{
    ExecSession, ExecSpec, LogLines, LogQuery, PortError, SlotRef, SlotSpec, Target, TaskSpec,
};
use bascule_instances::records::{self, SlotRecord};
use bascule_model::evidence::InstanceStatus;
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId};
use bascule_model::plan::ObjectChange;
use bascule_model::release::{Release, TargetKind};

use crate::error::KubernetesError;
use crate::shared::Clusters;

/// Runs instances as pods. They need nobody of ours to go on; the next control plane finds them by their records and labels.
pub struct KubernetesTarget {
    clusters: Arc<Clusters>,
}

impl KubernetesTarget {
    /// Over these clusters.
    #[must_use]
    pub fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters }
    }

    /// Removes what commands of a control plane that is gone have left in the clusters; in the background, until it is done.
    pub fn forget_leftovers(&self) {
        exec::forget_leftovers(&self.clusters);
    }

    /// Whether what stands in the slot are pods, by the records alone.
    #[must_use]
    pub fn stands(&self, slot: &SlotRef) -> bool {
        matches!(self.record(slot), Ok(Some(_)))
    }

    /// Whether the instance is a pod, by the records alone.
    #[must_use]
    pub fn knows(&self, key: &EnvironmentKey, instance: &InstanceId) -> bool {
        self.record_of(key, instance).is_ok_and(|record| record.is_some())
    }

    fn record(&self, slot: &SlotRef) -> Result<Option<SlotRecord>, KubernetesError> {
        let folder = self.clusters.layout.slot(&slot.key, &slot.release)?;
        Ok(records::slot(&folder, TargetKind::Kubernetes)?.filter(|record| record.slot == slot.slot))
    }

    /// The slot whose instance it is.
    fn record_of(
        &self,
        key: &EnvironmentKey,
        instance: &InstanceId,
    ) -> Result<Option<SlotRecord>, KubernetesError> {
        let all = records::slots(&self.clusters.layout, TargetKind::Kubernetes)?;
        Ok(all.into_iter().flatten().find_map(|(slot, record)| {
            let prefix = format!("{}-{}-{}-", key.app, key.environment, slot.release);
            (slot.key == *key && instance.as_str().starts_with(&prefix)).then_some(record)
        }))
    }
}

/// The cluster of a release; one of this target always has it.
pub(crate) fn cluster_of(release: &Release) -> Result<&bascule_model::release::Cluster, KubernetesError> {
    release.cluster.as_ref().ok_or_else(|| KubernetesError::Access {
        words: format!("{} does not say in which cluster it is", release.id),
    })
}

#[async_trait]
impl Target for KubernetesTarget {
    async fn warnings(&self, release: &Release) -> Vec<String> {
        let is_unusual = |service: &&bascule_model::release::Service| service.stop.signal != 15;
        let services = release.services.iter().filter(is_unusual);
        let mut told: Vec<String> = services
            .map(|service| {
                format!(
                    "{}: Kubernetes stops pods with the signal that the image names (SIGTERM without one), not with `stop.signal`",
                    service.name
                )
            })
            .collect();
        told.extend(crate::preflight::lints::ends::told(release));
        told
    }

    async fn can_start(&self, spec: &SlotSpec) -> Result<Vec<String>, PortError> {
        Ok(crate::preflight::foresee(&self.clusters, spec).await?)
    }

    async fn changes(&self, spec: &SlotSpec) -> Result<Vec<ObjectChange>, PortError> {
        Ok(crate::changes::changes(&self.clusters, spec).await?)
    }

    async fn start(&self, fence: Generation, spec: &SlotSpec) -> Result<Vec<InstanceStatus>, PortError> {
        self.clusters.pass(&spec.release.key, fence)?;
        start::start(&self.clusters, fence, spec).await?;
        let slot =
            SlotRef { key: spec.release.key.clone(), slot: spec.slot, release: spec.release.id.clone() };
        self.observe(&slot).await
    }

    async fn observe(&self, slot: &SlotRef) -> Result<Vec<InstanceStatus>, PortError> {
        let Some(record) = self.record(slot)? else { return Ok(Vec::new()) };
        let seen = self.look(&record.release).await?;
        Ok(seen.into_iter().map(|instance| instance.status).collect())
    }

    async fn stop(&self, fence: Generation, slot: &SlotRef) -> Result<(), PortError> {
        self.clusters.pass(&slot.key, fence)?;
        let Some(record) = self.record(slot)? else { return Ok(()) };
        Ok(stop::stop(&self.clusters, fence, &record.release).await?)
    }

    async fn slots(&self) -> Result<Vec<SlotRef>, PortError> {
        let found = records::slots(&self.clusters.layout, TargetKind::Kubernetes)?;
        found.into_iter().map(|recorded| Ok(recorded?.0)).collect()
    }

    async fn logs(&self, key: &EnvironmentKey, query: &LogQuery) -> Result<Vec<LogLines>, PortError> {
        let all = records::slots(&self.clusters.layout, TargetKind::Kubernetes)?;
        let found =
            all.into_iter().flatten().find(|(slot, _)| slot.key == *key && slot.release == query.release);
        match found {
            Some((_, record)) => Ok(self.last_lines(&record.release, query).await?),
            None => Ok(Vec::new()),
        }
    }

    async fn logs_after(
        &self,
        key: &EnvironmentKey,
        instance: &InstanceId,
        position: u64,
    ) -> Result<LogLines, PortError> {
        let nothing = LogLines { instance: instance.clone(), lines: Vec::new(), position };
        match self.record_of(key, instance)? {
            Some(record) => {
                Ok(self.lines_after(&record.release, instance, position).await?.unwrap_or(nothing))
            }
            None => Ok(nothing),
        }
    }

    async fn explain(&self, slot: &SlotRef, instance: &InstanceId) -> Option<String> {
        let record = self.record(slot).ok().flatten()?;
        self.events_of(&record.release, instance).await.ok().flatten()
    }

    async fn drift(&self, slot: &SlotRef) -> Vec<String> {
        match self.record(slot) {
            Ok(Some(record)) => self.differences(&record.release).await,
            _ => Vec::new(),
        }
    }

    async fn exec(&self, spec: &ExecSpec) -> Result<ExecSession, PortError> {
        let Some(record) = self.record(&spec.slot)? else {
            return Err(KubernetesError::Refused {
                doing: "run the command".to_owned(),
                status: 404,
                words: format!("{} does not stand any more", spec.slot.release),
            }
            .into());
        };
        Ok(exec::exec(&self.clusters, &record, spec).await?)
    }

    async fn run_task(
        &self,
        fence: Generation,
        spec: &SlotSpec,
        task: &TaskSpec,
    ) -> Result<ExecSession, PortError> {
        self.clusters.pass(&spec.release.key, fence)?;
        Ok(exec::run_task(&self.clusters, fence, spec, task).await?)
    }

    async fn prune(&self, _: Generation, _: &EnvironmentKey, _: &[ReleaseId]) -> Result<(), PortError> {
        // What a release had in the cluster goes with its slot; what can bring it back is in the journal.
        Ok(())
    }
}
