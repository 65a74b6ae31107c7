//! Our pods and Deployments of a namespace as the API server tells of them, so that looking at them asks nobody.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::names;
use crate::shared::lock;

/// So long the first list may take before it is said that nothing is known.
const FIRST_LIST: Duration = Duration::from_secs(10);
/// Between a watch that broke and the next.
const AGAIN: Duration = Duration::from_millis(500);

/// Objects of one kind, by name.
struct Kept<K> {
    objects: Mutex<HashMap<String, K>>,
    /// Whether a list has ended.
    listed: watch::Sender<bool>,
    /// Why the watch broke last; none while it holds.
    trouble: Mutex<Option<String>>,
}

impl<K> Default for Kept<K> {
    fn default() -> Self {
        Self { objects: Mutex::default(), listed: watch::Sender::new(false), trouble: Mutex::default() }
    }
}

/// What is known of a namespace.
pub(crate) struct Watched {
    pods: Arc<Kept<Pod>>,
    deployments: Arc<Kept<Deployment>>,
    /// Which number each pod was given, by UID: a pod keeps its number while it is there.
    pub(crate) numbers: Mutex<HashMap<String, u32>>,
}

impl Watched {
    /// Watches until `closing`.
    pub(crate) fn begin(cluster: &Cluster, closing: CancellationToken) -> Arc<Self> {
        let watched =
            Arc::new(Self { pods: Arc::default(), deployments: Arc::default(), numbers: Mutex::default() });
        follow(cluster, Arc::clone(&watched.pods), closing.clone());
        follow(cluster, Arc::clone(&watched.deployments), closing);
        watched
    }

    /// Our pods and Deployments that fit; none while nothing is known, and why.
    pub(crate) async fn find(&self, labels: &[(&str, &str)]) -> Result<(Vec<Pod>, Vec<Deployment>), String> {
        Ok((self.pods.find(labels).await?, self.deployments.find(labels).await?))
    }

    /// The UIDs of all our pods that are there.
    pub(crate) fn pod_uids(&self) -> HashSet<String> {
        lock(&self.pods.objects).values().filter_map(ResourceExt::uid).collect()
    }

    /// Why what is known may be old; none while the watch holds.
    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.pods.trouble).clone().or_else(|| lock(&self.deployments.trouble).clone())
    }
}

impl<K: Resource + Clone> Kept<K> {
    async fn find(&self, labels: &[(&str, &str)]) -> Result<Vec<K>, String> {
        let mut listed = self.listed.subscribe();
        if tokio::time::timeout(FIRST_LIST, listed.wait_for(|listed| *listed)).await.is_err() {
            return Err(lock(&self.trouble)
                .clone()
                .unwrap_or_else(|| "the API server does not answer".to_owned()));
        }
        let all = lock(&self.objects);
        let fits = |object: &&K| {
            labels.iter().all(|(name, value)| object.labels().get(*name).is_some_and(|it| it == value))
        };
        Ok(all.values().filter(fits).cloned().collect())
    }
}

fn follow<K>(cluster: &Cluster, kept: Arc<Kept<K>>, closing: CancellationToken)
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Default,
{
    let api = cluster.api::<K>();
    let following = async move {
        let config = watcher::Config::default().labels(names::OURS);
        let mut events = std::pin::pin!(watcher(api, config));
        let mut listing: HashMap<String, K> = HashMap::new();
        while let Some(event) = events.next().await {
            let broke = event.is_err();
            match event {
                Ok(Event::Init) => listing.clear(),
                Ok(Event::InitApply(object)) => {
                    listing.insert(object.name_any(), object);
                }
                Ok(Event::InitDone) => {
                    *lock(&kept.objects) = std::mem::take(&mut listing);
                    kept.listed.send_replace(true);
                }
                Ok(Event::Apply(object)) => {
                    lock(&kept.objects).insert(object.name_any(), object);
                }
                Ok(Event::Delete(object)) => {
                    lock(&kept.objects).remove(&object.name_any());
                }
                Err(error) => *lock(&kept.trouble) = Some(error.to_string()),
            }
            if broke {
                tokio::time::sleep(AGAIN).await;
            } else {
                *lock(&kept.trouble) = None;
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = following => {}
        }
    });
}
