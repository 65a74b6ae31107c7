//! Probes the instances that stand in slots, at their interval, all the time. Who fails too often is left out by the edge until it
//! answers again; `status` shows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bascule_engine::ports::{Checker, Clock};
use bascule_model::evidence::Status;
use bascule_model::ids::{EnvironmentKey, InstanceId};
use bascule_model::release::{Health, Probe};

/// What the last probes of an instance came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// None until enough probes agree.
    pub healthy: Option<bool>,
    /// What the last probe said.
    pub detail: String,
}

#[derive(Debug, Clone)]
struct Watched {
    address: std::net::SocketAddr,
    verdict: Verdict,
    good: u32,
    bad: u32,
    due: Duration,
    asking: bool,
}

/// All instances that are watched.
#[derive(Clone, Default)]
pub struct HealthWatch(Arc<Mutex<HashMap<InstanceId, Watched>>>);

/// An instance to be watched.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its environment.
    pub key: EnvironmentKey,
    /// Its name.
    pub id: InstanceId,
    /// Where it answers.
    pub address: std::net::SocketAddr,
    /// How it is asked.
    pub health: Health,
}

/// An instance whose verdict changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its environment.
    pub key: EnvironmentKey,
    /// Which one.
    pub id: InstanceId,
    /// The new verdict.
    pub healthy: bool,
}

impl HealthWatch {
    /// What is known of an instance.
    #[must_use]
    pub fn verdict(&self, id: &InstanceId) -> Option<Verdict> {
        self.all().get(id).map(|watched| watched.verdict.clone())
    }

    /// Watches exactly these from now on and probes those that are due. Answers whose verdict changed since the last call.
    pub async fn round(
        &self,
        subjects: &[Subject],
        checker: &Arc<dyn Checker>,
        clock: &Arc<dyn Clock>,
    ) -> Vec<Changed> {
        let now = clock.elapsed();
        let due = self.due(subjects, now);
        let before: HashMap<InstanceId, Option<bool>> = due
            .iter()
            .map(|subject| (subject.id.clone(), self.verdict(&subject.id).and_then(|v| v.healthy)))
            .collect();
        let mut probes = tokio::task::JoinSet::new();
        for subject in due {
            let checker = checker.clone();
            probes.spawn(async move {
                let result = checker.probe(subject.address, &subject.health).await;
                (subject, result)
            });
        }
        let mut changed = Vec::new();
        while let Some(Ok((subject, result))) = probes.join_next().await {
            let after = self.take(&subject, result.status, result.detail);
            let was = before.get(&subject.id).copied().flatten();
            if let Some(healthy) = after
                && was != Some(healthy)
            {
                changed.push(Changed { key: subject.key, id: subject.id, healthy });
            }
        }
        changed
    }

    fn due(&self, subjects: &[Subject], now: Duration) -> Vec<Subject> {
        let mut all = self.all();
        all.retain(|id, _| subjects.iter().any(|subject| subject.id == *id));
        let mut due = Vec::new();
        for subject in subjects.iter().filter(|subject| subject.health.probe != Probe::Uptime) {
            let watched = all.entry(subject.id.clone()).or_insert_with(|| Watched {
                address: subject.address,
                verdict: Verdict { healthy: None, detail: String::new() },
                good: 0,
                bad: 0,
                due: now,
                asking: false,
            });
            watched.address = subject.address;
            if watched.due <= now && !watched.asking {
                watched.asking = true;
                watched.due = now + subject.health.interval;
                due.push(subject.clone());
            }
        }
        due
    }

    fn take(&self, subject: &Subject, status: Status, detail: String) -> Option<bool> {
        let mut all = self.all();
        let watched = all.get_mut(&subject.id)?;
        watched.asking = false;
        watched.verdict.detail = detail;
        if status == Status::Pass {
            watched.bad = 0;
            watched.good = watched.good.saturating_add(1);
            if watched.good >= subject.health.healthy_after {
                watched.verdict.healthy = Some(true);
            }
        } else {
            watched.good = 0;
            watched.bad = watched.bad.saturating_add(1);
            if watched.bad >= subject.health.unhealthy_after {
                watched.verdict.healthy = Some(false);
            }
        }
        watched.verdict.healthy
    }

    fn all(&self) -> MutexGuard<'_, HashMap<InstanceId, Watched>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
