//! The process target: the engine's port, and what it takes to open it.

mod adopt;
mod exec;
mod observe;
mod output;
mod prune;
mod rotation;
mod start;
mod stop;
mod task;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bascule_engine::ports::{
    Clock, ExecSession, ExecSpec, LogLines, LogQuery, PortError, SlotRef, SlotSpec, Target, TaskSpec,
    Unneeded, Vault,
};
use bascule_model::evidence::InstanceStatus;
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId};
use bascule_model::release::Release;
use tokio::sync::broadcast;

use crate::artifact::ArtifactStore;
use crate::error::ProcessError;
use crate::shared::{Change, Parts, Shared, blocking};
use crate::state::layout::{self, Layout};
use crate::supervise::port_watch;
use crate::sys::boot;
use crate::sys::cgroup::Controller;

/// The usual length of a log before it is rotated, in bytes.
pub const LOG_LIMIT: u64 = 10 * 1024 * 1024;

/// What a target works with.
pub struct ProcessOptions {
    /// The state folder.
    pub state_dir: PathBuf,
    /// Tells this state folder's processes from those of another one on the same machine: letters, digits and `-`.
    pub state_id: String,
    /// `PATH`, `HOME`, `LANG` and `TZ` for instances; anything else in it is left out.
    pub environment: BTreeMap<String, String>,
    /// Bytes a log may have before it is rotated ([`LOG_LIMIT`]); three older parts of this length are kept.
    pub log_limit: u64,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where releases' files come from.
    pub artifacts: Arc<ArtifactStore>,
    /// Seals the configurations that restarts need.
    pub vault: Arc<dyn Vault>,
    /// Folders for secrets that are files, the best first; the first that lies in memory and is this user's is used.
    pub memory_folders: Vec<PathBuf>,
}

/// Runs instances as processes of this machine. Dropping it ends the supervision; the instances go on, and the next
/// [`ProcessTarget::open`] takes them over.
pub struct ProcessTarget {
    shared: Arc<Shared>,
}

impl ProcessTarget {
    /// Opens a state folder's target and takes over every instance that its records name: those that run are watched from here
    /// on, those that do not are started again by the restart rules. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the state folder cannot be used, its records are damaged, or another control plane supervises it.
    pub async fn open(options: ProcessOptions) -> Result<Arc<Self>, ProcessError> {
        layout::component(&options.state_id)?;
        let lock = bascule_instances::lock::take(Layout::new(&options.state_dir).lock()).await?;
        let parts = Parts {
            environment: options.environment,
            log_limit: options.log_limit,
            clock: options.clock,
            artifacts: options.artifacts,
            vault: options.vault,
            memory_folders: options.memory_folders,
            boot: boot::id()?,
            lock,
        };
        let shared = Arc::new(Shared::new(&options.state_dir, options.state_id, parts));
        let target = Arc::new(Self { shared });
        adopt::adopt(&target.shared).await?;
        rotation::begin(&target.shared);
        Ok(target)
    }

    /// Every change of an instance's address or state from now on. Whoever falls behind by more than a thousand is told so by the
    /// channel and has to observe anew.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }
}

impl Drop for ProcessTarget {
    fn drop(&mut self) {
        self.shared.closing.cancel();
    }
}

/// Runs an operation to its end also when the caller gives up waiting: half an operation is of no use to anybody.
async fn to_its_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, PortError>> + Send + 'static,
) -> Result<T, PortError> {
    tokio::spawn(operation).await.unwrap_or(Err(ProcessError::Lost { what: "an operation" }.into()))
}

#[async_trait]
impl Target for ProcessTarget {
    async fn warnings(&self, release: &Release) -> Vec<String> {
        let (shared, release) = (Arc::clone(&self.shared), release.clone());
        blocking("looking for control groups", move || Ok(warnings(&shared, &release)))
            .await
            .unwrap_or_default()
    }

    async fn start(&self, fence: Generation, spec: &SlotSpec) -> Result<Vec<InstanceStatus>, PortError> {
        let (shared, spec) = (Arc::clone(&self.shared), spec.clone());
        to_its_end(async move { start::start(&shared, fence, spec).await }).await
    }

    async fn observe(&self, slot: &SlotRef) -> Result<Vec<InstanceStatus>, PortError> {
        observe::observe(&self.shared, slot).await
    }

    async fn stop(&self, fence: Generation, slot: &SlotRef) -> Result<(), PortError> {
        let (shared, slot) = (Arc::clone(&self.shared), slot.clone());
        to_its_end(async move { stop::stop(&shared, fence, &slot).await }).await
    }

    async fn slots(&self) -> Result<Vec<SlotRef>, PortError> {
        let shared = Arc::clone(&self.shared);
        Ok(blocking("listing slots", move || adopt::recorded(&shared))
            .await?
            .into_iter()
            .map(|(slot, _)| slot)
            .collect())
    }

    async fn logs(&self, key: &EnvironmentKey, query: &LogQuery) -> Result<Vec<LogLines>, PortError> {
        let (shared, key, query) = (Arc::clone(&self.shared), key.clone(), query.clone());
        Ok(blocking("reading logs", move || output::last(&shared, &key, &query)).await?)
    }

    async fn logs_after(
        &self,
        key: &EnvironmentKey,
        instance: &InstanceId,
        position: u64,
    ) -> Result<LogLines, PortError> {
        let (shared, key, instance) = (Arc::clone(&self.shared), key.clone(), instance.clone());
        Ok(blocking("reading logs", move || output::after(&shared, &key, &instance, position)).await?)
    }

    async fn explain(&self, slot: &SlotRef, instance: &InstanceId) -> Option<String> {
        let standing = self.shared.slot(&(slot.key.clone(), slot.release.clone()))?;
        let instance = Arc::clone(standing.instance(instance)?);
        let shared = Arc::clone(&self.shared);
        blocking("looking at sockets", move || Ok(port_watch::explain(&shared, &instance))).await.ok()?
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

    async fn forget_tasks(&self, _: Generation, release: &Release, _: &SlotRef) -> Result<(), PortError> {
        task::forget(&self.shared, release).await
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

fn warnings(shared: &Shared, release: &Release) -> Vec<String> {
    let named = |asks: &dyn Fn(&bascule_model::release::Limits) -> bool| {
        let names: Vec<&str> = release
            .services
            .iter()
            .filter(|service| asks(&service.limits))
            .map(|service| service.name.as_str())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let memory = named(&|limits| limits.memory.is_some()).map(|names| (Controller::Memory, "memory", names));
    let cpu = named(&|limits| limits.cpu_millis.is_some()).map(|names| (Controller::Cpu, "cpu", names));
    let said = [memory, cpu].into_iter().flatten().filter_map(|(controller, what, names)| {
        let reason = shared.groups.refusal(controller)?;
        Some(format!("the {what} limit of {names} cannot be kept on this machine: {reason}"))
    });
    let said = said.collect();
    shared.tidy_groups();
    said
}
