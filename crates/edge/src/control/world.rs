//! The edge's world on the control thread: what the snapshot says, the releases that stand for it, and the table made of both.
//!
//! Everything in memory follows from the records by [`World::align`], be it at the start, by a call, or by what a successor
//! says. Live traffic moves in one order: the release that gets it is opened, the table is exchanged, the others are closed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bascule_model::ids::{EnvironmentKey, Generation, InstanceId, ReleaseId, Slot};

use super::protocol::{EnvironmentState, InstanceState, SlotState};
use crate::error::Refusal;
use crate::metrics::report::ReleaseMetrics;
use crate::release::Release;
use crate::route::{Health, SlotRoute};
use crate::snapshot::{EnvironmentRecord, Loaded, SetAside, conflict};
use crate::table::{ListenerIndex, Table, Target};

/// Records, releases, table.
pub(crate) struct World {
    pub(crate) records: BTreeMap<EnvironmentKey, EnvironmentRecord>,
    pub(crate) set_aside: Vec<SetAside>,
    pub(crate) faults: Vec<String>,
    releases: BTreeMap<(EnvironmentKey, Slot), Arc<Release>>,
    /// Every address that ever had a route or a socket; its place is its index in the table.
    addresses: Vec<SocketAddr>,
    table: Arc<ArcSwap<Table>>,
    workers: usize,
}

impl World {
    /// The world that a snapshot describes.
    pub(crate) fn new(loaded: Loaded, table: Arc<ArcSwap<Table>>, workers: usize) -> Self {
        let mut world = Self {
            records: BTreeMap::new(),
            set_aside: loaded.set_aside,
            faults: loaded.faults,
            releases: BTreeMap::new(),
            addresses: Vec::new(),
            table,
            workers,
        };
        for record in loaded.environments.into_values() {
            world.align(record);
        }
        world
    }

    /// The table's index of an address.
    pub(crate) fn listener_index(&mut self, address: SocketAddr) -> ListenerIndex {
        self.addresses.iter().position(|known| *known == address).unwrap_or_else(|| {
            self.addresses.push(address);
            self.addresses.len() - 1
        })
    }

    /// The record of an environment as a call would find it, with the call's generation noted.
    ///
    /// # Errors
    /// [`Refusal::Fenced`] when a higher generation was seen.
    pub(crate) fn fenced(
        &self,
        key: &EnvironmentKey,
        fence: Generation,
    ) -> Result<Option<EnvironmentRecord>, Refusal> {
        let Some(record) = self.records.get(key) else { return Ok(None) };
        if fence < record.generation {
            return Err(Refusal::Fenced { key: key.clone(), given: fence, seen: record.generation });
        }
        Ok(Some(EnvironmentRecord { generation: fence, ..record.clone() }))
    }

    /// What a record would be with a route put into its slot.
    pub(crate) fn with_slot(
        &self,
        mut record: EnvironmentRecord,
        route: SlotRoute,
    ) -> Result<EnvironmentRecord, Refusal> {
        let (key, slot) = (route.key.clone(), route.slot);
        if let Some(why) = route.fault() {
            return Err(Refusal::BadRoute { key, why });
        }
        if let Some(taken) = conflict(&self.records, &route) {
            return Err(Refusal::RouteTaken { key, other: taken.other, door: taken.door });
        }
        if record.live == Some(slot) && !self.release(&key, slot).is_some_and(|live| live.is_same(&route)) {
            return Err(Refusal::SlotLive { key, slot });
        }
        record.slots.insert(slot, route);
        Ok(record)
    }

    /// What a record would be with the traffic somewhere else. `None`: it is there already.
    pub(crate) fn switched(
        mut record: EnvironmentRecord,
        expect: Option<ReleaseId>,
        to: Option<(Slot, ReleaseId)>,
    ) -> Result<Option<EnvironmentRecord>, Refusal> {
        let key = record.key.clone();
        let live = record.live.zip(record.live_release().cloned());
        if live == to {
            return Ok(None);
        }
        let live = live.map(|(_, release)| release);
        if live != expect {
            return Err(Refusal::NotAsExpected { key, expected: expect, live });
        }
        if let Some((slot, release)) = &to
            && record.slots.get(slot).is_none_or(|route| route.release != *release)
        {
            return Err(Refusal::NotInSlot { key, slot: *slot, release: release.clone() });
        }
        record.live = to.map(|(slot, _)| slot);
        Ok(Some(record))
    }

    /// Makes memory what the record says.
    pub(crate) fn align(&mut self, record: EnvironmentRecord) {
        let key = record.key.clone();
        self.set_aside.retain(|entry| entry.report.environment != key.to_string());
        let mut gone = Vec::new();
        for slot in Slot::ALL {
            let place = (key.clone(), slot);
            match (record.slots.get(&slot), self.releases.get(&place)) {
                (Some(route), Some(release)) if release.is_same(route) => release.replace_instances(route),
                (Some(route), _) => {
                    gone.extend(self.releases.insert(place, Arc::new(Release::new(route, self.workers))));
                }
                (None, _) => gone.extend(self.releases.remove(&place)),
            }
        }
        for route in record.slots.values() {
            self.listener_index(route.listen);
        }
        let live = record.live;
        self.records.insert(key.clone(), record);
        if let Some(release) = live.and_then(|live| self.release(&key, live))
            && release.is_closed()
        {
            release.open();
        }
        self.table.store(Arc::new(self.build_table()));
        let standby = Slot::ALL.into_iter().filter(|slot| live != Some(*slot));
        for release in standby.filter_map(|slot| self.release(&key, slot)).chain(&gone) {
            release.close();
        }
    }

    fn build_table(&self) -> Table {
        let mut table = Table::default();
        for record in self.records.values() {
            let shown =
                record.slots.values().filter(|route| record.live.is_none_or(|live| live == route.slot));
            for route in shown {
                let Some(listener) = self.addresses.iter().position(|known| *known == route.listen) else {
                    continue;
                };
                let release = record.live.and_then(|live| self.release(&record.key, live));
                for (host, path, at) in route.doors() {
                    let target =
                        release.map_or(Target::Nobody, |release| Target::Live(Arc::clone(release), at));
                    table.add(listener, &host, &path, target);
                }
            }
        }
        table
    }

    /// What stands in a slot.
    pub(crate) fn release(&self, key: &EnvironmentKey, slot: Slot) -> Option<&Arc<Release>> {
        self.releases.get(&(key.clone(), slot))
    }

    /// Sets what the control plane thinks of an instance. An instance that is not there (any more) is nobody's concern.
    pub(crate) fn set_health(&self, key: &EnvironmentKey, id: &InstanceId, health: Health) {
        let services =
            Slot::ALL.into_iter().filter_map(|slot| self.release(key, slot)).flat_map(|r| &r.services);
        for service in services {
            for instance in service.instances.load().iter().filter(|instance| instance.id == *id) {
                instance.set_active_health(health);
            }
        }
    }

    pub(crate) fn metrics(&self, key: &EnvironmentKey) -> Vec<ReleaseMetrics> {
        Slot::ALL
            .into_iter()
            .filter_map(|slot| self.release(key, slot))
            .map(|release| release.metrics())
            .collect()
    }

    pub(crate) fn environments(&self) -> Vec<EnvironmentState> {
        let present = self.records.values().filter(|record| !record.slots.is_empty());
        present
            .map(|record| EnvironmentState {
                key: record.key.clone(),
                generation: record.generation,
                live: record.live.zip(record.live_release().cloned()),
                slots: record
                    .slots
                    .iter()
                    .filter_map(|(slot, route)| Some(slot_state(self.release(&record.key, *slot)?, route)))
                    .collect(),
            })
            .collect()
    }
}

fn slot_state(release: &Arc<Release>, route: &SlotRoute) -> SlotState {
    let instances = release.services.iter().flat_map(|service| {
        let instances = service.instances.load_full();
        let states: Vec<_> = instances
            .iter()
            .map(|instance| InstanceState {
                service: service.name.clone(),
                id: instance.id.clone(),
                address: instance.address,
                reachable: !instance.is_out(),
                health: instance.active_health(),
                in_flight: instance.in_flight.load(std::sync::atomic::Ordering::Relaxed),
            })
            .collect();
        states
    });
    SlotState {
        slot: release.slot,
        release: release.id.clone(),
        listen: route.listen,
        in_flight: release.in_flight(),
        upgraded_open: release.metrics().total().upgraded_open,
        instances: instances.collect(),
    }
}
