//! What instances and traffic share: the records, the fence, and the clusters that were reached.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bascule_engine::ports::{Clock, Namespace, PortError, Vault};
use bascule_engine::turns::Turns;
use bascule_instances::fence::Fence;
use bascule_instances::layout::Layout;
use bascule_model::ids::{EnvironmentKey, Generation};
use bascule_model::release;
use k8s_openapi::api::coordination::v1::Lease;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::lease::Holding;
use crate::watched::Watched;

/// What the target works with.
pub struct KubernetesOptions {
    /// The state folder.
    pub state_dir: PathBuf,
    /// Tells the objects of those who write to one journal from those of others in the same namespace.
    pub state_id: String,
    /// Tells this state folder from others that write to the same journal.
    pub home: String,
    /// Who we are at which API server.
    pub access: Access,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seals what is kept of a slot.
    pub vault: Arc<dyn Vault>,
}

/// A context and a namespace of it.
type Place = (Option<String>, String);

/// The clusters of all environments, each reached when it is first needed. Dropping it ends the watching.
pub struct Clusters {
    pub(crate) layout: Layout,
    pub(crate) state_id: String,
    /// Who the objects of environments say that they are of, where those were taken over.
    owners: Mutex<HashMap<EnvironmentKey, String>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vault: Arc<dyn Vault>,
    access: Access,
    fence: Fence,
    reached: Mutex<HashMap<Place, Arc<Cluster>>>,
    watched: Mutex<HashMap<Place, Arc<Watched>>>,
    /// What the account may do in which namespace.
    pub(crate) allowed: Mutex<HashSet<(Place, String)>>,
    /// The Leases that this control plane has.
    pub(crate) held: Mutex<HashMap<EnvironmentKey, Holding>>,
    /// The Leases that it gave back, as they were then left.
    pub(crate) given_back: Mutex<HashMap<EnvironmentKey, Lease>>,
    /// The versions of what is kept of runs, as they were written last; none of one that was not there.
    pub(crate) mirrored: Mutex<HashMap<EnvironmentKey, Option<String>>>,
    /// Environments of which nothing is kept, and nothing is left from before.
    pub(crate) unmirrored: Mutex<HashSet<EnvironmentKey>>,
    /// Who changes what belongs to an environment's services, one after the other.
    turns: Turns,
    /// Who notes on disk what stands in a slot, one after the other: a run may begin it as the keeper recalls it.
    pub(crate) noting: Mutex<()>,
    /// How often scalers were to follow an environment's traffic: who is not the last one gives up.
    following: Mutex<HashMap<EnvironmentKey, u64>>,
    home: String,
    /// Tells what this control plane attends to from what one before it has left behind.
    pub(crate) process: String,
    /// How many names were given.
    named: AtomicU64,
    pub(crate) closing: CancellationToken,
}

impl Clusters {
    /// None is asked yet.
    #[must_use]
    pub fn new(options: KubernetesOptions) -> Arc<Self> {
        let closing = CancellationToken::new();
        let process = format!("{}/{:x}", options.home, options.clock.now().as_nanosecond());
        Arc::new(Self {
            layout: Layout::new(&options.state_dir),
            state_id: options.state_id,
            owners: Mutex::default(),
            clock: options.clock,
            vault: options.vault,
            access: options.access,
            fence: Fence::default(),
            reached: Mutex::default(),
            watched: Mutex::default(),
            allowed: Mutex::default(),
            held: Mutex::default(),
            given_back: Mutex::default(),
            mirrored: Mutex::default(),
            unmirrored: Mutex::default(),
            turns: Turns::default(),
            noting: Mutex::default(),
            following: Mutex::default(),
            home: options.home,
            process,
            named: AtomicU64::new(0),
            closing,
        })
    }

    /// What an environment's objects say of who made them.
    pub(crate) fn owner(&self, key: &EnvironmentKey) -> String {
        lock(&self.owners).get(key).unwrap_or(&self.state_id).clone()
    }

    /// An environment's objects are of that owner; none: of this state folder.
    pub(crate) fn owned_by(&self, key: &EnvironmentKey, owner: Option<&str>) {
        let mut owners = lock(&self.owners);
        match owner {
            Some(owner) => drop(owners.insert(key.clone(), owner.to_owned())),
            None => drop(owners.remove(key)),
        }
    }

    /// The way to an environment's namespace. What a kubeconfig says is read once.
    pub(crate) async fn reach(&self, cluster: &release::Cluster) -> Result<Arc<Cluster>, KubernetesError> {
        let (context, name) = place(cluster);
        self.reach_namespace(&Namespace { context, name }).await
    }

    /// The way to a namespace.
    pub(crate) async fn reach_namespace(
        &self,
        Namespace { context, name }: &Namespace,
    ) -> Result<Arc<Cluster>, KubernetesError> {
        let place = (context.clone(), name.clone());
        if let Some(reached) = lock(&self.reached).get(&place) {
            return Ok(Arc::clone(reached));
        }
        let client = self.access.client(context.as_deref()).await?;
        let reached = Arc::new(Cluster::new(client, name.clone(), self.closing.clone()));
        Ok(Arc::clone(lock(&self.reached).entry(place).or_insert(reached)))
    }

    /// What is known of our pods and Deployments there; watched from the first time on.
    pub(crate) async fn watch(&self, cluster: &release::Cluster) -> Result<Arc<Watched>, KubernetesError> {
        let reached = self.reach(cluster).await?;
        let mut all = lock(&self.watched);
        let watched =
            all.entry(place(cluster)).or_insert_with(|| Watched::begin(&reached, self.closing.clone()));
        Ok(Arc::clone(watched))
    }

    /// Held by whoever changes what belongs to an environment's services and not to a release.
    pub(crate) fn turn(&self, key: &EnvironmentKey) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.of(key)
    }

    /// The number of who is to have an environment's scalers follow its traffic now.
    pub(crate) fn begin_following(&self, key: &EnvironmentKey) -> u64 {
        let mut all = lock(&self.following);
        let number = all.entry(key.clone()).or_default();
        *number += 1;
        *number
    }

    /// Whether nobody else was told to after that one.
    pub(crate) fn is_following(&self, key: &EnvironmentKey, number: u64) -> bool {
        lock(&self.following).get(key) == Some(&number)
    }

    /// Whether that control plane was one of this state folder before this one.
    pub(crate) fn is_before_us(&self, process: &str) -> bool {
        process.split_once('/').is_some_and(|(home, _)| home == self.home) && process != self.process
    }

    /// Something that nobody was called before.
    pub(crate) fn unique(&self) -> String {
        format!("{}/{}/{}", self.state_id, self.process, self.named.fetch_add(1, Ordering::Relaxed))
    }

    /// Passes this lease or a higher one than before. Blocks for a moment.
    pub(crate) fn pass(&self, key: &EnvironmentKey, fence: Generation) -> Result<(), PortError> {
        self.fence.pass(&self.layout, key, fence)
    }
}

impl Drop for Clusters {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

/// Where an environment is.
pub(crate) fn place(cluster: &release::Cluster) -> Place {
    (cluster.context.clone(), cluster.namespace.clone())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
