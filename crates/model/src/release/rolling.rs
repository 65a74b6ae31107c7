//! Releases that come instance by instance as the former one goes.

use serde::{Deserialize, Serialize};

use super::{Release, Service, TargetKind};

/// How far the number of a service's instances may be from what it is to be while one release takes another one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rolling {
    /// So many fewer may be ready, and never none.
    pub max_unavailable: u32,
    /// So many more may be there, at least 1.
    pub max_surge: u32,
}

impl Rolling {
    /// How many instances come before any user meets one of them, of as many as there are to be.
    #[must_use]
    pub fn first(self, of: u32) -> u32 {
        of.min(self.max_surge)
    }
}

impl Release {
    /// How this release takes the place of the one that is live, instance by instance; none where it stands beside it whole. Who goes
    /// that way has to have been made for it as well: its instances end without losing what users have asked of them.
    #[must_use]
    pub fn rolls_over(&self, live: &Self) -> Option<Rolling> {
        let in_clusters = [self, live].iter().all(|one| one.target == TargetKind::Kubernetes);
        let both = live.rollout.rolling.is_some() && in_clusters && self.id != live.id;
        self.rollout.rolling.filter(|_| both)
    }

    /// How many instances of a service are to be well before any user meets one of them.
    #[must_use]
    pub fn first_instances(&self, service: &Service, live: Option<&Self>) -> u32 {
        let replaced = live.filter(|live| live.service(&service.name).is_some_and(|one| one.instances > 0));
        let rolling = replaced.and_then(|live| self.rolls_over(live));
        rolling.map_or(service.instances, |rolling| rolling.first(service.instances))
    }
}
