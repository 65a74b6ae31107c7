//! What a test has in its hands: the cluster, its faults and its settings.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::core::{Controllers, Core};
use crate::faults::{Fault, Matcher};
use crate::kinds::Flavour;
use crate::listener::{self, Listener};
use crate::managers::Actor;
use crate::script::PodScript;
use crate::service::Service;
use crate::shared::Shared;
use crate::store::Key;
use crate::verbs::create::service_account;
use crate::write::{self, Ownership, Persist};

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// `deployments`, `pods/log`; empty for discovery.
    pub resource: String,
    /// Empty for lists, and for what gets its name from the server.
    pub name: String,
    /// Without the query.
    pub path: String,
    /// Answered, and not carried out (`dryRun=All`).
    pub dry_run: bool,
    /// Since the cluster was made.
    pub at: Duration,
}

/// How slices of endpoints follow their pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slices {
    /// At once.
    Prompt,
    /// This much later.
    Lag(Duration),
    /// They show only so many endpoints of each Service.
    Only(usize),
}

/// A Kubernetes cluster in memory. Clones are the same cluster.
#[derive(Debug, Clone)]
pub struct FakeCluster {
    pub(crate) shared: Shared,
    listener: Arc<Mutex<Option<Listener>>>,
}

impl FakeCluster {
    /// A cluster with the namespaces `default`, `kube-system` and `home`, in which names without a namespace are. Its
    /// time begins now.
    ///
    /// # Panics
    /// Outside a `tokio` runtime with time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "only tests use this crate; `at` takes a time")]
    pub fn new(flavour: Flavour, home: &str) -> Self {
        Self::at(flavour, home, Timestamp::now())
    }

    /// As [`FakeCluster::new`], with another beginning of time.
    #[must_use]
    pub fn at(flavour: Flavour, home: &str, epoch: Timestamp) -> Self {
        let cluster = Self {
            shared: Shared::new(Core::new(flavour, home, epoch)),
            listener: Arc::new(Mutex::new(None)),
        };
        for namespace in ["default", "kube-system", home] {
            cluster.namespace(namespace);
        }
        cluster
    }

    /// Makes a namespace, where it is not there.
    pub fn namespace(&self, name: &str) {
        let mut core = self.shared.lock();
        let resource = core.resource("namespaces");
        let key = Key::new("namespaces", "", name);
        let actor = Actor::update("kube-apiserver", "");
        let made =
            write::create(&mut core, resource, key, json!({}), &actor, Ownership::Update, Persist::Kept);
        if made.is_ok() {
            drop(service_account(&mut core, name));
        }
    }

    /// For a client in this process.
    #[must_use]
    pub fn service(&self) -> Service {
        Service { shared: self.shared.clone() }
    }

    /// Listens on a free port of 127.0.0.1, until the last clone of this value is dropped.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn listen(&self) -> SocketAddr {
        if let Some(address) = self.address() {
            return address;
        }
        let listener = listener::listen(self.shared.clone()).await;
        let address = listener.address;
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        address
    }

    fn address(&self) -> Option<SocketAddr> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|listener| listener.address)
    }

    /// A kubeconfig for the listener, with the context `fake` in the home namespace.
    ///
    /// # Panics
    /// Before [`FakeCluster::listen`].
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let address = self.address().expect("the cluster listens");
        let home = self.shared.lock().home.clone();
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\n\
             clusters:\n- name: fake\n  cluster:\n    server: http://{address}\n\
             users:\n- name: fake\n  user: {{}}\n\
             contexts:\n- name: fake\n  context:\n    cluster: fake\n    user: fake\n    namespace: {home}\n"
        )
    }

    /// What containers of an image do from now on; those that run as well.
    pub fn image(&self, image: &str, script: PodScript) {
        let mut core = self.shared.lock();
        core.settle();
        core.scripts.insert(image.to_owned(), script);
        core.unsettle();
        core.store.wake();
    }

    /// What containers of an image do that run this program, whatever others of the image do.
    pub fn program(&self, image: &str, program: &str, script: PodScript) {
        self.image(&Core::program_of(image, program), script);
    }

    /// Breaks calls from now on. Of several faults for one call the first that was set holds.
    pub fn fault(&self, matcher: Matcher, fault: Fault) {
        self.shared.lock().faults.add(matcher, fault);
    }

    /// Nothing is broken any more.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Takes a permission away: the call is answered with 403, and `SelfSubjectAccessReview` says so. `*` is any.
    pub fn deny(&self, verb: &str, resource: &str) {
        self.shared.lock().denied.push((verb.to_owned(), resource.to_owned()));
    }

    /// All permissions are back.
    pub fn allow_all(&self) {
        self.shared.lock().denied.clear();
    }

    /// How slices of endpoints follow their pods from now on.
    pub fn slices(&self, slices: Slices) {
        self.change(|core| {
            core.slices = slices;
            core.memory.forget_slices();
        });
    }

    /// How many endpoints one slice has at most; 100 where it is not said.
    pub fn endpoints_per_slice(&self, count: usize) {
        self.change(|core| core.endpoints_per_slice = count);
    }

    /// Controllers, scheduler and kubelet do nothing until [`FakeCluster::release_controllers`]: what a client sees
    /// before they came to it.
    pub fn hold_controllers(&self) {
        self.change(|core| core.controllers = Controllers::Held);
    }

    /// They work again.
    pub fn release_controllers(&self) {
        self.change(|core| core.controllers = Controllers::Working);
    }

    /// Forgets the history of changes: a watch from an older version is answered with 410.
    pub fn compact(&self) {
        self.shared.lock().store.compact();
    }

    /// Ends all watches that are open.
    pub fn end_watches(&self) {
        let mut core = self.shared.lock();
        core.watch_epoch += 1;
        core.store.wake();
    }

    /// From here on watches tell of a change so long after it.
    pub fn lag_watches(&self, lag: Duration) {
        self.shared.lock().watch_lag = lag;
    }

    /// The calls until now.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// Forgets the calls until now.
    pub fn forget_calls(&self) {
        self.shared.lock().calls.clear();
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Core)) {
        let mut core = self.shared.lock();
        core.settle();
        change(&mut core);
        core.unsettle();
        core.store.wake();
    }
}
