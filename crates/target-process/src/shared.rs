//! What every part of one target shares, and the one door to it: the lock on the state folder.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bascule_engine::ports::{Clock, PortError, SlotRef, Vault};
use bascule_instances::secret_files::{Readers, SecretFiles};
use bascule_model::evidence::InstanceStatus;
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId};
use tokio::sync::{OwnedMutexGuard, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use crate::artifact::ArtifactStore;
use crate::error::ProcessError;
use crate::instance::port::Ports;
use crate::slot::StandingSlot;
use crate::state::fence::Fence;
use crate::state::layout::Layout;
use crate::sys::cgroup::ControlGroups;

/// An instance's address or state is another than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it stands.
    pub slot: SlotRef,
    /// What it is now.
    pub instance: InstanceStatus,
}

/// A release of an environment stands in one slot at most: these two name it.
pub(crate) type Place = (EnvironmentKey, ReleaseId);

/// How many processes are made at the same time.
const LAUNCHES_AT_ONCE: usize = 4;
/// So many changes wait for a slow reader before it has to look for itself.
const CHANGES_KEPT: usize = 1024;

/// One target's own.
pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) state_id: String,
    /// `PATH`, `HOME`, `LANG`, `TZ` of the wiring.
    pub(crate) environment: BTreeMap<String, String>,
    /// Bytes a log may have before it is rotated.
    pub(crate) log_limit: u64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) artifacts: Arc<ArtifactStore>,
    pub(crate) vault: Arc<dyn Vault>,
    /// Secrets that are files.
    pub(crate) secret_files: SecretFiles,
    pub(crate) boot: String,
    pub(crate) ports: Ports,
    pub(crate) groups: ControlGroups,
    pub(crate) changes: broadcast::Sender<Change>,
    pub(crate) launches: Arc<Semaphore>,
    /// Held for reading while logs are read, for writing while one is rotated.
    pub(crate) logs: RwLock<()>,
    /// The end of this target; the instances go on.
    pub(crate) closing: CancellationToken,
    fence: Fence,
    slots: Mutex<HashMap<Place, Arc<StandingSlot>>>,
    operations: Mutex<HashMap<Place, Arc<tokio::sync::Mutex<()>>>>,
    /// While this is open nobody else supervises. A child that was forked and has not become its app yet holds it too: whoever
    /// gets it after a death finds every process in its record.
    _lock: File,
}

/// What [`Shared`] is made of; see [`crate::ProcessOptions`].
pub(crate) struct Parts {
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) log_limit: u64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) artifacts: Arc<ArtifactStore>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) memory_folders: Vec<PathBuf>,
    pub(crate) boot: String,
    pub(crate) lock: File,
}

impl Shared {
    pub(crate) fn new(state: &Path, state_id: String, parts: Parts) -> Self {
        // Containers of the same state folder have a folder of their own beside it.
        let owner = format!("{state_id}-processes");
        Self {
            layout: Layout::new(state),
            groups: ControlGroups::detect(&state_id),
            state_id,
            environment: parts.environment,
            log_limit: parts.log_limit,
            clock: parts.clock,
            artifacts: parts.artifacts,
            vault: parts.vault,
            secret_files: SecretFiles::new(parts.memory_folders, owner, Readers::Owner),
            boot: parts.boot,
            ports: Ports::default(),
            changes: broadcast::channel(CHANGES_KEPT).0,
            launches: Arc::new(Semaphore::new(LAUNCHES_AT_ONCE)),
            logs: RwLock::new(()),
            closing: CancellationToken::new(),
            fence: Fence::default(),
            slots: Mutex::default(),
            operations: Mutex::default(),
            _lock: parts.lock,
        }
    }

    /// Waits for its turn at a place: one operation there at a time. Then lets nobody with a lower generation pass.
    pub(crate) async fn turn(
        self: &Arc<Self>,
        place: &Place,
        generation: Generation,
    ) -> Result<OwnedMutexGuard<()>, PortError> {
        let operation = {
            let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(operations.entry(place.clone()).or_default())
        };
        let turn = operation.lock_owned().await;
        let (shared, key) = (Arc::clone(self), place.0.clone());
        blocking("checking the lease", move || Ok(shared.fence.pass(&shared.layout, &key, generation)))
            .await??;
        Ok(turn)
    }

    pub(crate) fn slot(&self, place: &Place) -> Option<Arc<StandingSlot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    pub(crate) fn insert(&self, place: Place, slot: Arc<StandingSlot>) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).insert(place, slot);
    }

    pub(crate) fn remove(&self, place: &Place) -> Option<Arc<StandingSlot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(place)
    }

    /// Removes the control groups around the instances' own, when no instance has one.
    pub(crate) fn tidy_groups(&self) {
        self.groups.tidy();
    }

    pub(crate) fn standing(&self) -> Vec<Arc<StandingSlot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Does work that waits for the disk or the kernel outside of the event loop.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, ProcessError> + Send + 'static,
) -> Result<T, ProcessError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ProcessError::Lost { what }))
}
