//! One target and one store to the engine, several in truth: each call goes to the one that it is for.
//!
//! What is to be started says where it runs. What stands in a slot belongs to whichever target has a record of it; that is seen
//! in local files, so that it needs no container engine. Artifacts are told apart by their digest.

use std::sync::Arc;

use async_trait::async_trait;
use bascule_engine::ports::{
    Artifacts, ExecSession, ExecSpec, LogLines, LogQuery, Made, Making, PortError, Presence, SlotRef,
    SlotSpec, Target, TaskSpec, Unneeded,
};
use bascule_model::evidence::InstanceStatus;
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId};
use bascule_model::plan::{ArtifactPlan, ObjectChange};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Configuration, Release, Source, TargetKind};
use bascule_target_process::ProcessTarget;

#[cfg(feature = "docker")]
use bascule_target_docker::DockerTarget;
#[cfg(feature = "kubernetes")]
use bascule_target_kubernetes::KubernetesTarget;

/// What a digest of an image begins with.
const IMAGE: &str = "image:";

/// Every target.
pub(crate) struct Targets {
    /// Processes of this machine.
    pub(crate) process: Arc<ProcessTarget>,
    /// Containers of its engine.
    #[cfg(feature = "docker")]
    pub(crate) docker: Arc<DockerTarget>,
    /// Pods of clusters.
    #[cfg(feature = "kubernetes")]
    pub(crate) kubernetes: Arc<KubernetesTarget>,
}

impl Targets {
    fn of_kind(&self, kind: TargetKind) -> Result<&dyn Target, PortError> {
        match kind {
            TargetKind::Process => Ok(&*self.process),
            #[cfg(feature = "docker")]
            TargetKind::Docker => Ok(&*self.docker),
            #[cfg(not(feature = "docker"))]
            TargetKind::Docker => Err(left_out(kind).into()),
            #[cfg(feature = "kubernetes")]
            TargetKind::Kubernetes => Ok(&*self.kubernetes),
            #[cfg(not(feature = "kubernetes"))]
            TargetKind::Kubernetes => Err(left_out(kind).into()),
        }
    }

    /// Whose the slot is. What no target knows is nobody's, and the process target says so.
    fn of_slot(&self, slot: &SlotRef) -> &dyn Target {
        #[cfg(feature = "docker")]
        if self.docker.stands(slot) {
            return &*self.docker;
        }
        #[cfg(feature = "kubernetes")]
        if self.kubernetes.stands(slot) {
            return &*self.kubernetes;
        }
        let _ = slot;
        &*self.process
    }

    async fn of_instance(&self, key: &EnvironmentKey, instance: &InstanceId) -> &dyn Target {
        #[cfg(feature = "docker")]
        if self.docker.knows(key, instance).await {
            return &*self.docker;
        }
        #[cfg(feature = "kubernetes")]
        if self.kubernetes.knows(key, instance) {
            return &*self.kubernetes;
        }
        let _ = (key, instance);
        &*self.process
    }

    fn all(&self) -> Vec<&dyn Target> {
        vec![
            &*self.process,
            #[cfg(feature = "docker")]
            &*self.docker,
            #[cfg(feature = "kubernetes")]
            &*self.kubernetes,
        ]
    }
}

#[cfg(not(all(feature = "docker", feature = "kubernetes")))]
fn left_out(kind: TargetKind) -> Problem {
    let kind = kind.as_str();
    Problem::new(
        Code::ContainerEngineUnfit,
        format!("this build of Bascule has no target {kind}"),
        format!("install one that has it (feature `{kind}`), or say `target = \"process\"`"),
    )
}

#[async_trait]
impl Target for Targets {
    async fn warnings(&self, release: &Release) -> Vec<String> {
        match self.of_kind(release.target) {
            Ok(target) => target.warnings(release).await,
            Err(_) => Vec::new(),
        }
    }

    async fn can_start(&self, spec: &SlotSpec) -> Result<Vec<String>, PortError> {
        self.of_kind(spec.release.target)?.can_start(spec).await
    }

    async fn changes(&self, spec: &SlotSpec) -> Result<Vec<ObjectChange>, PortError> {
        self.of_kind(spec.release.target)?.changes(spec).await
    }

    async fn start(&self, fence: Generation, spec: &SlotSpec) -> Result<Vec<InstanceStatus>, PortError> {
        self.of_kind(spec.release.target)?.start(fence, spec).await
    }

    async fn observe(&self, slot: &SlotRef) -> Result<Vec<InstanceStatus>, PortError> {
        self.of_slot(slot).observe(slot).await
    }

    async fn stop(&self, fence: Generation, slot: &SlotRef) -> Result<(), PortError> {
        self.of_slot(slot).stop(fence, slot).await
    }

    async fn slots(&self) -> Result<Vec<SlotRef>, PortError> {
        let mut slots = Vec::new();
        for target in self.all() {
            slots.extend(target.slots().await?);
        }
        Ok(slots)
    }

    async fn logs(&self, key: &EnvironmentKey, query: &LogQuery) -> Result<Vec<LogLines>, PortError> {
        // Each has those of its own; a release that ended has left no other trace of where it ran.
        let mut logs = Vec::new();
        for target in self.all() {
            logs.extend(target.logs(key, query).await?);
        }
        Ok(logs)
    }

    async fn logs_after(
        &self,
        key: &EnvironmentKey,
        instance: &InstanceId,
        position: u64,
    ) -> Result<LogLines, PortError> {
        self.of_instance(key, instance).await.logs_after(key, instance, position).await
    }

    async fn explain(&self, slot: &SlotRef, instance: &InstanceId) -> Option<String> {
        self.of_slot(slot).explain(slot, instance).await
    }

    async fn drift(&self, slot: &SlotRef) -> Vec<String> {
        self.of_slot(slot).drift(slot).await
    }

    async fn exec(&self, spec: &ExecSpec) -> Result<ExecSession, PortError> {
        self.of_slot(&spec.slot).exec(spec).await
    }

    async fn run_task(
        &self,
        fence: Generation,
        spec: &SlotSpec,
        task: &TaskSpec,
    ) -> Result<ExecSession, PortError> {
        self.of_kind(spec.release.target)?.run_task(fence, spec, task).await
    }

    async fn forget_tasks(
        &self,
        fence: Generation,
        release: &Release,
        slot: &SlotRef,
    ) -> Result<(), PortError> {
        self.of_kind(release.target)?.forget_tasks(fence, release, slot).await
    }

    async fn unneeded(&self, key: &EnvironmentKey, keep: &[ReleaseId]) -> Result<Vec<Unneeded>, PortError> {
        let mut unneeded = Vec::new();
        for target in self.all() {
            unneeded.extend(target.unneeded(key, keep).await?);
        }
        Ok(unneeded)
    }

    async fn prune(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        keep: &[ReleaseId],
    ) -> Result<(), PortError> {
        // The last one first: what it still has to ask its engine about is in the folders that the first one removes.
        for target in self.all().into_iter().rev() {
            target.prune(fence, key, keep).await?;
        }
        Ok(())
    }
}

/// Every store.
pub(crate) struct Stores {
    /// Files.
    pub(crate) files: Arc<dyn Artifacts>,
    /// Images; none in a build without a target that runs them.
    pub(crate) images: Option<Arc<dyn Artifacts>>,
}

impl Stores {
    fn images(&self) -> Result<&dyn Artifacts, PortError> {
        self.images.as_deref().ok_or_else(|| {
            Problem::new(
                Code::ContainerEngineUnfit,
                "this build of Bascule cannot make images",
                "install one that can, or say `target = \"process\"`",
            )
            .into()
        })
    }

    fn of_source(&self, source: &Source) -> Result<&dyn Artifacts, PortError> {
        if source.image.is_some() { self.images() } else { Ok(&*self.files) }
    }
}

/// Digests of images, and of files.
fn by_kind(digests: &[String]) -> (Vec<String>, Vec<String>) {
    digests.iter().cloned().partition(|digest| digest.starts_with(IMAGE))
}

/// Where nothing that is kept is an image, an engine that is not there is not missed.
fn without_engine(error: PortError, kept_images: &[String]) -> Result<(), PortError> {
    match error {
        PortError::Problem(problem)
            if kept_images.is_empty() && problem.code == Code::ContainerEngineUnavailable =>
        {
            Ok(())
        }
        error => Err(error),
    }
}

#[async_trait]
impl Artifacts for Stores {
    async fn survey(&self, source: &Source, values: &Configuration) -> Result<ArtifactPlan, PortError> {
        self.of_source(source)?.survey(source, values).await
    }

    async fn make(&self, making: &Making<'_>) -> Result<Made, PortError> {
        self.of_source(making.source)?.make(making).await
    }

    async fn verify(&self, digest: &str, values: &Configuration) -> Result<Presence, PortError> {
        let store = if digest.starts_with(IMAGE) { self.images()? } else { &*self.files };
        store.verify(digest, values).await
    }

    async fn prune(&self, keep: &[String]) -> Result<(), PortError> {
        let (images, files) = by_kind(keep);
        self.files.prune(&files).await?;
        match &self.images {
            Some(store) => store.prune(&images).await.or_else(|error| without_engine(error, &images)),
            None => Ok(()),
        }
    }

    async fn unneeded(&self, keep: &[String]) -> Result<Vec<Unneeded>, PortError> {
        let (images, files) = by_kind(keep);
        let mut unneeded = self.files.unneeded(&files).await?;
        if let Some(store) = &self.images {
            match store.unneeded(&images).await {
                Ok(more) => unneeded.extend(more),
                Err(error) => without_engine(error, &images)?,
            }
        }
        Ok(unneeded)
    }
}
