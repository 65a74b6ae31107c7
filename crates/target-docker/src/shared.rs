//! What every part of one target shares.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bascule_engine::ports::{Clock, PortError, Vault};
use bascule_engine::turns::Turns;
use bascule_instances::fence::Fence;
use bascule_instances::layout::Layout;
use bascule_instances::secret_files::{Readers, SecretFiles};
use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId};
use tokio::sync::{OnceCell, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::error::{DockerError, lost};
use crate::link::Link;
use crate::slot::StandingSlot;

/// How the edge gets to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// By the container's own address: nothing is published.
    Address,
    /// By a port that is published on 127.0.0.1.
    Published,
}

/// A release of an environment stands in one slot at most: these two name it.
pub(crate) type Place = (EnvironmentKey, ReleaseId);

/// One target's own.
pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) state_id: String,
    pub(crate) connection: Arc<Connection>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) link: Link,
    /// Secrets that are files.
    pub(crate) secret_files: SecretFiles,
    /// The end of this target; the containers go on.
    pub(crate) closing: CancellationToken,
    /// Addresses that instances have, by environment.
    pub(crate) given: Mutex<HashMap<EnvironmentKey, HashSet<Ipv4Addr>>>,
    /// The numbers of users, by image and name.
    pub(crate) users: Mutex<HashMap<(String, String), Option<i64>>>,
    forced_reach: Option<Reach>,
    reach: OnceCell<Reach>,
    fence: Fence,
    slots: Mutex<HashMap<Place, Arc<StandingSlot>>>,
    operations: Mutex<HashMap<Place, Arc<tokio::sync::Mutex<()>>>>,
    networks: Turns,
    /// While this is open nobody else supervises.
    _lock: File,
}

/// What [`Shared`] is made of; see [`crate::DockerOptions`].
pub(crate) struct Parts {
    pub(crate) layout: Layout,
    pub(crate) state_id: String,
    pub(crate) connection: Arc<Connection>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) memory_folders: Vec<PathBuf>,
    pub(crate) reach: Option<Reach>,
    pub(crate) lock: File,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            layout: parts.layout,
            secret_files: SecretFiles::new(parts.memory_folders, parts.state_id.clone(), Readers::Anyone),
            state_id: parts.state_id,
            connection: parts.connection,
            clock: parts.clock,
            vault: parts.vault,
            link: Link::default(),
            closing: CancellationToken::new(),
            given: Mutex::default(),
            users: Mutex::default(),
            forced_reach: parts.reach,
            reach: OnceCell::new(),
            fence: Fence::default(),
            slots: Mutex::default(),
            operations: Mutex::default(),
            networks: Turns::default(),
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
        blocking("the check of the lease", move || Ok(shared.fence.pass(&shared.layout, &key, generation)))
            .await??;
        Ok(turn)
    }

    /// One at a time makes or removes an environment's network.
    pub(crate) fn network_turn(&self, key: &EnvironmentKey) -> Arc<tokio::sync::Mutex<()>> {
        self.networks.of(key)
    }

    /// How instances are reached here: as the wiring says, else by address where the engine runs on this very machine as root.
    pub(crate) async fn reach(&self, patience: Duration) -> Result<Reach, DockerError> {
        if let Some(forced) = self.forced_reach {
            return Ok(forced);
        }
        let ask = async {
            let until = tokio::time::Instant::now() + patience;
            loop {
                match self.connection.facts().await {
                    Ok(facts) if facts.rootless || facts.desktop => return Ok(Reach::Published),
                    Ok(_) => return Ok(Reach::Address),
                    Err(error) if error.is_passing() && tokio::time::Instant::now() < until => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        self.reach.get_or_try_init(|| ask).await.copied()
    }

    /// How they are reached, where that is known already.
    pub(crate) fn known_reach(&self) -> Option<Reach> {
        self.forced_reach.or_else(|| self.reach.get().copied())
    }

    /// An address that an instance does not need any more.
    pub(crate) fn give_back(&self, key: &EnvironmentKey, address: Ipv4Addr) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(given) = given.get_mut(key) {
            given.remove(&address);
        }
    }

    /// An address that an instance has from before.
    pub(crate) fn keep_address(&self, key: &EnvironmentKey, address: Ipv4Addr) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.entry(key.clone()).or_default().insert(address);
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
}

/// Does work that waits for the disk outside of the event loop.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, DockerError> + Send + 'static,
) -> Result<T, DockerError> {
    tokio::task::spawn_blocking(work).await.map_err(lost(what))?
}
