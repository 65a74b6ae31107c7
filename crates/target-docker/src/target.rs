//! The Docker target: the engine's port, and what it takes to open it.

mod adopt;
mod observe;
mod output;
mod prune;
mod start;
mod stop;
mod task;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use bascule_engine::ports::{
    Clock, ExecSession, ExecSpec, LogLines, LogQuery, PortError, SlotRef, SlotSpec, Target, TaskSpec,
    Unneeded, Vault,
};
use bascule_instances::layout::{self, Layout};
use bascule_instances::{lock, records};
use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId};
use bascule_model::release::{Release, TargetKind};

use crate::connection::Connection;
use crate::error::{DockerError, lost};
use crate::shared::{Parts, Reach, Shared, blocking};
use crate::{exec, link, listening, warnings};

/// What a target works with.
pub struct DockerOptions {
    /// The state folder.
    pub state_dir: PathBuf,
    /// Tells this state folder's containers from those of another one on the same engine: letters, digits and `-`.
    pub state_id: String,
    /// The way to the engine.
    pub connection: Arc<Connection>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seals the configurations that restarts need.
    pub vault: Arc<dyn Vault>,
    /// How instances are reached; none: as fits the engine.
    pub reach: Option<Reach>,
    /// Folders for secrets that are files, the best first; the first that lies in memory and is this user's is used.
    pub memory_folders: Vec<PathBuf>,
}

/// Runs instances as containers. Dropping it ends the supervision; the containers go on, and the next [`DockerTarget::open`]
/// takes them over.
pub struct DockerTarget {
    shared: Arc<Shared>,
}

impl DockerTarget {
    /// Opens a state folder's target and takes over every container that its records name: those that run are watched from here
    /// on, those that do not are started again by the restart rules. The engine need not be there. Must be called on a tokio
    /// runtime.
    ///
    /// # Errors
    /// When the state folder cannot be used, or another control plane supervises it.
    pub async fn open(options: DockerOptions) -> Result<Arc<Self>, DockerError> {
        layout::component(&options.state_id)?;
        let layout = Layout::new(&options.state_dir);
        let lock = lock::take(layout.docker_lock()).await?;
        let shared = Arc::new(Shared::new(Parts {
            layout,
            state_id: options.state_id,
            connection: options.connection,
            clock: options.clock,
            vault: options.vault,
            memory_folders: options.memory_folders,
            reach: options.reach,
            lock,
        }));
        let target = Arc::new(Self { shared });
        let (listening, closing) = (Arc::clone(&target.shared), target.shared.closing.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = link::listen(listening) => {}
            }
        });
        adopt::adopt(&target.shared).await?;
        exec::forget_leftovers(&target.shared);
        Ok(target)
    }

    /// Whether what stands in the slot are containers of this target, by its records alone.
    pub fn stands(&self, slot: &SlotRef) -> bool {
        let folder = self.shared.layout.slot(&slot.key, &slot.release);
        folder.is_ok_and(|folder| matches!(records::slot(&folder, TargetKind::Docker), Ok(Some(_))))
    }

    /// Whether the instance is, or was, a container of this target, by its records alone.
    pub async fn knows(&self, key: &EnvironmentKey, instance: &InstanceId) -> bool {
        output::is_known(&self.shared, key, instance).await.unwrap_or_default()
    }
}

impl Drop for DockerTarget {
    fn drop(&mut self) {
        self.shared.closing.cancel();
    }
}

/// Runs an operation to its end also when the caller gives up waiting: half an operation is of no use to anybody.
async fn to_its_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, PortError>> + Send + 'static,
) -> Result<T, PortError> {
    tokio::spawn(operation).await.map_err(lost("an operation"))?
}

#[async_trait]
impl Target for DockerTarget {
    async fn warnings(&self, release: &Release) -> Vec<String> {
        warnings::of(&self.shared, release).await
    }

    async fn start(&self, fence: Generation, spec: &SlotSpec) -> Result<Vec<InstanceStatus>, PortError> {
        let (shared, spec) = (Arc::clone(&self.shared), spec.clone());
        to_its_end(async move { start::start(&shared, fence, spec).await }).await
    }

    async fn observe(&self, slot: &SlotRef) -> Result<Vec<InstanceStatus>, PortError> {
        Ok(observe::observe(&self.shared, slot).await?)
    }

    async fn stop(&self, fence: Generation, slot: &SlotRef) -> Result<(), PortError> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.clone());
        to_its_end(async move { stop::stop(&shared, fence, &slot).await }).await
    }

    async fn slots(&self) -> Result<Vec<SlotRef>, PortError> {
        let shared = Arc::clone(&self.shared);
        let found = blocking("the listing of slots", move || adopt::recorded(&shared)).await?;
        Ok(found.into_iter().map(|(slot, _)| slot).collect())
    }

    async fn logs(&self, key: &EnvironmentKey, query: &LogQuery) -> Result<Vec<LogLines>, PortError> {
        Ok(output::last(&self.shared, key, query).await?)
    }

    async fn logs_after(
        &self,
        key: &EnvironmentKey,
        instance: &InstanceId,
        position: u64,
    ) -> Result<LogLines, PortError> {
        Ok(output::after(&self.shared, key, instance, position).await?)
    }

    async fn explain(&self, slot: &SlotRef, instance: &InstanceId) -> Option<String> {
        let standing = self.shared.slot(&(slot.key.clone(), slot.release.clone()))?;
        let instance = standing.instance(instance)?;
        let port = instance.service.traffic.as_ref()?.port;
        let InstanceState::Running { pid } = instance.status.borrow().state else { return None };
        blocking("the look at sockets", move || Ok(listening::explain(pid, port))).await.ok()?
    }

    async fn drift(&self, slot: &SlotRef) -> Vec<String> {
        let Some(standing) = self.shared.slot(&(slot.key.clone(), slot.release.clone())) else {
            return Vec::new();
        };
        let now = self.shared.clock.now();
        let of = |instance: &Arc<crate::slot::Instance>| {
            instance.drift.lock().unwrap_or_else(PoisonError::into_inner).sentences(instance.id.as_str(), now)
        };
        standing.instances.iter().flat_map(of).collect()
    }

    async fn exec(&self, spec: &ExecSpec) -> Result<ExecSession, PortError> {
        exec::exec(&self.shared, spec).await
    }

    async fn run_task(
        &self,
        fence: Generation,
        spec: &SlotSpec,
        task: &TaskSpec,
    ) -> Result<ExecSession, PortError> {
        let (shared, spec, task) = (Arc::clone(&self.shared), spec.clone(), task.clone());
        to_its_end(async move { task::run(&shared, fence, spec, &task).await }).await
    }

    async fn forget_tasks(&self, fence: Generation, release: &Release, _: &SlotRef) -> Result<(), PortError> {
        task::forget(&self.shared, fence, release).await
    }

    async fn unneeded(&self, key: &EnvironmentKey, keep: &[ReleaseId]) -> Result<Vec<Unneeded>, PortError> {
        prune::unneeded(&self.shared, key, keep).await
    }

    async fn prune(
        &self,
        fence: Generation,
        key: &EnvironmentKey,
        keep: &[ReleaseId],
    ) -> Result<(), PortError> {
        let (shared, key, keep) = (Arc::clone(&self.shared), key.clone(), keep.to_vec());
        to_its_end(async move { prune::prune(&shared, fence, &key, &keep).await }).await
    }
}
