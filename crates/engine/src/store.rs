//! The store of artifacts, with a rule: nothing is removed while something is made or looked for.
//!
//! A prune asks what is kept, and then removes the rest. What a run makes or finds in between is in nobody's list, and would go.

use std::sync::Arc;

use async_trait::async_trait;
use bascule_model::plan::ArtifactPlan;
use bascule_model::release::{Configuration, Source};
use tokio::sync::{RwLock, RwLockWriteGuard};

use crate::ports::{Artifacts, Made, Making, PortError, Presence, Unneeded};

/// The store.
pub(crate) struct Store {
    artifacts: Arc<dyn Artifacts>,
    /// Read by who makes and looks for artifacts, written by who removes them.
    use_of: RwLock<()>,
}

/// The store for oneself: whoever wants to make or find something waits for as long as this lives.
pub(crate) struct Alone<'a>(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'a, ()>);

impl Store {
    pub(crate) fn new(artifacts: Arc<dyn Artifacts>) -> Self {
        Self { artifacts, use_of: RwLock::new(()) }
    }

    /// The store for oneself; none while somebody is at it. A build may take an hour, and a prune comes after every run.
    pub(crate) fn alone(&self) -> Option<Alone<'_>> {
        self.use_of.try_write().ok().map(Alone)
    }
}

#[async_trait]
impl Artifacts for Store {
    async fn survey(&self, source: &Source, values: &Configuration) -> Result<ArtifactPlan, PortError> {
        self.artifacts.survey(source, values).await
    }

    async fn make(&self, making: &Making<'_>) -> Result<Made, PortError> {
        let _in_use = self.use_of.read().await;
        self.artifacts.make(making).await
    }

    async fn verify(&self, digest: &str, values: &Configuration) -> Result<Presence, PortError> {
        let _in_use = self.use_of.read().await;
        self.artifacts.verify(digest, values).await
    }

    async fn prune(&self, keep: &[String]) -> Result<(), PortError> {
        self.artifacts.prune(keep).await
    }

    async fn unneeded(&self, keep: &[String]) -> Result<Vec<Unneeded>, PortError> {
        self.artifacts.unneeded(keep).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    /// Whose answers wait for a permit each.
    struct Slow(Semaphore);

    #[async_trait]
    impl Artifacts for Slow {
        async fn survey(&self, _: &Source, _: &Configuration) -> Result<ArtifactPlan, PortError> {
            Ok(ArtifactPlan::None)
        }

        async fn make(&self, _: &Making<'_>) -> Result<Made, PortError> {
            Ok(Made { digest: String::new(), says: None })
        }

        async fn verify(&self, _: &str, _: &Configuration) -> Result<Presence, PortError> {
            self.0.acquire().await.unwrap().forget();
            Ok(Presence::Whole)
        }

        async fn prune(&self, _: &[String]) -> Result<(), PortError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_removes_and_who_looks_are_never_there_together() {
        let slow = Arc::new(Slow(Semaphore::new(0)));
        let store = Arc::new(Store::new(Arc::clone(&slow) as Arc<dyn Artifacts>));
        let looks = |store: &Arc<Store>| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.verify("", &Configuration::default()).await.unwrap() })
        };
        let alone = store.alone().unwrap();
        slow.0.add_permits(1);
        let first = looks(&store);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(!first.is_finished(), "it looked while somebody removed");
        drop(alone);
        first.await.unwrap();
        let second = looks(&store);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(store.alone().is_none(), "it was removed from while somebody looked");
        slow.0.add_permits(1);
        second.await.unwrap();
        assert!(store.alone().is_some());
    }
}
