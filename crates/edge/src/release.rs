//! A release as the workers see it: its services and instances, how many requests are on it, whether it may get more.
//!
//! The count and the `closed` mark are written and read in one total order (`SeqCst`): a request counts itself first and then
//! looks at the mark, a switch sets the mark first and then looks at the count. So whoever saw a count of zero on a closed
//! release can rely on it: no request can come any more.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bascule_model::ids::{EnvironmentKey, InstanceId, ReleaseId, ServiceName, Slot};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics::counters::ServiceCounters;
use crate::metrics::report::{ReleaseMetrics, ServiceMetrics};
use crate::route::{Health, InstanceRoute, SlotRoute};

/// A release in a slot.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) key: EnvironmentKey,
    pub(crate) slot: Slot,
    pub(crate) id: ReleaseId,
    pub(crate) services: Box<[Service]>,
    epoch: u64,
    in_flight: AtomicU64,
    cut_upgraded: AtomicU64,
    closed: AtomicBool,
    drain_deadline: Mutex<Option<Instant>>,
    /// Told when a closed release has nothing in flight any more, and when it is opened again.
    pub(crate) changed: Notify,
}

/// A service of a release.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: ServiceName,
    pub(crate) path: String,
    pub(crate) health_path: Option<String>,
    pub(crate) instances: ArcSwap<Vec<Arc<Instance>>>,
    pub(crate) counters: ServiceCounters,
}

/// An instance, shared by all workers.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Unlike the id, never used twice in a process: what connections are pooled under.
    pub(crate) serial: u64,
    pub(crate) id: InstanceId,
    pub(crate) address: SocketAddr,
    pub(crate) in_flight: AtomicU32,
    passive: AtomicU8,
    active: AtomicU8,
}

const UP: u8 = 0;
const OUT: u8 = 1;

impl Instance {
    fn new(route: &InstanceRoute) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            id: route.id.clone(),
            address: route.address,
            in_flight: AtomicU32::new(0),
            passive: AtomicU8::new(UP),
            active: AtomicU8::new(UP),
        }
    }

    /// Whether it should get new requests while another one is left.
    pub(crate) fn is_usable(&self) -> bool {
        self.passive.load(Ordering::Relaxed) == UP && self.active.load(Ordering::Relaxed) == UP
    }

    pub(crate) fn is_out(&self) -> bool {
        self.passive.load(Ordering::Relaxed) == OUT
    }

    /// Leaves it out. True when it was in before: then somebody has to probe it.
    pub(crate) fn leave_out(&self) -> bool {
        self.passive.swap(OUT, Ordering::Relaxed) == UP
    }

    pub(crate) fn let_in(&self) {
        self.passive.store(UP, Ordering::Relaxed);
    }

    pub(crate) fn active_health(&self) -> Health {
        if self.active.load(Ordering::Relaxed) == UP { Health::Healthy } else { Health::Unhealthy }
    }

    pub(crate) fn set_active_health(&self, health: Health) {
        self.active.store(if health == Health::Healthy { UP } else { OUT }, Ordering::Relaxed);
    }
}

impl Release {
    /// The release of a route, closed: nobody gets there before it is opened.
    pub(crate) fn new(route: &SlotRoute, workers: usize) -> Self {
        static EPOCH: AtomicU64 = AtomicU64::new(1);
        let services = route.services.iter().map(|service| Service {
            name: service.service.clone(),
            path: service.path.trim_end_matches('/').to_owned(),
            health_path: service.health_path.clone(),
            instances: ArcSwap::from_pointee(
                service.instances.iter().map(|instance| Arc::new(Instance::new(instance))).collect(),
            ),
            counters: ServiceCounters::new(workers),
        });
        Self {
            key: route.key.clone(),
            slot: route.slot,
            id: route.release.clone(),
            services: services.collect(),
            // Two processes must not share an epoch, or a reader would subtract one's figures from the other's.
            epoch: (u64::from(std::process::id()) << 32) | EPOCH.fetch_add(1, Ordering::Relaxed),
            in_flight: AtomicU64::new(0),
            cut_upgraded: AtomicU64::new(0),
            closed: AtomicBool::new(true),
            drain_deadline: Mutex::new(None),
            changed: Notify::new(),
        }
    }

    /// Whether a route describes the same release with the same services, perhaps on other instances.
    pub(crate) fn is_same(&self, route: &SlotRoute) -> bool {
        self.id == route.release
            && self.services.len() == route.services.len()
            && self.services.iter().zip(&route.services).all(|(mine, theirs)| {
                mine.name == theirs.service
                    && mine.path == theirs.path.trim_end_matches('/')
                    && mine.health_path == theirs.health_path
            })
    }

    /// Takes over a route's instances. Those that stay where they were keep their connections and their health.
    pub(crate) fn replace_instances(&self, route: &SlotRoute) {
        for (service, theirs) in self.services.iter().zip(&route.services) {
            let mine = service.instances.load();
            let next = theirs.instances.iter().map(|wanted| {
                let same = mine
                    .iter()
                    .find(|instance| instance.id == wanted.id && instance.address == wanted.address);
                same.map_or_else(|| Arc::new(Instance::new(wanted)), Arc::clone)
            });
            service.instances.store(Arc::new(next.collect()));
        }
    }

    /// Lets requests come (again).
    pub(crate) fn open(&self) {
        self.set_drain_deadline(None);
        self.closed.store(false, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Lets no further request come.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Counts a request in, if it may come; the caller counts it out again with [`Self::leave`].
    pub(crate) fn enter(&self) -> Result<(), Closed> {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        if self.is_closed() {
            self.leave();
            return Err(Closed);
        }
        Ok(())
    }

    /// Counts a request out.
    pub(crate) fn leave(&self) {
        if self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 && self.is_closed() {
            self.changed.notify_waiters();
        }
    }

    /// Requests whose response or request body has not ended, upgraded connections included.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Notes an upgraded connection that was open at the deadline. To be called before it is counted out.
    pub(crate) fn note_cut_upgraded(&self) {
        self.cut_upgraded.fetch_add(1, Ordering::SeqCst);
    }

    /// How many were noted since this was asked last.
    pub(crate) fn take_cut_upgraded(&self) -> u64 {
        self.cut_upgraded.swap(0, Ordering::SeqCst)
    }

    /// When what is left on the release is cut, if that was decided.
    pub(crate) fn drain_deadline(&self) -> Option<Instant> {
        *self.drain_deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_drain_deadline(&self, deadline: Option<Instant>) {
        *self.drain_deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    pub(crate) fn metrics(&self) -> ReleaseMetrics {
        let services = self
            .services
            .iter()
            .map(|service| ServiceMetrics { service: service.name.clone(), counts: service.counters.read() });
        ReleaseMetrics {
            release: self.id.clone(),
            slot: self.slot,
            epoch: self.epoch,
            services: services.collect(),
        }
    }
}

/// The release gets no traffic any more: look the route up again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn route() -> SlotRoute {
        SlotRoute {
            key: "shop/staging".parse().unwrap(),
            slot: Slot::Blue,
            release: ReleaseId::new(1, "abcdef"),
            listen: "127.0.0.1:80".parse().unwrap(),
            hosts: Vec::new(),
            services: Vec::new(),
        }
    }

    #[test]
    fn a_closed_release_without_requests_stays_without() {
        let release = Arc::new(Release::new(&route(), 1));
        release.open();
        let stop = AtomicBool::new(false);
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        if release.enter().is_ok() {
                            release.leave();
                        }
                    }
                });
            }
            for _ in 0..200 {
                release.close();
                let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
                while release.in_flight.load(Ordering::SeqCst) != 0 {
                    if std::time::Instant::now() > until {
                        stop.store(true, Ordering::Relaxed);
                        panic!("requests still come to a closed release");
                    }
                    std::hint::spin_loop();
                }
                // A late comer may count itself for a moment, but is never let in.
                assert!(release.enter() == Err(Closed));
                release.open();
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
